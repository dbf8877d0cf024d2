"""What a camera is told (`CameraConfig`), and what it tells (`CameraStatus`, `Snapshot`, `CameraFault`).

Times are aware UTC, durations seconds, sizes bytes, pictures pixels. Imports neither PyAV nor OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

State = Literal["starting", "streaming", "retrying", "stopped"]

FaultCode = Literal[
    "camera.refused",
    "camera.unreachable",
    "camera.unauthorised",
    "camera.not_found",
    "camera.timeout",
    "camera.frozen",
    "camera.lost",
    "camera.garbage",
    "camera.no_picture",
    "camera.process_died",
    "camera.disk_full",
    "camera.disk_error",
    "camera.bad_file",
]

_CREDENTIALS_LIMIT = 127
"""libavformat keeps percent-encoded `user:password` in 128 bytes with a closing zero (`rtsp.h`, `RTSPState.auth`)."""


class CameraFault(Exception):
    """Why a camera gives no picture or no recording.

    `code` is stable and for programs, `detail` is a sentence for people without secrets. `retry` says whether trying
    again soon can help: a wrong password will not cure itself, and quick repeats lock the camera's account.
    """

    def __init__(self, code: FaultCode, detail: str, retry: bool = True) -> None:
        super().__init__(code, detail, retry)
        self.code: FaultCode = code
        self.detail = detail
        self.retry = retry

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class CameraConfig(BaseModel):
    """One camera. The password has a field of its own, so that the address can be shown and logged."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="Short name, also the folder of its recordings.")
    url: str = Field(
        max_length=1000,
        description="rtsp://host[:port]/path, or clip:///absolute/path.mp4 for a file played as a live camera.",
    )
    username: str | None = Field(default=None, min_length=1, max_length=100, description="Account on the camera.")
    password: SecretStr | None = Field(default=None, description="Password of that account; never shown or logged.")
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How the pictures travel; tcp loses none.")
    timeout_s: float = Field(default=5, ge=0.5, le=60, description="Silence in seconds that counts as a fault.")
    record: bool = Field(default=False, description="Whether to keep a recording.")
    directory: Path | None = Field(default=None, description="Where recordings go; needed when `record` is on.")
    segment_seconds: float = Field(default=60, ge=1, le=3600, description="Least length in seconds of one file.")
    keep_bytes: int = Field(default=2_000_000_000, gt=0, description="Bytes of recordings of this camera to keep.")
    free_bytes_floor: int = Field(
        default=500_000_000, ge=0, description="Bytes that must stay free on the disk; recording pauses below."
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if any(ord(char) <= 32 or ord(char) == 127 for char in url):
            raise ValueError("the address holds a space or a control character")
        parts = urlsplit(url)
        if parts.scheme == "clip":
            if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
                raise ValueError("write a clip as clip:///absolute/path.mp4")
            return url
        if parts.scheme != "rtsp":
            raise ValueError("the address must start with rtsp:// or clip:///")
        if "@" in parts.netloc:
            raise ValueError("put the user name and the password into their own fields, not into the address")
        if not parts.hostname:
            raise ValueError("the address names no host")
        if parts.port == 0:
            raise ValueError("port 0 cannot be dialled")
        return url

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("a password needs a username")
        if self.username is not None and ":" in self.username:
            raise ValueError("a username must not hold a colon")
        if len(self.credentials) > _CREDENTIALS_LIMIT:
            raise ValueError("username and password are too long for RTSP (127 characters, percent-encoded)")
        if self.record and self.directory is None:
            raise ValueError("recording needs a directory")
        return self

    @property
    def credentials(self) -> str:
        """`user:password`, percent-encoded for an address. Secret: for the child process only."""
        if self.username is None:
            return ""
        password = self.password.get_secret_value() if self.password is not None else ""
        return f"{quote(self.username, safe='')}:{quote(password, safe='')}"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What one camera does now. `code` and `detail` say what is wrong, also while it streams (a full disk, say)."""

    state: State
    since: datetime
    """When `state` was entered."""
    code: FaultCode | None = None
    detail: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    """Pictures per second as they arrived during the last few seconds."""
    recording: bool = False
    """Whether the newest group of pictures is on the disk; true from the first complete group on."""
    last_frame_at: datetime | None = None
    attempts: int = 0
    """Failed tries since it last streamed for half a minute."""
    bytes_recorded: int = 0
    """Written since the camera's process started."""
    segments_deleted: int = 0
    """Old files removed since the camera's process started, to stay within the limits."""
    frames_dropped: int = 0
    """Pictures missing in the recording because the disk was too slow."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A still picture: the newest key frame, received at `at`."""

    jpeg: bytes
    at: datetime
    width: int
    height: int

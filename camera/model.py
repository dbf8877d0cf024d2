"""What a camera is told (`CameraConfig`), and what it tells (`CameraStatus`, `MotionEvent`, `LivePiece` ...).

Times are aware UTC, durations seconds, sizes bytes, pictures pixels. Imports neither PyAV nor OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from camera.settings import Disk, Motion, Retention

State = Literal["starting", "streaming", "retrying", "stopped"]
Stream = Literal["main", "sub"]
Transport = Literal["auto", "tcp", "udp"]
Picture = Literal["good", "covered", "moved", "blurred", "dark", "frozen"]

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
    "camera.eye_died",
    "camera.not_recorded",
    "camera.protected_full",
    "camera.bad_detector",
    "camera.bad_setting",
    "camera.no_key_frame",
    "camera.no_room",
    "camera.no_secret",
    "camera.not_onvif",
    "camera.onvif_refused",
    "camera.unsupported",
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
        description="rtsp[s]://host[:port]/path, or clip:///absolute/path.mp4 for a file played as a live camera.",
    )
    sub_url: str | None = Field(default=None, max_length=1000, description="The same camera's small stream.")
    username: str | None = Field(default=None, min_length=1, max_length=100, description="Account on the camera.")
    password: SecretStr | None = Field(default=None, description="Password of that account; never shown or logged.")
    transport: Transport = Field(default="auto", description="How the pictures travel; auto: TCP, UDP if it must.")
    timeout_s: float = Field(default=2, ge=0.5, le=60, description="Silence in seconds that counts as a fault.")
    record: bool = Field(default=False, description="Whether to keep a recording.")
    keep: Literal["all", "events"] = Field(default="all", description="events: video without motion goes after minutes")
    retention: Retention = Field(default=Retention(), description="How long its video stays.")
    motion: Motion | None = Field(default=None, description="Absent: nobody looks for motion.")

    @field_validator("url", "sub_url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if any(ord(char) <= 32 or ord(char) == 127 for char in url):
            raise ValueError("the address holds a space or a control character")
        parts = urlsplit(url)
        if parts.scheme == "clip":
            if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
                raise ValueError("write a clip as clip:///absolute/path.mp4")
            return url
        if parts.scheme not in {"rtsp", "rtsps"}:
            raise ValueError("the address must start with rtsp://, rtsps:// or clip:///")
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
        return self

    @property
    def credentials(self) -> str:
        """`user:password`, percent-encoded for an address. Secret: for the child process only."""
        if self.username is None:
            return ""
        password = self.password.get_secret_value() if self.password is not None else ""
        return f"{quote(self.username, safe='')}:{quote(password, safe='')}"


class GroupConfig(BaseModel):
    """Cameras that share a process, and the disk that they record to."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(default="cameras", pattern=r"^[a-z0-9-]{1,40}$")
    cameras: tuple[CameraConfig, ...] = Field(min_length=1, max_length=32)
    directory: Path | None = Field(default=None, description="Where recordings and events go; needed by `record`.")
    disk: Disk = Disk()
    memory_mb: int = Field(default=0, ge=0, description="Most memory of a process in MB; 0: by the number of cameras.")

    @model_validator(mode="after")
    def _check_group(self) -> Self:
        if self.directory is None and any(camera.record or camera.motion for camera in self.cameras):
            raise ValueError("recording and motion need a directory")
        if len({camera.id for camera in self.cameras}) < len(self.cameras):
            raise ValueError("two cameras have the same id")
        return self


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream of a camera as it arrives. Measured over the last seconds; None while unknown."""

    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    kbit_s: float | None = None
    gop_s: float | None = None
    """Seconds between the last two key frames."""
    last_frame_at: datetime | None = None
    reconnects: int = 0
    """Streams that broke since the process started."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What one camera does now. `code` and `detail` say what is wrong, also while it streams (a full disk, say)."""

    state: State
    since: datetime
    """When `state` was entered."""
    code: FaultCode | None = None
    detail: str | None = None
    main: StreamStatus = StreamStatus()
    sub: StreamStatus | None = None
    """None while nobody needs the sub stream."""
    recording: bool = False
    """Whether the newest group of pictures is on the disk; true from the first complete group on."""
    attempts: int = 0
    """Failed tries since it last streamed for half a minute."""
    bytes_recorded: int = 0
    """Written since the camera's process started."""
    segments_deleted: int = 0
    """Old files removed since the camera's process started, to stay within the limits."""
    frames_dropped: int = 0
    """Pictures missing in the recording because the disk was too slow."""
    oldest: datetime | None = None
    """Where the recording begins."""
    days_left: float | None = None
    """Days of video for which the limits have room, all in all, at the rate of the last hours."""
    clock_error_s: float | None = None
    """The camera's clock minus ours; None when the camera does not tell."""
    picture: Picture | None = None
    """What the picture is like; None while nobody looks at it."""
    picture_since: datetime | None = None
    moving: bool | None = None
    """Whether something moves now; None without motion detection."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A still picture: a key frame, received at `at`."""

    jpeg: bytes
    at: datetime
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MotionEvent:
    """Something moved. Told when it begins (`end` is None), and again when it has ended."""

    id: str
    """Unique on this disk; sorts by time."""
    camera: str
    begin: datetime
    end: datetime | None
    zones: tuple[str, ...]
    score: float
    """Largest part of the picture that moved, 0 to 1; with a detector its best score."""
    label: str | None = None
    """What the detector saw."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom of the strongest motion, fractions."""


@dataclass(frozen=True, slots=True)
class LivePiece:
    """A piece of a live stream for Media Source: `init` first, then `key` and `delta` pieces in order of `number`."""

    camera: str
    stream: Stream
    kind: Literal["init", "key", "delta"]
    epoch: int
    """Grows with every init: pieces fit only the init of their own epoch."""
    number: int
    """0 for init, then 1, 2, 3 ... without holes within an epoch, unless pieces were left out."""
    at: datetime
    """When the picture arrived from the camera."""
    codec: str
    """As MIME names it (RFC 6381), for example avc1.64001f."""
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Deleted:
    """Video that had to go before its days were over."""

    camera: str
    begin: datetime
    end: datetime
    bytes: int
    reason: Literal["camera_bytes", "disk_bytes", "free_bytes"]

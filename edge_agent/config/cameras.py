"""The configuration of cameras, and of the disk that keeps their video."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from camera.settings import Disk, Motion, Retention
from edge_agent.config.section import Location, Secret, Section
from edge_agent.contract.base import Name

_ADDRESS = re.compile(r"^(rtsps?://|clip:///)\S+$")
# user:password@host, and the forms that cameras invented: ?password=, /user=admin&password=, _password=
_PASSWORD = re.compile(r"(?i)(password|passwd|pwd|pass)=")


class CameraEntry(Section):
    """A camera."""

    id: Name
    name: str = Field(min_length=1, max_length=100)
    url: str = Field(description="rtsp://host/path without user and password", examples=["rtsp://10.0.0.20/stream1"])
    sub_url: str | None = Field(
        default=None,
        description="Its small stream: for motion and for looking live, also where a browser cannot show the main one",
        examples=["rtsp://10.0.0.20/stream2"],
    )
    username: str | None = None
    password: Secret | None = None
    transport: Literal["auto", "tcp", "udp"] = Field(
        default="auto", description="auto: TCP, which loses nothing; UDP where the camera refuses it"
    )
    timeout_s: float = Field(default=2, ge=0.5, le=60, description="Silence that counts as a fault")
    record: bool = Field(default=True, description="Keep the video on the node's disk, as the camera sends it")
    keep: Literal["all", "events"] = Field(
        default="all", description="events: video in which nothing moved goes after ten minutes"
    )
    retention: Retention = Retention()
    motion: Motion | None = Field(default=None, description="Look for motion; absent: nobody does")
    zone: str | None = None
    public: bool = Field(default=False, description="Everybody may see it live; marked so by hand, after thinking")
    group: Name = Field(default="cameras", description="Cameras of one group share a process; a second one parts risks")

    @field_validator("url", "sub_url")
    @classmethod
    def _camera_url(cls, value: str | None) -> str | None:
        if value is not None:
            check_address(value)
        return value


def check_address(value: str) -> None:
    """Raise PydanticCustomError (config.camera_*) where a stream's address is none, or holds a password."""
    if not _ADDRESS.match(value):
        raise PydanticCustomError("config.camera_url", "must begin with rtsp:// or clip:///")
    # An @ anywhere: a password may hold a slash, and looks like host and path then. In a path it is written %40.
    if (value.startswith("rtsp") and "@" in value) or _PASSWORD.search(value):
        raise PydanticCustomError("config.camera_secret", "the URL has a user or password in clear")
    _check_host(value)


def _check_host(value: str) -> None:
    if not value.startswith("rtsp"):
        return
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number below 65536, a bracket that is not closed
        raise PydanticCustomError("config.camera_port", "the port must be a number from 1 to 65535") from None
    if port == 0:
        raise PydanticCustomError("config.camera_port", "the port must be a number from 1 to 65535")
    if not host:
        raise PydanticCustomError("config.camera_host", "the address names no host")


class Video(Section):
    """Where the recordings of all cameras are kept, and what they may take together."""

    path: Location | None = Field(default=None, description="Absent: folder video of the storage")
    disk: Disk = Disk()

    def folder(self, storage: Path) -> Path:
        """Return where recordings go."""
        return self.path or storage / "video"

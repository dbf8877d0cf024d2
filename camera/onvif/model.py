"""What ONVIF tells of a camera. Plain values; everything a device says has been cut to a sane length."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A device that answered a search: where its services are, and how it calls itself."""

    address: str
    """Address of its device service, http or https."""
    host: str
    """Where the answer came from."""
    name: str = ""
    hardware: str = ""
    location: str = ""
    id: str = ""
    """The device's own lasting name, urn:uuid:..."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A stream that a camera offers. Sizes in pixels; None: the camera does not say."""

    token: str
    name: str
    url: str
    """rtsp://..., without user and password."""
    codec: str | None = None
    """As elsewhere in this package: h264, hevc, mjpeg, mpeg4."""
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    kbit_s: float | None = None
    gop_s: float | None = None

    @property
    def pixels(self) -> int:
        """Width times height."""
        return (self.width or 0) * (self.height or 0)


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A camera as it describes itself."""

    address: str
    maker: str
    model: str
    firmware: str
    clock_error: timedelta | None
    """The camera's clock minus ours, to about a second; None: it does not tell."""
    profiles: tuple[Profile, ...]

    @property
    def main(self) -> Profile | None:
        """The largest stream that can be recorded: H.264 before H.265 only where they are equally large."""
        return max(self._usable, key=lambda p: (p.pixels, p.codec == "h264", p.kbit_s or 0), default=None)

    @property
    def sub(self) -> Profile | None:
        """The best small stream beside the main one: one that browsers can show, the nearest to 640 x 360."""
        main = self.main
        small = [p for p in self._usable if main and p.url != main.url and p.pixels <= main.pixels]
        return min(small, key=lambda p: (p.codec != "h264", abs(p.pixels - 640 * 360)), default=None)

    @property
    def _usable(self) -> list[Profile]:
        return [p for p in self.profiles if p.url and p.codec in (None, "h264", "hevc")]


def text(value: object) -> str:
    """What a device says, on one line and not too long."""
    words = " ".join(str(value).split()) if value is not None else ""
    return "".join(c for c in words if c.isprintable())[:LONGEST_TEXT]

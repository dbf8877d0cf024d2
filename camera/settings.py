"""What a person may set for a camera's motion detection and for the disk. Lengths in seconds, sizes in bytes.

Places in the picture are fractions of its width and height, from the upper left corner: they stay right when another
stream or another resolution is looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from camera.polygon import check_corners

Fraction = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=40), BeforeValidator(check_corners)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
_ENDLESS = 1 << 62
Sensitivity = Literal["low", "normal", "high"]


class Settings(BaseModel):
    """Strict: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Zone(Settings):
    """A part of the picture in which motion counts."""

    id: Name
    name: str = Field(default="", max_length=100, description="As people call it; empty: its id")
    points: Polygon = Field(description="Corners as [x, y], fractions of width and height from the upper left")
    smallest: Fraction | None = Field(default=None, description="Instead of the camera's own `smallest`")


class Detector(Settings):
    """A model that says what moved; an ONNX file of the SSD or YOLO kind, read by OpenCV."""

    model: Path = Field(description="The ONNX file")
    labels: tuple[str, ...] = Field(min_length=1, max_length=1000, description="Names of its classes, in their order")
    wanted: tuple[str, ...] = Field(default=(), description="Only these make an event; empty: all of them")
    least: Fraction = Field(default=0.5, description="Least score that counts")
    size: int = Field(default=320, ge=32, le=1280, description="Side in pixels of the square that the model takes")


class Motion(Settings):
    """How motion is found."""

    stream: Literal["auto", "main", "sub"] = Field(
        default="auto", description="What is looked at; auto: the sub stream where there is one"
    )
    frames: Literal["key", "all"] = Field(
        default="key", description="key: only key frames, the cheapest; all: every picture, for events under 4 s"
    )
    zones: tuple[Zone, ...] = Field(default=(), max_length=20, description="Where motion counts; none: everywhere")
    masks: tuple[Polygon, ...] = Field(
        default=(), max_length=20, description="Never looked at, and black in snapshots; NOT in the recorded video"
    )
    sensitivity: Sensitivity = "normal"
    night_sensitivity: Sensitivity | None = Field(default=None, description="When the picture is dark or grey")
    smallest: Fraction = Field(default=0.001, description="Least part of the picture that must move")
    persist_s: float = Field(default=0, ge=0, le=60, description="Shorter motion makes no event")
    quiet_s: float = Field(default=6, ge=1, le=120, description="An event ends after so long without motion")
    longest_s: float = Field(default=300, ge=10, le=3600, description="A longer event is closed and another begun")
    before_s: float = Field(default=5, ge=0, le=60, description="What an event's clip shows of the time before")
    after_s: float = Field(default=5, ge=0, le=60, description="And of the time after")
    send_pictures: bool = Field(
        default=True,
        description="Send each event's picture to the hub unasked, about 50 kB; false: when asked for",
    )
    detector: Detector | None = Field(default=None, description="Says what moved; absent: any motion counts")

    @model_validator(mode="after")
    def _zones_once(self) -> Self:
        ids = [zone.id for zone in self.zones]
        if len(set(ids)) < len(ids):
            raise PydanticCustomError("config.zone_twice", "two zones of a camera have the same id")
        return self


class Retention(Settings):
    """How long one camera's video stays."""

    days: float = Field(default=14, gt=0, le=3650, description="Older video goes")
    event_days: float = Field(default=30, gt=0, le=3650, description="Video of motion events stays so long")
    bytes: int | None = Field(
        default=None,
        ge=10_000_000,
        description="Oldest video goes beyond this; absent: only the days and what all cameras may take count",
    )

    @property
    def most_bytes(self) -> int:
        """What this camera may take; without a limit of its own more than any disk holds."""
        return _ENDLESS if self.bytes is None else self.bytes


class Disk(Settings):
    """What the recordings of all cameras together may take."""

    bytes: int | None = Field(default=None, ge=10_000_000, description="Oldest video of any camera goes beyond this")
    free_bytes: int = Field(
        default=500_000_000, ge=0, description="Stays free on the disk, come what may; recording pauses below"
    )
    segment_seconds: float = Field(default=60, ge=1, le=3600, description="Least length of one file")

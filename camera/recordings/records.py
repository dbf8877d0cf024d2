"""What readers of the recordings get. Times are aware UTC, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Span:
    """Video without a break."""

    begin: datetime
    end: datetime
    bytes: int
    kept: bool
    """Kept by hand, whatever its age."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A motion event. `end` is None while it lasts."""

    id: str
    camera: str
    begin: datetime
    end: datetime | None
    zones: tuple[str, ...]
    score: float
    label: str | None
    box: tuple[float, float, float, float] | None
    picture: bool
    """Whether there is a picture of it."""
    kept: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """An MP4 cut out of the recording by copy; it begins at the key frame at or before what was asked for."""

    path: Path
    bytes: int
    sha256: str
    begin: datetime
    end: datetime
    gap_s: float
    """Seconds within it that were not recorded; they are left out, not shown as a standing picture."""
    cut_short: bool = False
    """It ends early, because the camera's format changed there: ask again from `end` on for the rest."""

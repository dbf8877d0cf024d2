"""The cue sheet: what is heard when, by whom, how loud."""

import json
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from tts.files import draft
from tts.speech import Attempt


@dataclass(frozen=True, slots=True)
class Cue:
    """One item. Times in seconds from the start of the file; loudness in LUFS, measured, without the music.

    `segment` counts from 1, as in the script. `voice` is the script's name of it, `engine` what spoke. `reached` says
    whether the item is as loud as the others; more would have damaged it. `cached`: nothing had to be made.
    """

    segment: int
    start_s: float
    end_s: float
    kind: str
    title: str
    voice: str
    engine: str
    written: str
    spoken: str
    loudness: float | None
    reached: bool
    cached: bool
    tried: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CueSheet:
    """A finished programme: its file (SHA-256 in hex), what it measures, and its items in order.

    `target` is the loudness asked for, `level` that of the items: lower when one of them cannot be so loud without
    damage, for then all are lowered to it.
    """

    title: str
    date: str
    file: str
    sha256: str
    seconds: float
    target: float
    level: float
    loudness: float | None
    true_peak: float | None
    items: tuple[Cue, ...]

    def spread(self) -> float:
        """Return by how many LU the loudest and the quietest item differ."""
        levels = [cue.loudness for cue in self.items if cue.loudness is not None]
        return max(levels) - min(levels) if levels else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return asdict(self)

    def write(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all.

        Raises:
            OSError: the disk refused, or `path` is no file.
        """
        with draft(Path(path)) as temporary:
            temporary.write_text(json.dumps(self.as_json(), ensure_ascii=False, indent=1), encoding="utf-8")


def rounded(level: float) -> float | None:
    """Return a level with two decimals, None for silence."""
    return round(level, 2) if isfinite(level) else None

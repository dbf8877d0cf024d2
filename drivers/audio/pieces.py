"""What is to be played: checked before air, and as it travels to the playing process."""

import math
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from drivers.audio.wav import WavInfo, read_info
from drivers.contract import DriverFault
from drivers.speaker import Piece

_LONGEST_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Item:
    """A piece, of one kind. `seconds` of silence or of a live stream; None, or `at_most`: until its writer closes."""

    kind: Literal["wav", "silence", "live"]
    path: str = ""
    seconds: float | None = None
    at_most: bool = False

    @property
    def file(self) -> Path:
        """The path."""
        return Path(self.path)

    def as_json(self) -> dict[str, Any]:
        """Return what `Item(**...)` takes."""
        return {"kind": self.kind, "path": self.path, "seconds": self.seconds, "at_most": self.at_most}


def items_of(sound: Path | Sequence[Piece]) -> list[Item]:
    """Turn what a caller gave into items. Raises ValueError for pieces that make no sense."""
    if isinstance(sound, (str, os.PathLike)):
        return [Item("wav", str(Path(sound).absolute()))]
    items = [_item(piece) for piece in sound]
    if not items:
        raise ValueError("there is nothing to play: no pieces")
    return items


def require_playable(items: Sequence[Item]) -> list[WavInfo | None]:
    """Read every header; None for what is no WAV. Blocking. Raises DriverFault `speaker.bad_audio`."""
    return [_info(item) for item in items]


def _item(piece: Piece) -> Item:
    seconds = piece.seconds
    if seconds is not None and not (math.isfinite(seconds) and 0 <= seconds <= _LONGEST_S):
        raise ValueError(f"a piece lasts from 0 s to a week, not {seconds} s")
    if piece.at_most and (not piece.live or seconds is None):
        raise ValueError("only a live piece with seconds lasts at most that long")
    if piece.live:
        if piece.path is None:
            raise ValueError("a live piece needs the path of a FIFO")
        return Item("live", str(piece.path.absolute()), seconds, piece.at_most)
    if piece.path is None:
        if seconds is None:
            raise ValueError("a piece without a path is silence and needs its seconds")
        return Item("silence", "", seconds)
    if seconds is not None:
        raise ValueError("a WAV file is as long as it is: seconds are for silence and live pieces")
    return Item("wav", str(piece.path.absolute()))


def _info(item: Item) -> WavInfo | None:
    if item.kind == "wav":
        return read_info(item.file)
    if item.kind == "live":
        try:
            is_fifo = stat.S_ISFIFO(item.file.stat().st_mode)
        except OSError as error:
            raise DriverFault("speaker.bad_audio", f"{item.file.name} cannot be played: {error}") from error
        if not is_fifo:
            raise DriverFault("speaker.bad_audio", f"{item.file.name} is not a FIFO: a live piece is read from one")
    return None

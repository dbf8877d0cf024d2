"""Where each item of a programme goes, and how loud all of them can be."""

from dataclasses import dataclass, field
from math import isfinite

from tts.audio import RATE
from tts.programme import sound
from tts.programme.mix import Bed, Placed
from tts.programme.model import STOP, Music
from tts.programme.studio import Made

MOST_LOWER_LU = 3.0
"""An item that cannot be as loud as the others pulls them down by no more than this."""


@dataclass(frozen=True, slots=True)
class Spot:
    """An item at its place: `segment` from 0, `start` and `count` in samples."""

    segment: int
    kind: str
    made: Made
    start: int
    count: int


@dataclass
class Timeline:
    """Items in order; `at` is the sample up to which the programme is laid out."""

    gap_s: float
    at: int = 0
    spots: list[Spot] = field(default_factory=list)
    _beds: list[tuple[Music, Made, int, int, int]] = field(default_factory=list)
    _music: tuple[Music, Made, int] | None = None
    _joined: bool = False  # the last thing was an item: a gap belongs before the next

    def place(self, segment: int, kind: str, made: Made) -> None:
        """Put an item behind what is there."""
        if self._joined:
            self.wait(self.gap_s)
        count = sound.length(made.path)
        self.spots.append(Spot(segment, kind, made, self.at, count))
        self.at += count
        self._joined = True

    def wait(self, seconds: float) -> None:
        """Leave a pause."""
        self.at += round(seconds * RATE)
        self._joined = False

    def play(self, music: Music, made: Made) -> None:
        """Begin music; what played before fades out meanwhile."""
        self._end(music.fade_s, self.at + round(music.fade_s * RATE))
        self._music = music, made, self.at
        self.wait(music.lead_s)

    def stop(self, music: Music) -> None:
        """Let the music be alone for a while, and end it."""
        if self._music is not None:
            self.wait(music.lead_s)
            self._end(max(music.fade_s, music.lead_s), self.at)

    def close(self) -> None:
        """End what still plays, as it began."""
        if self._music is not None:
            self.stop(self._music[0].model_copy(update={"music": STOP}))

    def _end(self, fade_s: float, at: int) -> None:
        if self._music is not None:
            self._beds.append((*self._music, at, round(fade_s * RATE)))
            self._music = None

    def level(self, target: float) -> float:
        """Return the loudness in LUFS that all items can have, or nearly all."""
        reached = [spot.made.lufs for spot in self.spots if isfinite(spot.made.lufs)]
        return max(min([target, *reached]), target - MOST_LOWER_LU)

    def items(self, level: float) -> list[Placed]:
        """Return the items for the mix, none louder than `level`."""
        return [Placed(spot.made.path, spot.start, spot.count, _gain(spot.made, level)) for spot in self.spots]

    def beds(self, level: float) -> list[Bed]:
        """Return the music for the mix."""
        return [
            Bed(
                made.path,
                start,
                end,
                round(music.fade_s * RATE),
                fade_out,
                music.alone_lu - _gain(made, level),
                music.under_lu - _gain(made, level),
            )
            for music, made, start, end, fade_out in self._beds
        ]


def _gain(made: Made, level: float) -> float:
    return min(0.0, level - made.lufs) if isfinite(made.lufs) else 0.0

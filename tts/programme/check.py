"""Trying a script without speaking: what is read how, what must be asked, how long it will take."""

from dataclasses import dataclass
from datetime import date

from tts.programme.chimes import chime
from tts.programme.lines import Line, read_all
from tts.programme.model import Chime, Music, Pause, Script
from tts.programme.problems import Problem
from tts.reading import Reading
from tts.sentences import split

# espeak-ng at its usual 150 words a minute: measured over the shipped bulletin; Google's voice is about as quick.
_S_PER_WORD = 0.235
_S_PER_SENTENCE = 0.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """The lines as they will be said, what stands in the way, and the length in seconds, recordings not counted."""

    lines: list[tuple[Line, Reading]]
    problems: list[Problem]
    seconds: float


def check(script: Script, day: date | None = None) -> Estimate:
    """Read all texts of a script, without speaking. `day` is that of the script, or today."""
    read, problems = read_all(script, day or script.date or date.today())
    seconds = sum(_seconds(reading.spoken) + script.gap_s for _, reading in read)
    for segment in script.segments:
        if isinstance(segment, Chime):
            seconds += len(chime(segment.chime)) / 48_000 + script.gap_s
        elif isinstance(segment, Pause):
            seconds += segment.pause
        elif isinstance(segment, Music):
            seconds += segment.lead_s
    return Estimate(read, problems, round(seconds, 1))


def _seconds(spoken: str) -> float:
    return sum(len(each.text.split()) * _S_PER_WORD + each.pause_s + _S_PER_SENTENCE for each in split(spoken))

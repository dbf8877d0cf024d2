"""Trying a script without speaking: what is read how, what must be asked, how long it will take."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tts.engines.recording import PHRASES
from tts.programme import places
from tts.programme.chimes import chime
from tts.programme.lines import Line, read_all
from tts.programme.load import problem
from tts.programme.model import Chime, Music, Pause, Recording, Script, is_file
from tts.programme.problems import Problem
from tts.reading import Reading
from tts.sentences import split

# espeak-ng at its usual 150 words a minute: measured over the shipped bulletin; Google's voice is about as quick.
_S_PER_WORD = 0.235
_S_PER_SENTENCE = 0.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """The lines as they will be said, what stands in the way, and the length in seconds, recordings not counted.

    `warnings` do not stand in the way: files of voices that are missing, so that the next engine will speak.
    """

    lines: list[tuple[Line, Reading]]
    problems: list[Problem]
    seconds: float
    warnings: list[Problem]


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
    return Estimate(read, problems, round(seconds, 1), list(_missing(script)))


def inputs(script: Script) -> list[Path]:
    """Return the files that a script needs: recordings, music, dictionaries, a horn's profile, those of the voices."""
    files = [segment.recording for segment in script.segments if isinstance(segment, Recording)]
    files += [Path(each.music) for each in script.segments if isinstance(each, Music) and is_file(each.music)]
    files += script.reading.dictionaries
    if Path(script.enhancement.horn).suffix:
        files.append(Path(script.enhancement.horn))
    for _, path in _of_voices(script):
        files += path.iterdir() if path.is_dir() else [path]
    return files


def _of_voices(script: Script) -> Iterator[tuple[places.Path, Path]]:
    """Give the files and folders that engines are told of, and where the script names them."""
    for name, chain in script.voices.items():
        for number, engine in enumerate(chain):
            for key in ("folder", "model", "config", "ca_file"):
                if isinstance(path := getattr(engine, key, None), Path):
                    yield ("voices", name, number, key), path


def _missing(script: Script) -> Iterator[Problem]:
    for path, file in _of_voices(script):
        wanted = file / PHRASES if path[-1] == "folder" else file
        if not wanted.is_file():
            context = {"name": str(wanted), "voice": path[1]}
            detail = f"there is no {wanted}, which the voice {path[1]} needs"
            yield problem(script.document, path, "programme.voice_file", detail, context)


def _seconds(spoken: str) -> float:
    return sum(len(each.text.split()) * _S_PER_WORD + each.pause_s + _S_PER_SENTENCE for each in split(spoken))

"""From a script to the finished file and its cue sheet. What is finished is kept, so a killed render goes on."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tts import finish
from tts.audio import RATE
from tts.errors import AudioError, SpeechError
from tts.files import real_target, sha256_of
from tts.limiter import Limiter
from tts.loudness import Meter
from tts.programme.check import inputs
from tts.programme.cue import Cue, CueSheet, rounded
from tts.programme.encode import check_name, encode
from tts.programme.lines import Line, read_all, voice_problem
from tts.programme.mix import mix
from tts.programme.model import STOP, Chime, Music, Pause, Recording, Script, Segment, kind_of
from tts.programme.problems import ScriptError
from tts.programme.studio import Studio
from tts.programme.timeline import Spot, Timeline

if TYPE_CHECKING:
    from tts.programme.sound import Samples

_WITHIN_LU = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a render is: `done` of `count` items made, then `done` of `count` seconds written."""

    stage: Literal["items", "seconds"]
    done: int
    count: int
    title: str = ""


Tell = Callable[[Progress], None]


def render(
    script: Script, out: str | Path, *, day: date | None = None, cache_dir: Path | None = None, tell: Tell | None = None
) -> CueSheet:
    """Make the programme for `day` (the script's own, or today) and write it to `out`: .flac, .opus, .ogg or .wav.

    `cache_dir` keeps speech and items for the next time; without one nothing is kept. `tell` is called as it goes on.

    Raises:
        ScriptError: something cannot be read, must be asked first, or cannot be made; all texts are tried first.
        TargetError: `out` is no file, or one that the script needs.
        OutputError: `out` has an ending that is not known, or is being written by another program.
        OSError: the disk refused.
    """
    out = Path(out)
    check_name(out)
    real_target(out, inputs(script))
    day = day or script.date or date.today()
    read, problems = read_all(script, day)
    if problems:
        raise ScriptError(script.title, problems)
    target = finish.target_lufs(script.enhancement if script.enhancement.enabled else None)
    target = target if script.loudness is None else script.loudness
    tell = tell or (lambda _progress: None)
    with ExitStack() as stack:
        folder = cache_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="programme-")))
        studio = stack.enter_context(Studio(script, target, folder))
        timeline = _laid_out(script, studio, [line for line, _ in read], tell)
        level = timeline.level(target)
        whole, each = Meter(RATE), [Meter(RATE) for _ in timeline.spots]
        encode(out, _limited(timeline, level, (whole, each), tell), script.title)
    return CueSheet(
        script.title,
        day.isoformat(),
        str(out),
        sha256_of(out),
        round(timeline.at / RATE, 3),
        target,
        round(level, 2),
        rounded(whole.close().integrated()),
        rounded(whole.true_peak()),
        tuple(_cue(script, spot, level, meter) for spot, meter in zip(timeline.spots, each, strict=True)),
    )


def _laid_out(script: Script, studio: Studio, lines: list[Line], tell: Tell) -> Timeline:
    """Make all items and lay them out."""
    timeline = Timeline(script.gap_s)
    steps = list(_steps(script, lines))
    for done, (number, line) in enumerate(steps):
        segment = script.segments[number]
        tell(Progress("items", done, len(steps), segment.title or kind_of(segment) or ""))
        try:
            _step(timeline, studio, number, segment, line)
        except (SpeechError, AudioError) as error:
            path = line.path if line else ("segments", number)
            raise ScriptError(script.title, [voice_problem(script, path, error)]) from error
    tell(Progress("items", len(steps), len(steps)))
    timeline.close()
    return timeline


def _steps(script: Script, lines: list[Line]) -> Iterator[tuple[int, Line | None]]:
    """Give the segments, from 0, those that are spoken once for each of their lines."""
    for number in range(len(script.segments)):
        here: list[Line | None] = [line for line in lines if line.segment == number]
        yield from ((number, line) for line in here or [None])


def _step(timeline: Timeline, studio: Studio, number: int, segment: Segment, line: Line | None) -> None:
    if line is not None:
        timeline.place(number, line.kind, studio.speech(line))
    elif isinstance(segment, Chime):
        timeline.place(number, "chime", studio.chime(segment.chime))
    elif isinstance(segment, Recording):
        timeline.place(number, "recording", studio.recording(segment))
    elif isinstance(segment, Pause):
        timeline.wait(segment.pause)
    elif isinstance(segment, Music) and segment.music == STOP:
        timeline.stop(segment)
    elif isinstance(segment, Music):
        timeline.play(segment, studio.loop(segment.music))


def _cue(script: Script, spot: Spot, level: float, meter: Meter) -> Cue:
    made = spot.made
    return Cue(
        spot.segment + 1,
        round(spot.start / RATE, 3),
        round((spot.start + spot.count) / RATE, 3),
        spot.kind,
        script.segments[spot.segment].title,
        made.voice,
        made.engine,
        made.written,
        made.spoken,
        rounded(meter.close().integrated()),
        made.lufs > level - _WITHIN_LU,
        made.cached,
        made.tried,
        made.warnings,
    )


def _limited(timeline: Timeline, level: float, meters: tuple[Meter, list[Meter]], tell: Tell) -> "Iterator[Samples]":
    """Give the mixed programme under its ceiling, measured: the whole, and each item without the music."""
    whole, each = meters
    limiter = Limiter(RATE)
    done = 0

    def measured(block: "Samples") -> "Samples":
        whole.add(block)
        return block

    mixed = mix(timeline.items(level), timeline.beds(level), timeline.at, lambda item, block: each[item].add(block))
    for block in mixed:
        yield measured(limiter.process(block))
        done += len(block)
        tell(Progress("seconds", round(done / RATE), round(timeline.at / RATE)))
    yield measured(limiter.flush())

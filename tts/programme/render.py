"""From a script to the finished file and its cue sheet. What is finished is kept, so a killed render goes on."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tts import finish
from tts.audio import RATE
from tts.errors import AudioError, SpeechError
from tts.files import sha256_of
from tts.limiter import Limiter
from tts.loudness import Meter
from tts.programme import sound
from tts.programme.cue import Cue, CueSheet, rounded
from tts.programme.encode import check_name, encode
from tts.programme.lines import Line, read_all
from tts.programme.load import problem
from tts.programme.mix import Bed, Placed, mix
from tts.programme.model import STOP, Chime, Music, Pause, Recording, Script, kind_of
from tts.programme.problems import ScriptError
from tts.programme.studio import Made, Studio

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
        OutputError: `out` has an ending that is not known, or is being written by another program.
        OSError: the disk refused.
    """
    out = Path(out)
    check_name(out)
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
        timeline = _Timeline(script, studio, tell)
        timeline.build([line for line, _ in read])
        whole = Meter(RATE)
        encode(out, _limited(timeline, whole, tell), script.title)
    return timeline.sheet(out, day, target, whole.close())


@dataclass
class _Timeline:
    """Where each item goes. `at` is the sample up to which the programme is laid out."""

    script: Script
    studio: Studio
    tell: Tell
    at: int = 0
    placed: list[tuple[int, str, Made, Placed]] = field(default_factory=list)
    beds: list[Bed] = field(default_factory=list)
    _music: tuple[Music, Made, int] | None = None
    _joined: bool = False  # the last thing was an item: a gap belongs before the next

    def build(self, lines: list[Line]) -> None:
        """Make all items and lay them out."""
        spoken = {
            number: [line for line in lines if line.segment == number] for number in range(len(self.script.segments))
        }
        count = sum(max(1, len(here)) for here in spoken.values())
        done = 0
        for number, segment in enumerate(self.script.segments):
            title = segment.title or kind_of(segment) or ""
            here: list[Line | None] = [*spoken[number]] or [None]
            for line in here:
                self.tell(Progress("items", done, count, title))
                try:
                    self._segment(number, line)
                except (SpeechError, AudioError) as error:
                    path = line.path if line else ("segments", number)
                    found = problem(self.script.document, path, error.code, error.detail, {"detail": error.detail})
                    raise ScriptError(self.script.title, [found]) from error
                done += 1
        self.tell(Progress("items", count, count))
        self._stop(self._music[0] if self._music else None)

    def _segment(self, number: int, line: Line | None) -> None:
        segment = self.script.segments[number]
        if line is not None:
            self._place(number, line.kind, self.studio.speech(line))
        elif isinstance(segment, Chime):
            self._place(number, "chime", self.studio.chime(segment.chime))
        elif isinstance(segment, Recording):
            self._place(number, "recording", self.studio.recording(segment))
        elif isinstance(segment, Pause):
            self._wait(segment.pause)
        elif isinstance(segment, Music):
            self._stop(segment)
            if segment.music != STOP:
                self._music = segment, self.studio.loop(segment.music), self.at
                self._wait(segment.lead_s)

    def _place(self, number: int, kind: str, made: Made) -> None:
        if self._joined:
            self._wait(self.script.gap_s)
        count = sound.length(made.path)
        self.placed.append((number, kind, made, Placed(made.path, self.at, count, Meter(RATE))))
        self.at += count
        self._joined = True

    def _wait(self, seconds: float) -> None:
        self.at += round(seconds * RATE)
        self._joined = False

    def _stop(self, by: Music | None) -> None:
        """End the music that plays: alone for a while after the last item, fading out."""
        if self._music is None or by is None:
            return
        music, made, start = self._music
        self._music = None
        fade_s = by.fade_s
        if by.music == STOP or by is music:
            self._wait(by.lead_s)
            fade_s = max(fade_s, by.lead_s)
        fade_in, fade_out = round(music.fade_s * RATE), round(fade_s * RATE)
        self.beds.append(Bed(made.path, start, self.at, fade_in, fade_out, music.alone_lu, music.under_lu))

    def sheet(self, out: Path, day: date, target: float, whole: Meter) -> CueSheet:
        """Return the cue sheet of the written programme."""
        cues = []
        for number, kind, made, place in self.placed:
            level = rounded(place.meter.integrated())
            cues.append(
                Cue(
                    number + 1,
                    round(place.start / RATE, 3),
                    round(place.end / RATE, 3),
                    kind,
                    self.script.segments[number].title,
                    made.voice,
                    made.engine,
                    made.written,
                    made.spoken,
                    level,
                    level is not None and abs(level - target) <= _WITHIN_LU,
                    made.cached,
                    made.tried,
                    made.warnings,
                )
            )
        return CueSheet(
            self.script.title,
            day.isoformat(),
            str(out),
            sha256_of(out),
            round(self.at / RATE, 3),
            target,
            rounded(whole.integrated()),
            rounded(whole.true_peak()),
            tuple(cues),
        )


def _limited(timeline: _Timeline, whole: Meter, tell: Tell) -> "Iterator[Samples]":
    """Give the mixed programme under its ceiling, measured."""
    limiter = Limiter(RATE)
    total = timeline.at
    done = 0

    def measured(block: "Samples") -> "Samples":
        whole.add(block)
        return block

    for block in mix([place for *_, place in timeline.placed], timeline.beds, total):
        yield measured(limiter.process(block))
        done += len(block)
        tell(Progress("seconds", round(done / RATE), round(total / RATE)))
    yield measured(limiter.flush())

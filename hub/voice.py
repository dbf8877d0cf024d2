"""The hub's own voice: how a text will be read on the pole, and how it will sound there, before it is sent.

What people choose, and what the commune's own dictionary adds, travels with the text. So a node, which has no
dictionary of the commune, speaks what was shown here.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tts.client import VoiceWorker
from tts.errors import BUSY, STORAGE, TIMEOUT, WORKER_DIED, SpeechError
from tts.manner import Manner
from tts.model import VoiceSettings
from tts.reading import Question, Reading
from tts.reading.dictionary import Dictionary
from tts.reading.dictionary_file import remember
from tts.speech import Speech
from tts.voices import VoiceName

logger = logging.getLogger(__name__)

CHECK_S = 5.0
"""How long a person waits for a reading; afterwards the text is sent unchecked."""
START_S = 30.0
"""A slow machine's first reading may take so long; it is finished for those who ask next."""
SAY_S = 45.0
MOST_CHECKS = 8
MOST_READINGS = 100
"""As many as a command carries."""
LONGEST_WRITTEN = 200
LONGEST_SPOKEN = 500
_WORD = re.compile(r"[^\W\d_]+")


class TooManyReadings(Exception):
    """A text with more choices than one command carries."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How a text will be read with what people chose and the commune's dictionary says.

    `readings` go with the text; a node then speaks `reading.spoken`. `asked` has every place that a person decides,
    answered or not, each written form once; `reading.questions` are those still open.
    """

    reading: Reading
    asked: tuple[Question, ...] = ()
    readings: dict[str, str] = field(default_factory=dict)


class Voice:
    """Two workers, begun when they are needed: one reads, one speaks, so that no reading waits for a long sound."""

    def __init__(self, settings: VoiceSettings, dictionary: Path) -> None:
        """`dictionary`: the commune's own; read again when the file has changed, written by `remember`."""
        self._settings = settings
        self._dictionary = dictionary
        self._own = Dictionary()
        self._stamp: tuple[int, int] | None = None
        self._reader: VoiceWorker | None = None
        self._turn = asyncio.Lock()
        self._speaker = VoiceWorker(settings)
        self._checks: set[asyncio.Task[Checked]] = set()

    async def __aenter__(self) -> Self:
        await self._speaker.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._checks:
            task.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)
        await self._end_reader()
        await self._speaker.__aexit__(None, None, None)

    async def check(self, text: str, chosen: Mapping[str, str]) -> Checked:
        """How `text` is read with `chosen` (written -> spoken), within `CHECK_S` seconds.

        Raises SpeechError, TooManyReadings.
        """
        if len(self._checks) >= MOST_CHECKS:
            raise SpeechError(BUSY, f"{MOST_CHECKS} texts are being read already", retry=True)
        task = asyncio.create_task(self._check(text, dict(chosen)), name="check")
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)
        await asyncio.wait({task}, timeout=CHECK_S)
        if not task.done():
            task.add_done_callback(_forget)
            raise SpeechError(TIMEOUT, f"{CHECK_S:g} s", retry=True)
        if task.cancelled():
            raise SpeechError(WORKER_DIED, "the hub is ending", retry=True)
        return task.result()

    async def say(self, text: str, readings: Mapping[str, str], plain: bool, voice: str | None = None) -> Speech:
        """The sound of `text`; `voice` is tried first, `Speech.id` is who spoke. Raises SpeechError."""
        return await self._speaker.say(text, SAY_S, Manner(readings, strict=False, plain=plain, voice=voice))

    @property
    def voices(self) -> tuple[VoiceName, ...]:
        """Those that the hub has, in the order in which they are tried."""
        return self._speaker.voices

    def called(self, id_: str) -> str:
        """As people call a voice; one that the hub has not by its id."""
        return next((voice.name for voice in self.voices if voice.id == id_), id_)

    def knows(self, id_: str | None) -> bool:
        """Whether a text may name it; no name is no wish."""
        return not id_ or any(voice.id == id_ for voice in self.voices)

    @property
    def offered(self) -> str:
        """Ids and names, for a sentence."""
        return ", ".join(v.id if v.name == v.id else f"{v.id} ({v.name})" for v in self.voices)

    async def remember(self, written: str, spoken: str) -> None:
        """Write a reading into the commune's dictionary. Raises SpeechError."""
        async with self._turn:
            try:
                if self._dictionary.exists():
                    known = (await asyncio.to_thread(Dictionary.load, self._dictionary)).lookup(written)
                    if known is not None and known.spoken == (spoken,):
                        return
                await asyncio.to_thread(remember, self._dictionary, written, spoken)
            except OSError as error:
                raise SpeechError(STORAGE, f"{self._dictionary}: {error.strerror}", retry=True) from error

    async def _check(self, text: str, chosen: dict[str, str]) -> Checked:
        async with self._turn:
            first = await self._read(text, {})
            readings = chosen | {w: s for w, s in self._from_commune(first).items() if w not in chosen}
            if not readings:
                return Checked(first, _once(first.questions))
            if len(readings) > MOST_READINGS:
                raise TooManyReadings
            final = await self._read(text, readings)
            return Checked(final, _once((*first.questions, *final.questions)), readings)

    async def _read(self, text: str, readings: dict[str, str]) -> Reading:
        reader = await self._fresh_reader()
        try:
            return await reader.read(text, START_S, Manner(readings, strict=False))
        except SpeechError as error:
            if error.code != WORKER_DIED:
                raise
            logger.warning("the voice died while reading and is asked once more: %s", error)
            return await reader.read(text, START_S, Manner(readings, strict=False))

    async def _fresh_reader(self) -> VoiceWorker:
        """A worker that knows the dictionary as it is now: a worker reads it once."""
        stamp = await asyncio.to_thread(_stamp, self._dictionary)
        if self._reader is not None and stamp == self._stamp:
            return self._reader
        await self._end_reader()
        settings = self._settings
        self._own = Dictionary()
        if stamp is not None:
            self._own = await asyncio.to_thread(Dictionary.load, self._dictionary)
            paths = (*settings.reading.dictionaries, self._dictionary)
            reading = settings.reading.model_copy(update={"dictionaries": paths})
            settings = settings.model_copy(update={"reading": reading})
        self._reader, self._stamp = await VoiceWorker(settings).__aenter__(), stamp
        return self._reader

    async def _end_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.__aexit__(None, None, None)

    def _from_commune(self, reading: Reading) -> dict[str, str]:
        """What no node would know: places that the commune's dictionary read, or had a part in."""
        if not len(self._own):
            return {}
        found = {span.written: span.spoken for span in reading.spans if self._has_part(span.written)}
        for word in _WORD.findall(reading.written):  # what is spoken as it is written has no span
            entry = self._own.lookup(word)
            if entry is not None and entry.spoken == (word.lower(),):
                found.setdefault(word, word.lower())
        asked = {question.written for question in reading.questions}
        return {
            written: spoken
            for written, spoken in found.items()
            if written not in asked and len(written) <= LONGEST_WRITTEN and len(spoken) <= LONGEST_SPOKEN
        }

    def _has_part(self, written: str) -> bool:
        whole = any(match[0] == written for match, _ in self._own.find_patterns(written))
        return whole or any(self._own.lookup(part) for part in (written, f"{written}.", *_WORD.findall(written)))


def _once(questions: Iterable[Question]) -> tuple[Question, ...]:
    return tuple({question.written: question for question in reversed(tuple(questions))}.values())[::-1]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _forget(task: "asyncio.Task[Checked]") -> None:
    """Nobody waits for it any more; its error is known to whoever asks next."""
    if not task.cancelled():
        task.exception()

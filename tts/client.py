"""The voice for asyncio programs: `VoiceWorker` keeps the heavy work in a child process.

Importing this module imports neither numpy nor PyAV nor sea-g2p.
"""

import asyncio
import contextlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Self

from tts import finish, wire
from tts.attendant import MAX_WAITING, NICE, Attendant
from tts.cache import key_of
from tts.manner import ORDINARY, Manner
from tts.model import VoiceSettings
from tts.reading import Reading, check_length
from tts.recall import Recall, shape_of, stamps
from tts.sounds import SOUNDS_VERSION, Made
from tts.speech import Speech
from tts.voices import VoiceName, voices_of

__all__ = ["MAX_WAITING", "VoiceWorker"]

_SOUND_S = 120.0
_SOUNDS_IDLE_S = 5.0  # its memory is worth more than the half second that it takes to start
_BYTES_PER_S = 100_000
"""So fast, at least, a file is looked through before the worker can say how long the work on it will take."""


class VoiceWorker:
    """Speaks texts in a child process, which is started when needed and ended after `settings.idle_s` without work.

    `async with VoiceWorker(settings) as worker: speech = await worker.say("Xin chào")`. Requests are served one after
    the other. Recordings, chimes and mixes have a second child of lower priority: an announcement never waits for an
    hour of music. Leaving the context kills the children and removes the speech that has no `cache_dir`.
    """

    def __init__(self, settings: VoiceSettings | None = None, *, python: str = sys.executable) -> None:
        self._settings = settings or VoiceSettings()
        self._enhancement = self._settings.enhancement if self._settings.enhancement.enabled else None
        self._recall = Recall(self._settings)
        self._voice = Attendant(self._settings, python)
        rare = self._settings.model_copy(update={"idle_s": min(self._settings.idle_s, _SOUNDS_IDLE_S)})
        self._sounds = Attendant(rare, python, NICE)
        self._urgent = asyncio.Lock()
        self._spare: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child that speaks, None when there is none."""
        return self._voice.pid

    @property
    def sounds_pid(self) -> int | None:
        """Process id of the child that treats recordings, None when there is none."""
        return self._sounds.pid

    async def __aenter__(self) -> Self:
        self._spare = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="tts-", ignore_cleanup_errors=True)
        self._voice.open(Path(self._spare.name))
        self._sounds.open(Path(self._spare.name))
        return self

    async def __aexit__(self, *_: object) -> None:
        spare, self._spare = self._spare, None
        await asyncio.gather(self._voice.close(), self._sounds.close())
        if spare is not None:
            await asyncio.to_thread(spare.cleanup)

    async def say(
        self, text: str, timeout_s: float = 60.0, manner: Manner = ORDINARY, *, urgent: bool = False
    ) -> Speech:
        """Return the speech of `text` within `timeout_s` seconds, waiting for one's turn included.

        What was said before comes from the cache without a child. `urgent` goes before all others: what is being said
        is begun anew afterwards. Cancelling is safe; it kills the child, and the next call starts a new one.

        Raises:
            SpeechError: as `Synthesiser.say`, and `speech.timeout`, `speech.busy`, `speech.worker_died`.
        """
        check_length(text, self._settings.max_chars)
        self._voice.check_open()
        # threads end in any order, and what is urgent is said in the order in which it was asked for
        async with self._urgent if urgent else contextlib.nullcontext():
            known = await asyncio.to_thread(self._recall.get, text, manner)
        if known is not None:
            return replace(known, cached=True)
        return wire.spoken(await self._voice.ask(wire.request("say", text, manner), timeout_s, urgent=urgent))

    async def read(self, text: str, timeout_s: float = 10.0, manner: Manner = ORDINARY) -> Reading:
        """Return how `text` would be said, and what would have to be asked; otherwise like `say`.

        Raises:
            SpeechError: as `Synthesiser.read`, and `speech.timeout`, `speech.busy`, `speech.worker_died`.
        """
        check_length(text, self._settings.max_chars)
        return wire.was_read(await self._voice.ask(wire.request("read", text, manner), timeout_s))

    async def sound(self, source: Path, target: Path, *, clean: bool, timeout_s: float | None = None) -> Made:
        """Write a recording to `target` as a broadcast needs it: see `tts.sounds.treat`.

        By default it may take the longer, the longer the recording is; waiting for one's turn comes on top. Cancelling
        kills the child; `target` is whole or untouched, and work folders `.tts-*` may be left beside it.

        Raises:
            AudioError: no sound file, empty, damaged, silent, or longer than `tts.sounds.LONGEST_S`.
            SpeechError: `speech.horn`, `speech.storage` (a file cannot be read or written), and as `read`.
        """
        request = {"do": "sound", "source": str(source), "target": str(target), "clean": clean}
        limit = timeout_s or await _limit(source)
        return wire.made(await self._sounds.ask(request, limit, patient=True))

    async def chime(self, name: str, target: Path, timeout_s: float = _SOUND_S) -> Made:
        """Write a chime of `tts.programme.chimes` to `target`. Raises as `sound`."""
        request = {"do": "chime", "name": name, "target": str(target)}
        return wire.made(await self._sounds.ask(request, timeout_s, patient=True))

    async def over_music(self, words: Path, music: Path, target: Path, timeout_s: float | None = None) -> Made:
        """Write `words` (finished speech) over `music` to `target`. Raises as `sound`."""
        request = {"do": "over_music", "words": str(words), "music": str(music), "target": str(target)}
        limit = timeout_s or await _limit(music)
        return wire.made(await self._sounds.ask(request, limit, patient=True))

    @property
    def voices(self) -> tuple[VoiceName, ...]:
        """The voices that it has, in the order in which they are tried."""
        return voices_of(self._settings.chain)

    def sounds_maker(self) -> str:
        """Return the key of what shapes recordings and chimes: another key, other sounds. Blocks for a moment."""
        return key_of(SOUNDS_VERSION, finish.maker(self._enhancement))

    def speech_maker(self) -> str:
        """Return the key of what shapes speech: voices, dictionaries, models, enhancement. Blocks for a moment."""
        return key_of(shape_of(self._settings), stamps(self._settings))


async def _limit(source: Path) -> float:
    """Seconds for looking through a file; the work on it comes on top."""
    try:
        status = await asyncio.to_thread(source.stat)
    except OSError:
        return _SOUND_S  # the worker tells what is wrong with it
    return _SOUND_S + status.st_size / _BYTES_PER_S

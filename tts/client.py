"""The voice for asyncio programs: `VoiceWorker` keeps the heavy work in a child process.

Importing this module imports neither numpy nor PyAV nor sea-g2p.
"""

import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from tts import errors, wire
from tts.child import Child
from tts.errors import SpeechError
from tts.manner import ORDINARY, Manner
from tts.model import VoiceSettings
from tts.reading import Reading, check_length
from tts.recall import Recall
from tts.speech import Speech

MAX_WAITING = 16


class VoiceWorker:
    """Speaks texts in a child process, which is started when needed and ended after `settings.idle_s` without work.

    `async with VoiceWorker(settings) as worker: speech = await worker.say("Xin chào")`. Requests are served one after
    the other. Leaving the context kills the child and removes the speech that has no `cache_dir`.
    """

    def __init__(self, settings: VoiceSettings | None = None, *, python: str = sys.executable) -> None:
        self._settings = settings or VoiceSettings()
        self._python = python
        self._recall = Recall(self._settings)
        self._turn = asyncio.Lock()
        self._requests = 0
        self._open = False
        self._child: Child | None = None
        self._idle: asyncio.Task[None] | None = None
        self._spare: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child, None when there is none."""
        return self._child.pid if self._child is not None and self._child.alive else None

    async def __aenter__(self) -> Self:
        self._spare = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="tts-", ignore_cleanup_errors=True)
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        spare, self._spare = self._spare, None
        if (idle := self._stop_idle_timer()) is not None:
            await asyncio.gather(idle, return_exceptions=True)
        await self._drop_child()
        if spare is not None:
            await asyncio.to_thread(spare.cleanup)

    async def say(self, text: str, timeout_s: float = 60.0, manner: Manner = ORDINARY) -> Speech:
        """Return the speech of `text` within `timeout_s` seconds, waiting for one's turn included.

        What was said before comes from the cache without a child. Cancelling is safe; it kills the child, and the next
        call starts a new one.

        Raises:
            SpeechError: as `Synthesiser.say`, and `speech.timeout`, `speech.busy`, `speech.worker_died`.
        """
        check_length(text, self._settings.max_chars)
        self._check_open()
        known = await asyncio.to_thread(self._recall.get, text, manner)
        if known is not None:
            return replace(known, cached=True)
        return wire.spoken(await self._answer(wire.request("say", text, manner), timeout_s))

    async def read(self, text: str, timeout_s: float = 10.0, manner: Manner = ORDINARY) -> Reading:
        """Return how `text` would be said, and what would have to be asked; otherwise like `say`.

        Raises:
            SpeechError: as `Synthesiser.read`, and `speech.timeout`, `speech.busy`, `speech.worker_died`.
        """
        check_length(text, self._settings.max_chars)
        return wire.was_read(await self._answer(wire.request("read", text, manner), timeout_s))

    async def _answer(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        if self._requests > MAX_WAITING:  # one is served, the others wait
            raise SpeechError(errors.BUSY, f"{MAX_WAITING} texts are waiting for the voice already", retry=True)
        self._requests += 1
        try:
            async with asyncio.timeout(timeout_s), self._turn:
                return await self._served(request)
        except TimeoutError:
            raise SpeechError(errors.TIMEOUT, f"no answer within {timeout_s:g} s", retry=True) from None
        finally:
            self._requests -= 1

    async def _served(self, request: dict[str, Any]) -> dict[str, Any]:
        spare_dir = self._check_open()
        self._stop_idle_timer()
        answered = False
        try:
            if self._child is None or not self._child.alive:
                await self._drop_child()
                self._child = await Child.start(self._python, self._settings, spare_dir)
                self._check_open()  # again: the context may have been left meanwhile
            answer = await self._child.ask(request)
            answered = True
        finally:
            # Timed out, cancelled or broken: its state is unknown, and an engine in it may hang.
            if not answered:
                await self._drop_child()
        if self._open:
            self._idle = asyncio.create_task(self._end_when_idle(), name="tts-idle")
        return answer

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._settings.idle_s)
        async with self._turn:
            child, self._child = self._child, None
            if child is not None:
                await child.end()

    def _check_open(self) -> Path:
        if not self._open or self._spare is None:
            raise RuntimeError("VoiceWorker is used outside of its context")
        return Path(self._spare.name)

    def _stop_idle_timer(self) -> asyncio.Task[None] | None:
        idle, self._idle = self._idle, None
        if idle is not None:
            idle.cancel()
        return idle

    async def _drop_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

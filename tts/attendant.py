"""Keeps one worker process: started when needed, killed when its state is unknown, ended when nothing is to do."""

import asyncio
from pathlib import Path
from typing import Any

from tts import errors
from tts.child import Child
from tts.errors import SpeechError
from tts.model import VoiceSettings

MAX_WAITING = 16
NICE = 10
"""Of a worker that has time: speech, the player and the agent go first."""
_PACE = 1.0
"""Seconds that the work on one second of sound may take at most; the slowest Pi needs a fraction of it."""


class Attendant:
    """Gives requests to a worker, one after the other. Not used before `open` nor after `close`."""

    def __init__(self, settings: VoiceSettings, python: str, nice: int = 0) -> None:
        self._settings = settings
        self._python = python
        self._nice = nice
        self._turn = asyncio.Lock()
        self._requests = 0
        self._urgent = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._work: asyncio.Task[dict[str, Any]] | None = None
        self._spare: Path | None = None
        self._child: Child | None = None
        self._idle: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child, None when there is none."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def open(self, spare_dir: Path) -> None:
        """From now on it may be asked; the worker keeps in `spare_dir` what it can keep nowhere else."""
        self._spare = spare_dir

    async def close(self) -> None:
        """Kill the child."""
        self._spare = None
        if (idle := self._stop_idle_timer()) is not None:
            await asyncio.gather(idle, return_exceptions=True)
        await self._drop_child()

    async def ask(
        self, request: dict[str, Any], timeout_s: float, *, patient: bool = False, urgent: bool = False
    ) -> dict[str, Any]:
        """Return the answer within `timeout_s` seconds, waiting for one's turn included; `patient`: not included.

        A worker that says how many seconds of sound it works on gets so much longer. `urgent` does not wait for what is
        being made: that is begun anew afterwards, with as much time as at first. Cancelling kills the child.

        Raises:
            SpeechError: `speech.timeout`, `speech.busy`, `speech.worker_died`.
        """
        if not urgent and self._requests - self._urgent > MAX_WAITING:  # one is served, the others wait
            raise SpeechError(errors.BUSY, f"{MAX_WAITING} texts are waiting for the voice already", retry=True)
        self._requests += 1
        try:
            async with asyncio.timeout(None if patient else timeout_s) as limit:
                if urgent:
                    return await self._first(request, limit)
                return await self._in_turn(request, limit, timeout_s)
        except TimeoutError:
            raise SpeechError(errors.TIMEOUT, f"no answer within {timeout_s:g} s", retry=True) from None
        finally:
            self._requests -= 1

    async def _first(self, request: dict[str, Any], limit: asyncio.Timeout) -> dict[str, Any]:
        self._urgent += 1
        self._calm.clear()
        if self._work is not None:
            self._work.cancel()
        try:
            async with self._turn:
                return await self._served(request, limit)
        finally:
            self._urgent -= 1
            if not self._urgent:
                self._calm.set()

    async def _in_turn(self, request: dict[str, Any], limit: asyncio.Timeout, timeout_s: float) -> dict[str, Any]:
        while True:
            await self._calm.wait()
            async with self._turn:
                if not self._calm.is_set():
                    continue
                if limit.when() is None:
                    limit.reschedule(asyncio.get_running_loop().time() + timeout_s)
                work = self._work = asyncio.create_task(self._served(request, limit), name="tts-work")
                try:
                    await asyncio.wait([work])
                except asyncio.CancelledError:
                    work.cancel()
                    await asyncio.wait([work])
                    raise
                finally:
                    self._work = None
            if not work.cancelled():
                return work.result()
            limit.reschedule(None)  # it made way for something urgent

    def check_open(self) -> Path:
        """Return the spare folder; RuntimeError outside of the context."""
        if self._spare is None:
            raise RuntimeError("VoiceWorker is used outside of its context")
        return self._spare

    async def _served(self, request: dict[str, Any], limit: asyncio.Timeout) -> dict[str, Any]:
        def longer(seconds: float) -> None:
            limit.reschedule((limit.when() or 0.0) + _PACE * seconds)

        spare_dir = self.check_open()
        self._stop_idle_timer()
        answered = False
        try:
            if self._child is None or not self._child.alive:
                await self._drop_child()
                self._child = await Child.start(self._python, self._settings, spare_dir, self._nice)
                self.check_open()  # again: the context may have been left meanwhile
            answer = await self._child.ask(request, longer)
            answered = True
        finally:
            # Timed out, cancelled or broken: its state is unknown, and an engine in it may hang.
            if not answered:
                await self._drop_child()
        if self._spare is not None:
            self._idle = asyncio.create_task(self._end_when_idle(), name="tts-idle")
        return answer

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._settings.idle_s)
        async with self._turn:
            child, self._child = self._child, None
            if child is not None:
                await child.end()

    def _stop_idle_timer(self) -> asyncio.Task[None] | None:
        idle, self._idle = self._idle, None
        if idle is not None:
            idle.cancel()
        return idle

    async def _drop_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

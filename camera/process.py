"""One life of a camera's child process, seen from the parent: start, messages both ways, its last words, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping

from camera.mask import Mask
from camera.model import CameraFault, GroupConfig
from camera.wire import Message, WireError, receive_message
from camera.words import flush_limit_s, wrap_config

logger = logging.getLogger(__name__)

START_S = 30.0
"""How long a child may take to its first word: on a busy Pi the libraries load for seconds."""
SILENCE_S = 10.0
"""A child reports every second; silent for as long, it hangs."""
_UNREAD_LIMIT = 256 * 1024
"""Bytes of commands that a child has not read: a few thousand, so it hangs."""
_SPARING = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""glibc keeps an arena of memory per thread otherwise, and the group has some threads per camera."""
_QUIT_S, _TERM_S, _KILL_S = 0.4, 0.2, 0.4
"""How long the child may take to end by itself beyond its `flush_limit_s`, by SIGTERM, by SIGKILL."""


class ChildProcess:
    """Wraps one running child. Made by `start`, ended by `stop`."""

    def __init__(self, process: asyncio.subprocess.Process, mask: Mask, flush_s: float) -> None:
        self._process, self._mask, self._quit_s = process, mask, flush_s + _QUIT_S
        self._last_words: deque[str] = deque(maxlen=1)
        self._listening = asyncio.create_task(self._listen(), name=f"camera-stderr-{process.pid}")

    @classmethod
    async def start(cls, config: GroupConfig, held: Mapping[str, float]) -> ChildProcess:
        """Start a child; tell it its configuration, and for how long to let which cameras alone. Raises `OSError`."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "camera.child",
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
            env=os.environ | _SPARING,
        )
        child = cls(process, Mask.of(config.cameras), flush_limit_s(config))
        child.send(wrap_config(config, held))
        return child

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Send a message without waiting; one to a dead child is lost, and its end is told by `messages`.

        A child that has stopped to read is killed: nobody waits for it.
        """
        pipe = self._process.stdin
        if pipe is None or pipe.is_closing():
            return
        pipe.write(message.pack())
        if pipe.transport.get_write_buffer_size() > _UNREAD_LIMIT:
            self._signal(signal.SIGKILL)

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what the child sends; ends by `CameraFault` (camera.process_died) when it dies, hangs or babbles."""
        if self._process.stdout is None:
            raise CameraFault("camera.process_died", "the cameras' process has no output")
        limit_s = START_S
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    message = await receive_message(self._process.stdout)
            except TimeoutError:
                raise CameraFault("camera.process_died", f"the cameras' process hung for {limit_s:g} s") from None
            except WireError as error:
                raise CameraFault("camera.process_died", f"the cameras' process is confused: {error}") from None
            if message is None:
                raise CameraFault("camera.process_died", await self._obituary())
            limit_s = SILENCE_S
            yield message

    async def stop(self) -> None:
        """End the child: close its input, then SIGTERM, then SIGKILL, by its pid. 3 s at most."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            if not await self._ended_within(self._quit_s):
                self._signal(signal.SIGTERM)
                if not await self._ended_within(_TERM_S):
                    logger.warning("the cameras' process %d does not end, killing it", self.pid)
        finally:
            self._signal(signal.SIGKILL)
            await self._ended_within(_KILL_S)
            self._listening.cancel()
            # The eye may hold the pipe of standard error for a moment more: asyncio would wait for it beyond its loop.
            self._process._transport.close()  # type: ignore[attr-defined]

    async def _ended_within(self, limit_s: float) -> bool:
        try:
            async with asyncio.timeout(limit_s):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _obituary(self) -> str:
        """Say how the child ended, with its last words when it ended by a mistake."""
        if not await self._ended_within(self._quit_s):
            return "the cameras' process closed its output"
        code = self._process.returncode or 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.shield(self._listening)
        if code < 0:
            return f"the cameras' process was ended by {_signal_name(-code)}"
        words = f": {self._last_words[-1]}" if self._last_words and code else ""
        return f"the cameras' process ended with code {code}{words}"

    async def _listen(self) -> None:
        """Log what the child writes on standard error, without secrets."""
        reader = self._process.stderr
        while reader is not None and (chunk := await reader.read(8192)):
            for line in self._mask(chunk.decode(errors="replace")).splitlines():
                if line.strip():
                    self._last_words.append(line.strip()[:300])
                    logger.info("camera process %d: %s", self.pid, line[:1000])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

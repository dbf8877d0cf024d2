"""The agent's end of the playing process: starts it, talks to it, notices how it ended."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections import deque
from typing import Any

from drivers.contract import DriverFault

_ACCEPT_LIMIT_S = 10.0
_NOISE = (  # what ALSA and JACK say on every start-up of PortAudio, whatever is or is not wrong
    *("ALSA lib conf", "Unknown PCM", "Cannot get card index", "Invalid card", "Invalid field card", "/dev/dsp"),
    *("PulseAudio: Unable", "a52 is only", "JackShm", "jack server", "Cannot connect to server"),
)


class PlayoutGone(Exception):
    """The process ended. `status`: exit code, negative for a signal, None when it could not be learnt in time."""

    def __init__(self, status: int | None, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said

    @property
    def reason(self) -> str:
        """A sentence."""
        if self.status is not None and self.status < 0:
            how = f"was ended by {signal.Signals(-self.status).name}"
        else:
            how = f"ended with status {self.status}"
        return f"the playing process {how}" + (f"; it said: {self.said}" if self.said else "")


class PlayoutChild:
    """One process, started when it is first needed and again whenever it is gone."""

    def __init__(self, logger: logging.Logger, idle_s: float) -> None:
        self._logger = logger
        self._idle_s = idle_s
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self._noise: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=20)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def send(self, command: dict[str, Any]) -> None:
        """Have a command accepted, starting the process if need be.

        Raises PlayoutGone, TimeoutError, and DriverFault if it cannot be started.
        """
        kept = self.pid is not None
        try:
            await self._send(command)
        except PlayoutGone:
            if not kept:
                raise
            await self._send(command)  # the old one ended, idle, just before we wrote

    async def _send(self, command: dict[str, Any]) -> None:
        if self.pid is None:
            await self._start()
        await self.tell(command)
        await self.answer(_ACCEPT_LIMIT_S)

    async def tell(self, command: dict[str, Any]) -> None:
        """Send a command to the process that is there. Raises PlayoutGone."""
        process = self._process
        if process is None or process.stdin is None:
            raise PlayoutGone(None, "")
        try:
            process.stdin.write(json.dumps(command).encode() + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._gone() from error

    def post(self, command: dict[str, Any]) -> None:
        """Send a small command that has no answer; nothing happens if the process is gone."""
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(json.dumps(command).encode() + b"\n")

    async def answer(self, limit: float) -> dict[str, Any]:
        """Return the next answer. Raises PlayoutGone, and TimeoutError after `limit` seconds."""
        process = self._process
        if process is None or process.stdout is None:
            raise PlayoutGone(None, "")
        # asyncio.timeout throughout and never wait_for: up to Python 3.11 that swallows a cancel which comes together
        # with the result, and the sound would go on.
        async with asyncio.timeout(limit):
            line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            raise await self._gone()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def said(self) -> str:
        """Return the last lines it wrote to stderr that say something."""
        return " | ".join([line for line in self._said if not any(part in line for part in _NOISE)][-3:])

    def forget(self) -> None:
        """Forget what it said until now: it has got over that."""
        self._said.clear()

    async def kill(self) -> None:
        """End it at once, without a word."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await self._let_go(process)

    async def close(self) -> None:
        """End it: by closing its stdin, after 2 s by force."""
        process = self._process
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await process.wait()
        await self.kill()

    async def _let_go(self, process: asyncio.subprocess.Process | None) -> int | None:
        """Close our ends of the pipes (something it started may hold the others) and return the exit status."""
        if self._noise is not None:
            await asyncio.wait([self._noise], timeout=0.2)
            self._noise.cancel()
            self._noise = None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
        if process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await process.wait()
        return None if process is None else process.returncode

    async def _start(self) -> None:
        await self.kill()
        self._said.clear()
        loop = asyncio.get_running_loop()
        # As asyncio.create_subprocess_exec does, but keeping the transport, without which pipes cannot be closed.
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=65536, loop=loop),
                sys.executable,
                *("-m", "drivers.audio.playout", "--idle", str(self._idle_s)),
                env={**os.environ, "JACK_NO_START_SERVER": "1"},
            )
        except OSError as error:
            raise DriverFault(
                "speaker.playout_failed", f"cannot start the playing process: {error}", retry=True
            ) from error
        self._transport = transport
        self._process = asyncio.subprocess.Process(transport, protocol, loop)
        self._noise = asyncio.create_task(self._listen(self._process), name="playout-stderr")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while data := await process.stderr.read(4096):
            for text in data.decode(errors="replace").splitlines():
                if line := text.strip():
                    self._said.append(line[:300])
                    self._logger.debug("playout: %s", line)

    async def _gone(self) -> PlayoutGone:
        # Its pipe is closed, so it ends by itself. Not yet closing ours: that would kill it, and hide why it ended.
        process, self._process = self._process, None
        for _ in range(100):
            if process is None or process.returncode is not None:
                break
            await asyncio.sleep(0.01)
        status = await self._let_go(process)
        return PlayoutGone(status, self.said())

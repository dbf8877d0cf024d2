"""The agent's end of the recording process: starts it, talks to it, notices how it ended."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from typing import Any

from drivers.contract import DriverFault


class RecorderGone(Exception):
    """The process ended. `status`: exit code, negative for a signal, None when it is not known."""

    def __init__(self, status: int | None) -> None:
        how = f"was ended by {signal.Signals(-status).name}" if status is not None and status < 0 else "ended"
        super().__init__(f"the recording process {how}")
        self.status = status


class RecorderChild:
    """One process, `python -m drivers.audio.microphone_process`, started when needed and again when it is gone."""

    def __init__(self, logger: logging.Logger, idle_s: float) -> None:
        self._logger = logger
        self._idle_s = idle_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def tell(self, command: dict[str, Any]) -> None:
        """Send a command. One that ended, idle, just before is started anew. Raises RecorderGone, DriverFault."""
        fresh = self.pid is None
        if fresh:
            await self._start()
        try:
            await self._write(command)
        except RecorderGone:
            if fresh or command["do"] == "stop":
                raise
            await self._start()
            await self._write(command)

    async def answer(self, limit_s: float) -> dict[str, Any]:
        """Return the next answer. Raises RecorderGone, and TimeoutError after `limit_s`."""
        process = self._process
        if process is None or process.stdout is None:
            raise RecorderGone(None)
        async with asyncio.timeout(limit_s):
            line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            raise await self._gone()
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def kill(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # its pipes may be open for a moment longer than the loop

    async def _write(self, command: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise RecorderGone(None)
        try:
            process.stdin.write(json.dumps(command).encode() + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._gone() from error

    async def _start(self) -> None:
        await self.kill()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "drivers.audio.microphone_process", "--idle", str(self._idle_s)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # ALSA and JACK fill it whatever is or is not wrong
                env={**os.environ, "JACK_NO_START_SERVER": "1"},
            )
        except OSError as error:
            raise DriverFault(
                "microphone.failed", f"cannot start the recording process: {error}", retry=True
            ) from error

    async def _gone(self) -> RecorderGone:
        process = self._process
        if process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await process.wait()
        await self.kill()
        return RecorderGone(None if process is None else process.returncode)

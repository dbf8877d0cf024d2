"""One worker process as its parent sees it: start, ask, end."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, cast

from tts import errors, wire
from tts.errors import SpeechError
from tts.model import VoiceSettings

_END_S = 5.0  # for a worker that was asked to end, and for the system to take away a killed one


def _nothing(_seconds: float) -> None:
    return


class Child:
    """A running worker. Not for concurrent use."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)

    @classmethod
    async def start(cls, python: str, settings: VoiceSettings, spare_dir: Path, nice: int = 0) -> Self:
        """Start a worker.

        Raises:
            SpeechError: `speech.worker_died`, when the program cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                python,
                "-P",
                "-m",
                "tts.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=wire.LINE_BYTES,
                # A group of its own, so that a kill takes the speech program along.
                start_new_session=True,
            )
        except OSError as error:
            detail = f"the voice worker cannot be started: {error}"
            raise SpeechError(errors.WORKER_DIED, detail, retry=True) from error
        child = cls(process)
        child._stdin.write(wire.line(wire.start(settings, spare_dir, nice)))
        return child

    @property
    def alive(self) -> bool:
        """Whether the process still runs, as far as is known."""
        return self._process.returncode is None and not self._stdout.at_eof()

    @property
    def pid(self) -> int:
        """Process id, also that of the process group."""
        return self._process.pid

    async def ask(self, message: dict[str, Any], longer: Callable[[float], None] = _nothing) -> dict[str, Any]:
        """Send a request and return its answer. After an error or a cancellation the child must be killed.

        `longer` hears of how many seconds of sound the worker works on, as soon as it knows.

        Raises:
            SpeechError: `speech.worker_died`.
        """
        with contextlib.suppress(ConnectionError):  # the missing answer tells it
            self._stdin.write(wire.line(message))
            await self._stdin.drain()
        while "seconds" in (answer := await self._answer()):
            longer(answer["seconds"])
        return answer

    async def _answer(self) -> dict[str, Any]:
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await self._stdout.readline()
        if not answer.endswith(b"\n"):
            ending = await self._ending()
            self._kill_group()  # a speech program may have outlived it
            raise SpeechError(errors.WORKER_DIED, f"the voice worker ended ({ending})", retry=True)
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    async def end(self) -> None:
        """Let the idle worker end by itself; kill it when it does not."""
        self._stdin.close()
        try:
            await self._gone()
        finally:
            await self.kill()

    async def kill(self) -> None:
        """Kill the worker and what it has started."""
        if self._process.returncode is None:
            self._kill_group()
        self._stdin.close()
        await self._gone()
        self._process._transport.close()  # type: ignore[attr-defined]  # its pipes may be open for a moment longer than the loop

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _gone(self) -> bool:
        try:
            await asyncio.wait_for(self._process.wait(), _END_S)
        except TimeoutError:
            return False
        return True

    async def _ending(self) -> str:
        if not await self._gone():
            return "its answers ended"
        code = self._process.returncode or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

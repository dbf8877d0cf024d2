"""The agent's end of the listening process: numpy stays there. Importing this imports no numpy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from edge_agent.proof.model import Heard, Played, ProofError, Response, Sounds, Take

_LINE_BYTES = 1_000_000
_WAITING = 32


class ProofWorker:
    """Asks `python -m edge_agent.proof.worker`, which is started when needed and ended after `idle_s` without work.

    One request is served at a time; the others wait, 32 at most. Every answer comes within `limit_s` of its turn or
    the process is killed. Use it as an async context.
    """

    def __init__(self, *, idle_s: float = 30.0, limit_s: float = 60.0) -> None:
        self._idle_s = idle_s
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.Task[None] | None = None
        self._open = False

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._open = False
        if (idle := self._stop_idle_timer()) is not None:
            await asyncio.gather(idle, return_exceptions=True)
        await self._kill()

    async def heard(self, takes: Sequence[Take], played: Sequence[Played]) -> Heard:
        """Match recordings with what was played, in order. Raises ProofError."""
        recordings = [{"path": str(take.path), "offset_s": take.offset_s} for take in takes]
        pieces = [{"path": None if each.path is None else str(each.path), "seconds": each.seconds} for each in played]
        return Heard(**await self._ask({"do": "heard", "takes": recordings, "played": pieces}))

    async def sounds(self, recording: Path) -> Sounds:
        """Measure an idle speaker's recording. Raises ProofError."""
        plain = await self._ask({"do": "sounds", "recording": str(recording)})
        return Sounds(**plain | {name: _numbered(plain[name]) for name in ("lines", "line_over")})

    async def make_sweep(self, path: Path) -> None:
        """Write the test sound. Raises ProofError."""
        await self._ask({"do": "sweep", "path": str(path)})

    async def response(self, recording: Path, offset_s: float = 0.0) -> Response:
        """Measure a recorded sweep; the recording began `offset_s` after the first sample of the file was due.

        Raises ProofError.
        """
        plain = await self._ask({"do": "response", "recording": str(recording), "offset_s": offset_s})
        return Response(**plain | {name: _numbered(plain[name]) for name in ("bands", "noise")})

    async def _ask(self, request: dict[str, Any]) -> Any:
        if self._waiting >= _WAITING:
            raise ProofError("proof.failed", f"{_WAITING} recordings are waiting already", retry=True)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._served(request)
        finally:
            self._waiting -= 1

    async def _served(self, request: dict[str, Any]) -> Any:
        if not self._open:
            raise ProofError("proof.failed", "the listening process is not open")
        self._stop_idle_timer()
        answered = False
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await self._exchange(request)
            answered = True
        except TimeoutError:
            raise ProofError("proof.failed", f"no answer within {self._limit_s:g} s", retry=True) from None
        finally:
            if not answered:  # timed out, cancelled or broken: its state is unknown
                await self._kill()
        if self._open:
            self._idle = asyncio.create_task(self._end_when_idle(), name="proof-idle")
        if "error" in answer:
            error = answer["error"]
            raise ProofError(error["code"], error["detail"], retry=error["retry"])
        return answer["done"]

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes, see below
        line = b""
        with contextlib.suppress(ConnectionError):  # the missing answer tells it
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            raise ProofError("proof.failed", "the listening process ended", retry=True)
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        process = self._process
        if process is not None and process.returncode is None:
            return process
        await self._kill()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "edge_agent.proof.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
            )
        except OSError as error:
            detail = f"the listening process cannot be started: {error}"
            raise ProofError("proof.failed", detail, retry=True) from error
        return self._process

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._idle_s)
        async with self._turn:
            await self._kill()

    def _stop_idle_timer(self) -> asyncio.Task[None] | None:
        idle, self._idle = self._idle, None
        if idle is not None and idle is not asyncio.current_task():
            idle.cancel()
        return idle

    async def _kill(self) -> None:
        """End the process; it holds nothing that could be lost."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # its pipes may be open for a moment longer than the loop


def _numbered(plain: dict[str, float]) -> dict[int, float]:
    """JSON has texts for keys."""
    return {int(key): value for key, value in plain.items()}

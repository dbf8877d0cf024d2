"""The agent's end of a worker process: starts it, hands it records, hears its lines, and notices how it ended."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from edge_agent.streams.inlet import CONTROL, FRAME, HEAD

_MOST_WAITING = 64 * 1024
"""Bytes for a child that does not read: more is dropped."""
_LINE = 64 * 1024
_END_S = 1.0

Heard = Callable[[dict[str, Any]], None]


class StreamChild:
    """One process. `on_event` hears each JSON line that it prints, and last {"event": "gone", "status", "said"}."""

    def __init__(self, process: asyncio.subprocess.Process, logger: logging.Logger, on_event: Heard) -> None:
        self._process = process
        self._logger = logger
        self._on_event = on_event
        self._said: deque[str] = deque(maxlen=10)
        self._task = asyncio.create_task(self._listen(), name=f"stream-child-{process.pid}")
        self.dropped = 0
        """Records that it was too slow for."""

    @classmethod
    async def start(cls, argv: Sequence[str], logger: logging.Logger, on_event: Heard) -> "StreamChild":
        """Start `python` with `argv`, in a process group of its own. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE,
            process_group=0,
        )
        return cls(process, logger, on_event)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.returncode is None

    def control(self, **what: Any) -> None:
        """Tell it something, as JSON."""
        self._send(CONTROL, json.dumps(what).encode())

    def frame(self, body: bytes) -> None:
        """Hand it a message from the network as it came."""
        self._send(FRAME, body)

    def _send(self, kind: bytes, body: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing() or not self.alive:
            return
        if len(body) > 0xFFFF or stdin.transport.get_write_buffer_size() > _MOST_WAITING:
            self.dropped += 1
            return
        stdin.write(HEAD.pack(kind, len(body)) + body)

    async def end(self) -> None:
        """End it: by closing its input, after a second by force, with all that it has started."""
        if self.alive and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_S):
                    await self._process.wait()
        self.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await asyncio.shield(self._task)
        if not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._process._transport.close()  # type: ignore[attr-defined]  # its pipes may be open for a moment longer than the loop

    def kill(self) -> None:
        """End it and its children at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _listen(self) -> None:
        talk = asyncio.create_task(self._complaints())
        try:
            await self._events()
            status = await self._process.wait()
            await asyncio.wait([talk], timeout=0.5)  # something it started may hold the other end
        finally:
            talk.cancel()
        self._on_event({"event": "gone", "status": status, "said": " | ".join([*self._said][-3:])})

    async def _events(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:  # a line without end
                self.kill()
                return
            if not line:
                return
            try:
                event = json.loads(line)
            except ValueError:
                self._logger.warning("a worker said what is no JSON: %r", line[:200])
                continue
            if isinstance(event, dict) and "event" in event:
                self._on_event(event)

    async def _complaints(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - for the type checker
        while data := await self._process.stderr.read(4096):
            for text in data.decode(errors="replace").splitlines():
                if line := text.strip():
                    self._said.append(line[:300])
                    self._logger.debug("worker %d: %s", self.pid, line[:300])

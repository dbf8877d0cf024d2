"""A FIFO, and the worker process that fills it."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.contract.errors import Refusal
from edge_agent.streams.child import StreamChild

log = logging.getLogger(__name__)
_HELLO_S = 10.0


class Filler:
    """One worker at a time. It says `hello` when it can work, or `failed` with a code."""

    def __init__(self, module: str, folder: Path, code: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        """`code`: of a worker that dies; `on_event` hears what the worker says, and {"event": "gone"} at its end."""
        self._module = module
        self._folder = folder
        self._code = code
        self._on_event = on_event
        self._child: StreamChild | None = None
        self._fifo: Path | None = None
        self._hello: asyncio.Future[None] | None = None
        self._awaited = "hello"

    @property
    def pid(self) -> int | None:
        """Process id of the worker while there is one."""
        return self._child.pid if self._child is not None and self._child.alive else None

    @property
    def is_open(self) -> bool:
        """Whether a worker was started and `close` was not called since; it may have ended by itself."""
        return self._child is not None

    async def open(self, *told: dict[str, Any], awaited: str = "hello") -> Path:
        """Make the FIFO, start the worker and tell it; the first record gets the FIFO's path. Raises Refusal.

        `awaited`: the event that says that it can work, "hello" or, when it can at once, "ready".
        """
        await self.close()
        self._awaited = awaited
        fifo = self._fifo = await asyncio.to_thread(self._make)
        await self._start(fifo, told)
        return fifo

    async def again(self, *told: dict[str, Any]) -> None:
        """Start another worker on the same FIFO: the one before has died. Raises Refusal; nothing after `close`."""
        if self._fifo is not None and self._child is not None and not self._child.alive:
            await self._child.end()
            await self._start(self._fifo, told)

    async def _start(self, fifo: Path, told: tuple[dict[str, Any], ...]) -> None:
        hello = self._hello = asyncio.get_running_loop().create_future()
        try:
            self._child = await StreamChild.start(["-m", self._module], log, self._hear)
            for place, what in enumerate(told):
                self.tell(**({"fifo": str(fifo), **what} if place == 0 else what))
            async with asyncio.timeout(_HELLO_S):
                await hello
        except OSError as error:
            await self.close()
            raise Refusal(self._code, detail=str(error) or "no answer") from error
        except BaseException:
            await self.close()
            raise

    def tell(self, **what: Any) -> None:
        """Tell the worker something, if there is one."""
        if self._child is not None:
            self._child.control(**what)

    def frame(self, body: bytes) -> None:
        """Hand it a message from the network as it came."""
        if self._child is not None:
            self._child.frame(body)

    async def close(self) -> None:
        """End the worker with all that it has started, and remove the FIFO."""
        child, self._child = self._child, None
        fifo, self._fifo = self._fifo, None
        try:
            if child is not None:
                await child.end()
        finally:
            if fifo is not None:
                with contextlib.suppress(OSError):
                    fifo.unlink()

    def _make(self) -> Path:
        fifo = self._folder / f"{secrets.token_hex(8)}.fifo"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            os.mkfifo(fifo, 0o600)
        except OSError as error:
            raise Refusal(self._code, detail=str(error)) from error
        return fifo

    def _hear(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case name if name == self._awaited:
                self._answer(None)
            case "failed":
                self._answer(Refusal(event["code"], detail=event["detail"]))
            case "gone":
                said = event["said"] or f"it ended with {event['status']}"
                self._answer(Refusal(self._code, detail=said))
        self._on_event(event)

    def _answer(self, refusal: Refusal | None) -> None:
        if self._hello is None or self._hello.done():
            return
        if refusal is None:
            self._hello.set_result(None)
        else:
            self._hello.set_exception(refusal)
            self._hello.exception()  # seen, or nobody waits any more


def sweep(folder: Path) -> None:
    """Remove FIFOs that a power cut left. Once, at the start."""
    for fifo in folder.glob("*.fifo"):
        fifo.unlink(missing_ok=True)

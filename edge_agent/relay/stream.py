"""A relay as a piece for the air: the FIFO, and the worker that fills it."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from drivers.contract import Piece
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.segments import Relay
from edge_agent.streams.child import StreamChild

log = logging.getLogger(__name__)
_HELLO_S = 10.0

Source = Literal["main", "backup", "stand-in", "silence"]


@dataclass(frozen=True, slots=True)
class RelayEvent:
    """Another source is heard from now on. `type`: the event's name; `fault`: why it was left, None: it is back."""

    type: Literal["relay.failover", "relay.back"]
    from_: Source
    to: Source
    fault: Fault | None

    def data(self) -> dict[str, Any]:
        """As it stands in the record of the event."""
        data: dict[str, Any] = {"from": self.from_, "to": self.to}
        if self.fault is not None:
            data["fault"] = self.fault.model_dump(mode="json")
        return data


@dataclass(frozen=True, slots=True)
class Limits:
    """Waiting times of a relay, in seconds; others only in tests."""

    open_s: float = 10.0
    """From the request to the first sound."""
    stall_s: float = 3.0
    """Without a sound, when all that waited has been heard."""
    silence_s: float = 10.0
    silence_dbfs: float = -50.0
    healthy_s: float = 30.0
    """How long the main source must have been well before it is heard again."""
    retry_s: float = 2.0
    """Pause before the next attempt; doubled each time, up to `retry_most_s`."""
    retry_most_s: float = 60.0


class RelayStream:
    """Implements `Stream`: main source, else backup, else the stand-in again and again, else silence."""

    def __init__(
        self,
        segment: Relay,
        stand_in: Path | None,
        folder: Path,
        on_event: Callable[[RelayEvent], None] = lambda _event: None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        """`stand_in`: a WAV file, mono, 16 bits, 48 kHz, levelled; `folder` holds the FIFO."""
        self._segment = segment
        self._stand_in = stand_in
        self._folder = folder
        self._on_event = on_event
        self._limits = limits
        self._child: StreamChild | None = None
        self._fifo: Path | None = None
        self._hello: asyncio.Future[None] | None = None
        self.numbers: dict[str, Any] = {}
        """What is known of it, once a second: source, seconds of each, buffers, failovers, level."""

    @property
    def pid(self) -> int | None:
        """Process id of the worker while there is one."""
        return self._child.pid if self._child is not None and self._child.alive else None

    async def open(self) -> Piece:
        """Start the worker, which calls the station at once. Raises Refusal `relay.worker`."""
        await self.close()
        self._fifo = await asyncio.to_thread(self._make_fifo)
        self._hello = asyncio.get_running_loop().create_future()
        limits = {name: getattr(self._limits, name) for name in Limits.__slots__}
        self._child = await StreamChild.start(["-m", "edge_agent.relay.worker"], log, self._hear)
        self._child.control(
            fifo=str(self._fifo),
            main=self._segment.url,
            backup=self._segment.backup_url,
            stand_in=None if self._stand_in is None else str(self._stand_in),
            seconds=self._segment.seconds,
            limits=limits,
        )
        try:
            async with asyncio.timeout(_HELLO_S):
                await self._hello
        except TimeoutError as error:
            await self.close()
            raise Refusal("relay.worker", detail=f"no answer within {_HELLO_S:g} s") from error
        except Refusal:
            await self.close()
            raise
        return Piece(path=self._fifo, seconds=self._segment.seconds, live=True)

    async def close(self) -> None:
        """End the worker and what it has started, and remove the FIFO."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()
        fifo, self._fifo = self._fifo, None
        if fifo is not None:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(fifo.unlink)

    def _make_fifo(self) -> Path:
        fifo = self._folder / f"{secrets.token_hex(8)}.fifo"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            os.mkfifo(fifo, 0o600)
        except OSError as error:
            raise Refusal("relay.worker", detail=str(error)) from error
        return fifo

    def _hear(self, event: dict[str, Any]) -> None:
        match event.pop("event", None):
            case "hello":
                self._answer(None)
            case "stats":
                self.numbers = event
            case "failover" | "back" as type_:
                code = event.get("code")
                fault = None if code is None else Fault.of(str(code), **event.get("params", {}))
                names: dict[str, Literal["relay.failover", "relay.back"]] = {
                    "failover": "relay.failover",
                    "back": "relay.back",
                }
                self._on_event(RelayEvent(names[type_], event["from"], event["to"], fault))
            case "gone":
                self._answer(Refusal("relay.worker", detail=f"status {event['status']}; {event['said']}"))

    def _answer(self, refusal: Refusal | None) -> None:
        if self._hello is None or self._hello.done():
            return
        if refusal is None:
            self._hello.set_result(None)
        else:
            self._hello.set_exception(refusal)

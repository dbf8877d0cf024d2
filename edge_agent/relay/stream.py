"""A relay as a piece for the air: the FIFO, and the worker that fills it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from drivers.contract import Piece
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.segments import Relay
from edge_agent.relay.choice import Source
from edge_agent.streams.filler import Filler

log = logging.getLogger(__name__)
_DEATHS = 5
_PAUSE_S = 0.5
Change = Literal["failover", "back"]


@dataclass(frozen=True, slots=True)
class RelayEvent:
    """Another source is heard from now on. `fault`: why the one before was left; None: a better one is back."""

    change: Change
    from_: Source
    to: Source
    fault: Fault | None

    def data(self) -> dict[str, Any]:
        """As it stands in the record of the event."""
        data: dict[str, Any] = {"change": self.change, "from": self.from_, "to": self.to}
        return data if self.fault is None else {**self.fault.params, **data, "code": self.fault.code}


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
        limits: Limits = Limits(),
    ) -> None:
        """`stand_in`: a WAV file, mono, 16 bits, 48 kHz, levelled; `folder` holds the FIFO."""
        self._segment = segment
        self._stand_in = stand_in
        self._on_event = on_event
        self._limits = limits
        self._deaths = 0
        self._ended = True
        self._reviving: asyncio.Task[None] | None = None
        self._filler = Filler("edge_agent.relay.worker", folder, "relay.worker", self._hear)
        self._sounded = False
        self._told_lack = False
        self.numbers: dict[str, Any] = {}
        """What is known of it, once a second: source, seconds of each, buffers, failovers, level."""

    @property
    def pid(self) -> int | None:
        """Process id of the worker while there is one."""
        return self._filler.pid

    async def open(self) -> Piece:
        """Start the worker, which calls the station at once. Raises Refusal `relay.worker`."""
        self._deaths = 0
        self._ended = self._sounded = False
        self.numbers = {}
        fifo = await self._filler.open(self._settings())
        return Piece(path=fifo, seconds=self._segment.seconds, live=True)

    async def close(self) -> None:
        """End the worker and what it has started, and remove the FIFO."""
        self._ended = True
        reviving, self._reviving = self._reviving, None
        if reviving is not None:
            reviving.cancel()
            await asyncio.gather(reviving, return_exceptions=True)
        await self._filler.close()
        fault = self.lack()
        if fault is not None and not self._told_lack:
            self._told_lack = True
            self._on_event(RelayEvent("failover", "main", "silence", fault))

    def lack(self) -> Fault | None:
        """Why no source was ever heard; None while nobody has read it, or when one was (numbers: `heard_s`)."""
        if self._sounded or self.numbers.get("zero") is None:
            return None
        code, params = self.numbers.get("why") or ("relay.silent", {"seconds": self.numbers["written_s"]})
        return Fault.of(str(code), **params)

    def _know(self, numbers: dict[str, Any]) -> None:
        self.numbers = numbers
        self._sounded = self._sounded or any(name != "silence" for name in numbers["heard_s"])

    def _settings(self) -> dict[str, Any]:
        return {
            "main": self._segment.url,
            "backup": self._segment.backup_url,
            "stand_in": None if self._stand_in is None else str(self._stand_in),
            "seconds": self._segment.seconds,
            "limits": asdict(self._limits),
        }

    def _died(self, said: str) -> None:
        """The worker is gone, and was not told to go: another one goes on where it was."""
        self._deaths += 1
        log.error("the worker of a relay died: %s", said)
        if self._deaths <= _DEATHS:
            self._reviving = asyncio.create_task(self._revive(), name="relay-revive")

    async def _revive(self) -> None:
        known = {name: self.numbers[name] for name in ("zero", "written_s") if self.numbers.get(name) is not None}
        await asyncio.sleep(_PAUSE_S)
        try:
            await self._filler.again({**self._settings(), **known})
        except Refusal as refusal:
            log.error("it cannot be started again: %s", refusal)

    def _hear(self, event: dict[str, Any]) -> None:
        match event.pop("event"):
            case "stats":
                self._know(event)
            case "failover" | "back" as change:
                code = event.get("code")
                fault = None if code is None else Fault.of(str(code), **event.get("params", {}))
                self._on_event(RelayEvent(change, event["from"], event["to"], fault))
            case "ended":
                self._ended = True
                self._know({name: value for name, value in event.items() if name != "why_over"})
            case "gone" if not self._ended:
                self._died(str(event["said"] or event["status"]))

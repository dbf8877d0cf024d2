"""Puts events and telemetry into the outbox; keeps events in memory while the disk refuses them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault
from edge_agent.contract.records import EventType
from edge_agent.store.database import StoreError
from edge_agent.store.outbox import EVENT, Entry, Outbox

log = logging.getLogger(__name__)
_IN_MEMORY = 10_000
_RETRY_S = 5.0


class Recorder:
    """Fire and forget for whoever has something to tell; nothing is lost as long as the process lives."""

    def __init__(self, clock: Clock, outbox: Outbox, on_record: Callable[[], None]) -> None:
        self._clock = clock
        self._outbox = outbox
        self._on_record = on_record
        self._waiting: deque[Entry] = deque(maxlen=_IN_MEMORY)
        self._news = asyncio.Event()
        self.on_fault: Callable[[Fault | None], None] = lambda _fault: None

    def event(self, type_: EventType, about: str | None = None, **data: object) -> None:
        """Something happened."""
        self._put(Entry.event(self._clock.now(), type_, about, _plain(data)))

    def sample(self, values: dict[str, float]) -> None:
        """Something was measured."""
        self._put(Entry.sample(self._clock.now(), values))

    async def run(self) -> None:
        """Write what is waiting, for ever; all that waits shares one commit."""
        failing = False
        while True:
            await self._news.wait()
            self._news.clear()
            entries = tuple(self._waiting)
            if not entries:
                continue
            try:
                await self._outbox.append(*entries)
            except StoreError as error:
                self._tell(error)
                failing = True
                self._drop_telemetry()
                await self._clock.sleep(_RETRY_S)
                self._news.set()
                continue
            for _ in entries:
                self._waiting.popleft()
            self._on_record()
            if failing:
                failing = False
                self.on_fault(None)

    async def flush(self) -> None:
        """Write what waits, once; for the end of the agent."""
        entries = tuple(self._waiting)
        if entries:
            try:
                await self._outbox.append(*entries)
                self._waiting.clear()
                self._on_record()
            except StoreError as error:
                log.error("%d records could not be written at the end: %s", len(entries), error)

    def _put(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._news.set()

    def _tell(self, error: StoreError) -> None:
        log.error("the outbox cannot be written: %s", error)
        self.on_fault(Fault.of("store.full" if error.full else "store.failed", detail=str(error)))

    def _drop_telemetry(self) -> None:
        """Measurements of a time in which the disk was full are worth less than the events of it."""
        kept = [entry for entry in self._waiting if entry.kind == EVENT]
        self._waiting.clear()
        self._waiting.extend(kept)


def _plain(data: dict[str, object]) -> JsonObject:
    return {key: value for key, value in data.items() if value is not None}

"""Puts events and telemetry into the outbox; keeps events in memory while the disk refuses them."""

import asyncio
import logging
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
    """Fire and forget for whoever has something to tell.

    While the disk refuses, events wait in memory and measurements are dropped; should even the memory's bound be
    reached, the oldest go and an event says how many.
    """

    def __init__(self, clock: Clock, outbox: Outbox, on_record: Callable[[], None]) -> None:
        self._clock = clock
        self._outbox = outbox
        self._on_record = on_record
        self._waiting: list[Entry] = []
        self._in_hand = 0
        self._forgotten = 0
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self.on_fault: Callable[[Fault | None], None] = lambda _fault: None

    def event(self, type_: EventType, about: str | None = None, **data: object) -> None:
        """Something happened."""
        self._put(Entry.event(self._clock.now(), type_, about, _plain(data)))

    def keep(self, entries: tuple[Entry, ...]) -> None:
        """Events of somebody whose own transaction the disk refused."""
        for entry in entries:
            self._put(entry)

    def sample(self, values: dict[str, float]) -> None:
        """Something was measured."""
        self._put(Entry.sample(self._clock.now(), values))

    async def run(self) -> None:
        """Write what is waiting, for ever; all that waits shares one commit."""
        failing = False
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                # who is cancelled half-way must not write the same again at the end: the writing itself goes on
                await asyncio.shield(asyncio.create_task(self._write(), name="recorder-write"))
            except StoreError as error:
                self._tell(error)
                failing = True
                self._drop_telemetry()
                await self._clock.sleep(_RETRY_S)
                self._news.set()
                continue
            if failing:
                failing = False
                self.on_fault(None)

    async def flush(self) -> None:
        """Write what waits, once; for the end of the agent."""
        try:
            await self._write()
        except StoreError as error:
            log.error("%d records could not be written at the end: %s", len(self._waiting), error)

    async def _write(self) -> None:
        """Everything that waits now, in one transaction. Raises StoreError."""
        async with self._turn:
            entries, forgotten = tuple(self._waiting), self._forgotten
            if not entries:
                return
            if forgotten:
                data: JsonObject = {"code": "store.forgotten", "count": forgotten}
                entries = (*entries, Entry.event(self._clock.now(), "store", data=data))
            self._in_hand = len(self._waiting)
            try:
                await self._outbox.append(*entries)
                del self._waiting[: self._in_hand]
                self._forgotten -= forgotten
            finally:
                self._in_hand = 0
        self._on_record()

    def _put(self, entry: Entry) -> None:
        if len(self._waiting) - self._in_hand >= _IN_MEMORY:
            free = range(self._in_hand, len(self._waiting))
            oldest = next((place for place in free if self._waiting[place].kind != EVENT), self._in_hand)
            del self._waiting[oldest]
            self._forgotten += 1
        self._waiting.append(entry)
        self._news.set()

    def _tell(self, error: StoreError) -> None:
        log.error("the outbox cannot be written: %s", error)
        self.on_fault(Fault.of("store.full" if error.full else "store.failed", detail=str(error)))

    def _drop_telemetry(self) -> None:
        """Measurements of a time in which the disk was full are worth less than the events of it."""
        kept = [entry for entry in self._waiting if entry.kind == EVENT]
        self._forgotten += len(self._waiting) - len(kept)
        self._waiting = kept


def _plain(data: dict[str, object]) -> JsonObject:
    return {key: value for key, value in data.items() if value is not None}

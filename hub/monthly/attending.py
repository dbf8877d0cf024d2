"""Counts each minute whether nodes are there and cameras record. What the hub did not see counts as not known."""

import asyncio
import logging
from zoneinfo import ZoneInfo

from edge_agent.contract.reports import CameraState
from hub.clock import Clock
from hub.link import Link
from hub.monthly.tables import Sum, add, millis, month_of
from hub.node import Node
from hub.registry import Registry
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

TICK_S = 60.0
FLUSH_TICKS = 10
"""After a power cut so many minutes are not known."""
CHUNK = 500


class Attendance:
    """Run by the hub while it runs; the zone is that of the commune."""

    def __init__(self, registry: Registry, link: Link, store: Store, clock: Clock, zone: ZoneInfo) -> None:
        self._registry = registry
        self._link = link
        self._store = store
        self._clock = clock
        self._zone = zone
        self._there: set[str] = set()
        self._known = False
        self._sums: dict[Sum, float] = {}

    async def run(self) -> None:
        """For ever; what was counted is written at the end, too."""
        last, ticks = self._clock.monotonic(), 0
        try:
            while True:
                await asyncio.sleep(TICK_S)
                now = self._clock.monotonic()
                self.count(min(now - last, 2 * TICK_S))  # longer: the machine slept, and nobody looked
                last, ticks = now, ticks + 1
                if ticks % FLUSH_TICKS == 0:
                    self.flush()
        finally:
            self.flush()

    def count(self, seconds: float) -> None:
        """Of the last so many seconds."""
        if not self._link.connected:
            self._known = False  # the next look compares with nothing
            return
        month = month_of(millis(self._clock.now()), self._zone)
        there = set()
        for address, node in self._registry.nodes.items():
            if node.status is None:
                continue
            if node.online:
                there.add(address)
                self._cameras(node, month, seconds)
            elif self._known and address in self._there:
                self._add(month, address, "absences", "", 1)
            self._add(month, address, "online" if node.online else "offline", "", seconds)
        self._there, self._known = there, True

    def flush(self) -> None:
        """Have it written; what the store does not take is tried again with the next."""
        items = list(self._sums.items())
        for begin in range(0, len(items), CHUNK):
            part = dict(items[begin : begin + CHUNK])
            try:
                self._store.offer(lambda c, part=part: add(c, part))  # type: ignore[misc]
            except StoreFull:
                logger.warning("sums of %d minutes wait for the database", FLUSH_TICKS)
                return
            for key in part:
                del self._sums[key]

    def _cameras(self, node: Node, month: str, seconds: float) -> None:
        for thing in node.about.capabilities if node.about else ():
            state = node.states.get(("camera", thing.id)) if thing.kind == "camera" else None
            if not isinstance(state, CameraState):
                continue
            if state.recording:
                self._add(month, node.address, "recorded", thing.id, seconds)
            elif state.oldest is not None or state.days_left is not None:  # it is meant to record
                self._add(month, node.address, "missed", thing.id, seconds)

    def _add(self, month: str, address: str, family: str, thing: str, value: float) -> None:
        key = (month, address, family, thing)
        self._sums[key] = self._sums.get(key, 0.0) + value

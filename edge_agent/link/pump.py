"""The outbox flows to the broker: oldest first, few messages in flight, each acknowledged one moves to the shelf."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import groupby

from edge_agent.contract.topics import NodeTopics
from edge_agent.store.database import StoreError
from edge_agent.store.outbox import EVENT, Outbox, Record

log = logging.getLogger(__name__)
_CHUNK = 1_000
_PER_MESSAGE = 100
_LEAST_BYTES, _MOST_BYTES = 4 * 1024, 32 * 1024
_IN_FLIGHT = 20
_MARK_EVERY = 2_000
_LINGER_S = 0.02
"""News wait this long for company: commands and states go first, and neighbours share a message."""
_LOOK_S = 0.03
"""How often a full link is asked for room: half as often as live pictures ask, so that a backlog leaves them most."""

Room = Callable[[], int]
Publish = Callable[[str, bytes], asyncio.Future[None]]


class Pump:
    """Sends what the outbox holds while a connection lasts."""

    def __init__(self, outbox: Outbox, topics: NodeTopics, session: str) -> None:
        self._outbox = outbox
        self._topics = topics
        self._head = f'{{"node":"{topics.node}","session":"{session}","records":['.encode()
        self._news = asyncio.Event()
        self._acknowledged = 0

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._news.set()

    async def run(self, publish: Publish, room: Room = lambda: _MOST_BYTES) -> None:
        """Send until cancelled, or until `publish` says that the link is down (LinkDown).

        No more at once than there is `room` for, in bytes: a backlog on a weak link makes neither answers nor live
        pictures wait.
        """
        flight: deque[tuple[int, asyncio.Future[None]]] = deque()
        position = self._acknowledged = self._outbox.sent
        try:
            while True:
                self._news.clear()
                records = await self._outbox.after(position, _CHUNK)
                for kind, part in _messages(records, min(max(room(), _LEAST_BYTES), _MOST_BYTES)):
                    while len(flight) >= _IN_FLIGHT:
                        await self._land(flight)
                    while room() <= 0:  # noqa: ASYNC110 - nothing tells when the other side has taken what it got
                        await asyncio.sleep(_LOOK_S)
                    topic = self._topics.event if kind == EVENT else self._topics.telemetry
                    flight.append((part[-1].seq, publish(topic, self._body(part))))
                    position = part[-1].seq
                if not records:
                    while flight:
                        await self._land(flight)
                    await self._mark()
                    await self._news.wait()
                    await asyncio.sleep(_LINGER_S)
        finally:
            for _, future in flight:
                future.cancel()

    async def resend(self, publish: Publish, first: int, last: int) -> int:
        """Send numbers again that the centre misses; returns how many were still here."""
        found = 0
        position = first - 1
        while position < last:
            records = [record for record in await self._outbox.after(position, _CHUNK) if record.seq <= last]
            if not records:
                break
            for kind, part in _messages(records, _MOST_BYTES):
                topic = self._topics.event if kind == EVENT else self._topics.telemetry
                await publish(topic, self._body(part))
            found += len(records)
            position = records[-1].seq
        return found

    async def _land(self, flight: deque[tuple[int, asyncio.Future[None]]]) -> None:
        """Wait for the oldest message: the shelf's pointer never passes one that is not acknowledged."""
        seq, future = flight[0]
        await future
        flight.popleft()
        self._acknowledged = seq
        if seq - self._outbox.sent >= _MARK_EVERY:
            await self._mark()

    async def _mark(self) -> None:
        if self._acknowledged <= self._outbox.sent:
            return
        try:
            await self._outbox.mark_sent(self._acknowledged)
        except StoreError as error:  # the pointer may lag; records then go out twice, which their numbers tell
            log.warning("the outbox pointer could not be saved: %s", error)

    def _body(self, records: list[Record]) -> bytes:
        parts = ",".join(f'{{"seq":{record.seq},{record.body[1:]}' for record in records)
        return b"".join((self._head, parts.encode(), b"]}"))


def _messages(records: list[Record], most_bytes: int) -> list[tuple[int, list[Record]]]:
    """Neighbours of one kind share a message, up to its bounds."""
    messages: list[tuple[int, list[Record]]] = []
    for kind, group in groupby(records, key=lambda record: record.kind):
        part: list[Record] = []
        size = 0
        for record in group:
            if part and (len(part) >= _PER_MESSAGE or size + len(record.body) > most_bytes):
                messages.append((kind, part))
                part, size = [], 0
            part.append(record)
            size += len(record.body)
        messages.append((kind, part))
    return messages

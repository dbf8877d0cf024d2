"""The link: connects, comes back, says what is, lets the outbox flow, hands over what comes in."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from time import perf_counter

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.contract.base import MAX_BODY
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import ClockReport, Status
from edge_agent.contract.topics import NodeTopics, is_voice
from edge_agent.link.board import Board
from edge_agent.link.pump import Pump
from edge_agent.link.wire import BrokerAddress, Incoming, LinkDown, Will, Wire

log = logging.getLogger(__name__)
_CONNECT_S = 180.0
"""Names of several servers that are all silent take about a minute."""
_SPARE_S = 30.0


class Link:
    """Keeps one connection to the broker for ever. All publishing of the agent goes through here."""

    def __init__(  # noqa: PLR0913 - the one place where link, outbox and board meet
        self,
        address: BrokerAddress | None,
        topics: NodeTopics,
        session: str,
        version: str,
        clock: Clock,
        board: Board,
        pump: Pump,
        *,
        on_message: Callable[[Incoming], None],
        on_change: Callable[[bool, Fault | None], None],
        backoff: Backoff | None = None,
    ) -> None:
        """`on_change` hears each connection (True) and each loss or failure (False, with its fault).

        `address`: None where nobody knows the broker yet; `use` tells it later.
        """
        self._address = address
        self._addressed = asyncio.Event()
        self._moved = asyncio.Event()
        if address is not None:
            self._addressed.set()
        self._topics = topics
        self._session = session
        self._version = version
        self._clock = clock
        self._board = board
        self._pump = pump
        self._on_message = on_message
        self._on_change = on_change
        self._backoff = backoff or Backoff()
        self._wire: Wire | None = None
        self._streams: dict[str, Callable[[bytes], None]] = {}
        self._unsent: deque[tuple[str, bytes]] = deque(maxlen=1000)
        self.clock_report: Callable[[], ClockReport] | None = None
        self.turned: Callable[[float], None] = lambda _within_s: None
        """Hears that this loop turns, and within how many seconds it will again."""
        self.fault: Fault | None = None
        self.mark: str | None = None
        """Of the board, as the status tells it."""
        self.store: str | None = None
        """Name of the node's store, as the status tells it."""
        self.since: datetime | None = None
        self.connections = 0
        self.rtt_ms: float | None = None
        """From the last publish to its PUBACK."""

    @property
    def connected(self) -> bool:
        """Whether the broker has us now."""
        return self._wire is not None

    def use(self, address: BrokerAddress | None, *, drop: bool = True) -> None:
        """Connect so from now on, or not at all (None); `drop`: a connection that is up ends for it, and politely."""
        self._address = address
        if address is None:
            self._addressed.clear()
        else:
            self._addressed.set()
        if drop and self._wire is not None:
            self._moved.set()

    async def run(self) -> None:
        """Connect again and again until cancelled; then say goodbye."""
        while True:
            await self._has_address()
            began = self._clock.monotonic()
            self.turned(_CONNECT_S)
            fault = await self._one_connection()
            if fault is None:
                continue
            lasted = self._clock.monotonic() - began
            wait = self._backoff.after(lasted)
            self._on_change(False, fault)
            log.warning("%s Next try in %.1f s.", fault.en, wait)
            self.turned(wait + _SPARE_S)
            await self._clock.sleep(wait)

    async def _has_address(self) -> None:
        """Wait until somebody knows the broker: a node that is not trusted yet works without one."""
        while self._address is None:
            self.turned(_SPARE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._addressed.wait(), _SPARE_S / 3)

    async def _one_connection(self) -> Fault | None:
        """From CONNECT to the end of the connection; returns why it ended, None where another address is to be used."""
        address = self._address
        if address is None:
            return None
        since = self._clock.now()
        will = Status(online=False, session=self._session, since=since, version=self._version, reason="lost")
        wire = Wire(address, Will(self._topics.status, will.body()), self._route)
        try:
            await wire.open()
        except Refusal as refusal:
            wire.close(politely=False)
            return refusal.fault
        except BaseException:
            wire.close(politely=False)
            raise
        if self._address is not address:  # told while this one was being made
            wire.close()
            return None
        self._wire, self.since = wire, since
        self._moved.clear()
        self.connections += 1
        began = self._clock.monotonic()
        try:
            await self._serve(wire)
        except asyncio.CancelledError:
            await self._goodbye(wire)
            raise
        finally:
            self._board.detach()
            self._wire = None
            wire.close(politely=self._moved.is_set())
        if self._moved.is_set():
            return None
        if self._clock.monotonic() - began < 1.0:
            return Fault.of("broker.kicked", detail=address.host)
        return Fault.of("broker.unreachable", detail="connection lost")

    async def _serve(self, wire: Wire) -> None:
        wire.subscribe([(self._topics.command, 1), (self._topics.command_all, 1)])
        for topic in self._streams:
            wire.subscribe([(topic, 0)])
        self.say_status()
        self._board.attach(lambda topic, body: self._retain(wire, topic, body))
        unsent, self._unsent = self._unsent, deque(maxlen=1000)
        for topic, body in unsent:
            self.send(topic, body)
        self._on_change(True, None)
        tasks = [
            asyncio.create_task(wire.run(lambda: self.turned(_SPARE_S)), name="link-keepalive"),
            asyncio.create_task(self._pump.run(wire.publish, wire.room), name="link-pump"),
            asyncio.create_task(self._moving(), name="link-moving"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is not None and not isinstance(error, LinkDown):
                    log.error("the outbox pump failed", exc_info=error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _moving(self) -> None:
        await self._moved.wait()

    async def _goodbye(self, wire: Wire) -> None:
        offline = Status(
            online=False, session=self._session, since=self._clock.now(), version=self._version, reason="stopped"
        )
        try:
            await asyncio.wait_for(wire.publish(self._topics.status, offline.body(), retain=True), 1.0)
        except (LinkDown, TimeoutError):
            log.warning("the broker did not take our goodbye")
        wire.close()

    def say_status(self) -> None:
        """Publish that we are online, since when, and how the clock is."""
        if self._wire is None or self.since is None:
            return
        clock = self.clock_report() if self.clock_report else None
        status = Status(
            online=True,
            session=self._session,
            since=self.since,
            version=self._version,
            clock=clock,
            fault=self.fault,
            board=self.mark,
            store=self.store,
        )
        self._retain(self._wire, self._topics.status, status.body())

    def listen(self, topic: str, hear: Callable[[bytes], None] | None) -> None:
        """Hear a topic at QoS 0, through all connections to come; with None no more. What is missed is gone."""
        if hear is None:
            self._streams.pop(topic, None)
        else:
            self._streams[topic] = hear
        if self._wire is not None:
            if hear is None:
                self._wire.unsubscribe(topic)
            else:
                self._wire.subscribe([(topic, 0)])

    def _route(self, message: Incoming) -> None:
        hear = self._streams.get(message.topic)
        if hear is not None:
            if not message.retained:
                hear(message.body)
        elif is_voice(message.topic):  # of a session before our last start, which the broker still remembers
            if message.wire is not None:
                message.wire.unsubscribe(message.topic)
        else:
            self._on_message(message)

    def acknowledge(self, message: Incoming) -> None:
        """The message is safe; on a newer connection the broker sends it again and it is known by its id."""
        if message.wire is not None and message.wire is self._wire:
            message.wire.acknowledge(message)

    def send(self, topic: str, body: bytes) -> None:
        """Publish at QoS 1, now or at the next connection (for answers; the newest 1,000 wait)."""
        wire = self._wire
        if wire is None:
            self._unsent.append((topic, body))
            return
        try:
            future = wire.publish(topic, body)
        except LinkDown:
            self._unsent.append((topic, body))
            return
        future.add_done_callback(lambda done: self._answered(done, topic, body))

    def _answered(self, future: asyncio.Future[None], topic: str, body: bytes) -> None:
        """An answer that the broker never acknowledged goes out again with the next connection."""
        if future.cancelled() or future.exception() is not None:
            self._unsent.append((topic, body))

    def room(self) -> int:
        """How many bytes of pictures may go out now without making an answer or a state wait; 0 or less: none."""
        return self._wire.room() if self._wire is not None else 0

    def send_now(self, topic: str, body: bytes) -> bool:
        """Publish at QoS 0, now or never (for pictures); False: there is no connection."""
        try:
            if self._wire is not None:
                self._wire.publish(topic, body, qos=0)
                return True
        except LinkDown:
            pass
        return False

    async def ping_ms(self) -> float:
        """Milliseconds of one round trip to the broker. Raises LinkDown."""
        if self._wire is None:
            raise LinkDown
        began = perf_counter()
        await self._wire.ping()
        return (perf_counter() - began) * 1000

    async def resend(self, first: int, last: int) -> int:
        """Send numbers of the outbox again. Raises LinkDown."""
        if self._wire is None:
            raise LinkDown
        return await self._pump.resend(self._wire.publish, first, last)

    def _retain(self, wire: Wire, topic: str, body: bytes, *, retain: bool = True) -> None:
        if len(body) > MAX_BODY:
            log.error("%d bytes for %s are too many and were not sent", len(body), topic)
            return
        began = perf_counter()
        try:
            future = wire.publish(topic, body, retain=retain)
        except LinkDown:
            return
        future.add_done_callback(lambda done: self._landed(done, began))

    def _landed(self, future: asyncio.Future[None], began: float) -> None:
        if not future.cancelled() and future.exception() is None:
            self.rtt_ms = (perf_counter() - began) * 1000

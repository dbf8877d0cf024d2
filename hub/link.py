"""The hub's connection to the broker. The only file that knows aiomqtt and paho."""

import asyncio
import contextlib
import logging
import random
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import aiomqtt

from edge_agent.contract.topics import REPORT_FILTERS
from hub.clock import Clock
from hub.commands import LinkDown
from hub.config import Broker

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
PUBLISH_S = 5.0
STABLE_S = 30.0
"""A connection that lived this long was good: the next pause starts small again."""
PAUSE_S, PAUSE_MOST_S = 1.0, 5.0
"""There is one hub, often beside its broker: asking often costs nothing, and people wait for it."""
UNSENT = 50
"""Messages that the broker may be behind; then what is of use only now is left out."""
READ_AT_ONCE = 50
"""Messages that are taken in one turn of the loop at most: some milliseconds."""

OnMessage = Callable[[str, bytes, bool], None]
"""Topic, body, whether it was retained."""


class _Hand(asyncio.Queue[aiomqtt.Message]):
    """Stands where aiomqtt keeps a queue, and hands each message over at once.

    Nothing waits in memory, nothing is dropped: who is slower than the broker reads its socket more slowly.
    """

    def __init__(self, deliver: Callable[[aiomqtt.Message], None]) -> None:
        super().__init__()
        self._deliver = deliver

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._deliver(item)


class Link:
    """Stays connected as long as `run` runs: persistent session, pauses with full jitter."""

    def __init__(
        self,
        broker: Broker,
        identity: Path,
        clock: Clock,
        on_message: OnMessage,
        on_change: Callable[[], None],
        password: str | None = None,
    ) -> None:
        """`identity`: file with the client id, made if missing. `on_change`: connected or lost."""
        self._broker = broker
        self._identity = identity
        self._clock = clock
        self._on_message = on_message
        self._on_change = on_change
        self._password = password
        self._client: aiomqtt.Client | None = None
        self._sending = asyncio.Semaphore(100)
        self._followed: set[str] = set()
        self._delivered = 0
        self.since: datetime = clock.now()
        self.fault = ""

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._client is not None

    async def publish(self, topic: str, body: bytes) -> None:
        """Publish with QoS 1 and await the broker's PUBACK. Raises LinkDown, TimeoutError."""
        async with asyncio.timeout(PUBLISH_S), self._sending:
            client = self._client
            if client is None:
                raise LinkDown
            try:
                await client.publish(topic, body, qos=1, timeout=PUBLISH_S)
            except aiomqtt.MqttError as error:
                raise LinkDown from error

    def pass_on(self, topic: str, body: bytes) -> bool:
        """Publish with QoS 0, at once or not at all: whether it went. For what is of no use later."""
        paho = self._client._client if self._client is not None else None
        if paho is None or len(paho._out_packet) > UNSENT:
            return False
        return paho.publish(topic, body).rc == 0

    async def follow(self, topic: str) -> None:
        """Read this topic too, without acknowledgements, also after each new connection."""
        self._followed.add(topic)
        await self._try(lambda client: client.subscribe(topic, qos=0, timeout=PUBLISH_S))

    async def unfollow(self, topic: str) -> None:
        """Read it no more."""
        self._followed.discard(topic)
        await self._try(lambda client: client.unsubscribe(topic, timeout=PUBLISH_S))

    async def _try(self, act: Callable[[aiomqtt.Client], Awaitable[object]]) -> None:
        """What fails is made good by the next connection."""
        if self._client is not None:
            with contextlib.suppress(aiomqtt.MqttError):
                await act(self._client)

    async def run(self) -> None:
        """Connect, read, connect again; until cancelled."""
        client_id = await asyncio.to_thread(_client_id, self._identity)
        pause = PAUSE_S
        while True:
            started = self._clock.monotonic()
            try:
                await self._session(client_id)
            except (aiomqtt.MqttError, OSError, TimeoutError) as error:
                self.fault = str(error) or "no answer"
            finally:
                self._lost()
            stable = self._clock.monotonic() - started > STABLE_S
            pause = PAUSE_S if stable else min(pause * 2, PAUSE_MOST_S)
            wait = random.uniform(PAUSE_S / 2, pause)  # noqa: S311 - pacing, no secret
            logger.warning("no broker at %s (%s), next try in %.1f s", self._broker.url, self.fault, wait)
            await asyncio.sleep(wait)

    async def _session(self, client_id: str) -> None:
        await self._is_there()
        client = self._new_client(client_id)
        try:
            async with client:
                await self._subscribe(client)
                self._found(client)
                await self._until_lost(client)
        finally:
            with contextlib.suppress(OSError, ValueError):
                client._client.disconnect()

    async def _is_there(self) -> None:
        """Try the address first: aiomqtt connects in a thread that cannot be cancelled."""
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(self._broker.host, self._broker.port)
        writer.close()

    def _new_client(self, client_id: str) -> aiomqtt.Client:
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._password,
            identifier=client_id,
            clean_session=False,
            keepalive=self._broker.keepalive,
            timeout=CONNECT_S,
            queue_type=cast(Any, lambda maxsize: _Hand(self._deliver)),
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        _write_at_once(client)
        self._read_on(client)
        return client

    def _read_on(self, client: aiomqtt.Client) -> None:
        """Take all that has come, not one message a turn of the loop: who follows states gets many in one piece."""
        paho = client._client
        read = paho.loop_read

        def loop_read(max_packets: int = 1) -> Any:
            for _ in range(READ_AT_ONCE):
                before, code = self._delivered, read(max_packets)
                if self._delivered == before:  # nothing more has come, or an acknowledgement, or the end
                    break
            return code

        paho.loop_read = loop_read  # type: ignore[method-assign]

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        granted = await client.subscribe(list(REPORT_FILTERS))
        codes = [code if isinstance(code, int) else code.value for code in granted]
        refused = [name for (name, _), code in zip(REPORT_FILTERS, codes, strict=False) if code >= 0x80]
        if refused:
            logger.error("the broker does not let this hub read %s", ", ".join(refused))
        if self._followed:
            await client.subscribe([(topic, 0) for topic in sorted(self._followed)])

    async def _until_lost(self, client: aiomqtt.Client) -> None:
        async for _ in client.messages:  # none comes this way, see _Hand; raises when the connection is lost
            raise RuntimeError("a message was not handed over")

    def _deliver(self, message: aiomqtt.Message) -> None:
        self._delivered += 1
        if not isinstance(message.payload, bytes | bytearray):
            return
        try:
            self._on_message(str(message.topic), bytes(message.payload), message.retain)
        except Exception:
            logger.exception("a message on %s could not be taken", message.topic)  # our mistake; the next may be well

    def _found(self, client: aiomqtt.Client) -> None:
        logger.info("connected to the broker %s", self._broker.url)
        self._client, self.since, self.fault = client, self._clock.now(), ""
        self._on_change()

    def _lost(self) -> None:
        if self._client is not None:
            self._client, self.since = None, self._clock.now()
            self._on_change()


def _write_at_once(client: aiomqtt.Client) -> None:
    """Write what somebody publishes without waiting for a turn of the loop, acknowledgements a turn later.

    A write takes a tenth of a millisecond: it must not hold up who waits for the message that is acknowledged.
    """
    paho, waits = client._client, client._on_socket_register_write
    loop, thread = asyncio.get_running_loop(), threading.get_ident()

    def write(*args: Any) -> None:
        paho.loop_write()
        if paho.want_write():  # the broker reads more slowly than this
            waits(*args)

    def wants_to_write(*args: Any) -> None:
        if threading.get_ident() != thread:  # it connects in a thread of its own
            waits(*args)
        elif asyncio.current_task() is not None:
            write(*args)
        else:  # within the reading of the socket
            loop.call_soon(write, *args)

    paho.on_socket_register_write = wants_to_write


def _client_id(path: Path) -> str:
    """The hub's name at the broker, the same after each start: the broker keeps what comes meanwhile."""
    try:
        known = path.read_text(encoding="ascii").strip()
        if known.startswith("edge-hub-"):
            return known
    except (OSError, UnicodeDecodeError):
        logger.info("a new client id is made in %s", path)
    made = f"edge-hub-{secrets.token_hex(6)}"
    path.write_text(made + "\n", encoding="ascii")
    return made

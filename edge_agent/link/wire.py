"""One connection to the broker: paho-mqtt inside the asyncio loop, without a thread of its own."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.contract.errors import Refusal
from edge_agent.link.pace import Pace

log = logging.getLogger(__name__)
_CONNACK_LIMIT_S = 10
_NO_TOPIC = "edge/-/ping"
_IN_FLIGHT = 100
"""Messages that paho may have unacknowledged; it slows down with the square of this."""


@dataclass(frozen=True)
class BrokerAddress:
    """Where and how to connect. `password` is never logged."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    keepalive: int = 20


@dataclass(frozen=True)
class Will:
    """What the broker says when this connection is lost."""

    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message; `mid` is what `Wire.acknowledge` wants to hear."""

    topic: str
    body: bytes
    qos: int
    retained: bool
    mid: int
    wire: "Wire | None" = None


class LinkDown(Exception):
    """The connection is gone; what was not acknowledged may or may not have arrived."""


class Wire:
    """A connection from CONNECT to its end. Make a new one to connect again.

    Messages are acknowledged by hand (`acknowledge`), when they are safe on disk.
    """

    def __init__(self, address: BrokerAddress, will: Will | None, on_message: Callable[[Incoming], None]) -> None:
        """Without a will, this is a visitor: the broker keeps no session for it, and acknowledges by itself."""
        self._address = address
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._published: dict[int, asyncio.Future[None]] = {}
        self._pings: dict[int, asyncio.Future[None]] = {}
        self._hearing = False
        self._pace: Pace | None = None
        self._client = self._make_client(will)

    def _make_client(self, will: Will | None) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._address.client_id,
            clean_session=will is None,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=will is not None,
        )
        client.username_pw_set(self._address.username, self._address.password)
        if will is not None:
            client.will_set(will.topic, will.body, qos=1, retain=True)
        client.max_inflight_messages_set(_IN_FLIGHT)
        client.connect_timeout = 5.0
        if self._address.tls is not None:
            client.tls_set_context(self._address.tls)
        client.on_socket_open = self._socket_open
        client.on_socket_close = self._socket_close
        client.on_socket_register_write = self._want_write
        client.on_socket_unregister_write = self._no_write
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self._on_paho_message
        return client

    async def open(self) -> None:
        """Connect. Raises Refusal `broker.unreachable`, `broker.refused` or `broker.silent`."""
        address = self._address
        try:
            # the name look-up, the TCP and the TLS handshake block
            await asyncio.to_thread(self._client.connect, address.host, address.port, address.keepalive)
        except (OSError, ValueError) as error:
            raise Refusal("broker.unreachable", detail=_reason(error)) from error
        try:
            async with asyncio.timeout(_CONNACK_LIMIT_S):
                await asyncio.shield(self._connected)
        except TimeoutError as error:
            raise Refusal("broker.silent") from error

    async def run(self, turned: Callable[[], None] = lambda: None) -> None:
        """Keep the connection alive until it ends; `turned` is called every second."""
        while not self._ended.done():
            turned()
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
            await asyncio.wait([self._ended], timeout=1.0)

    def close(self, *, politely: bool = True) -> None:
        """End the connection; impolitely, the broker publishes the will."""
        if politely:
            self._client.disconnect()
            self._client.loop_write()  # paho only queues it; unsent, the broker would publish the will
        sock = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError, AttributeError):
                sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
            self._client.loop_read()  # finds the end, and lets paho close what is its own
        self._end()

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        """Ask for topics."""
        self._client.subscribe(filters)

    def unsubscribe(self, topic: str) -> None:
        """Ask for no more of a topic."""
        self._client.unsubscribe(topic)

    def publish(self, topic: str, body: bytes, *, qos: int = 1, retain: bool = False) -> asyncio.Future[None]:
        """Send; the future is done at PUBACK. Raises LinkDown (the future too)."""
        if self._ended.done():
            raise LinkDown
        info = self._client.publish(topic, body, qos, retain)
        future: asyncio.Future[None] = self._loop.create_future()
        lost = self._ended.done()  # writing it has shown that the connection is gone
        if lost or info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            raise LinkDown
        if qos == 0:
            future.set_result(None)
        else:
            self._published[info.mid] = future
        return future

    def ping(self) -> asyncio.Future[None]:
        """Ask what changes nothing; the future is done at the broker's answer. Raises LinkDown (the future too).

        paho tells nobody of a PINGRESP; to give up a topic that nobody asked for is answered too, and needs no right.
        """
        code, mid = self._client.unsubscribe(_NO_TOPIC)
        if self._ended.done() or code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkDown
        future: asyncio.Future[None] = self._loop.create_future()
        self._pings[mid] = future
        return future

    def room(self) -> int:
        """How many bytes may be published now without making what comes after them wait; 0 or less: none."""
        if self._pace is None or self._ended.done() or self._client.want_write():
            return 0
        try:
            return self._pace.room()
        except (OSError, ValueError):  # closed meanwhile
            return 0

    def acknowledge(self, message: Incoming) -> None:
        """Tell the broker that a message is safe with us."""
        if not self._ended.done() and message.qos:
            self._client.ack(message.mid, message.qos)

    def _socket_open(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        # without it Nagle and delayed acknowledgements make a QoS 1 round trip 88 ms
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pace = Pace(sock)
        self._in_loop(self._loop.add_reader, sock, self._readable)

    def _readable(self) -> None:
        self._client.loop_read(_IN_FLIGHT)

    def _socket_close(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._loop.remove_reader, sock)
        self._in_loop(self._loop.remove_writer, sock)

    def _want_write(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        """Write now, not a turn of the loop later: a state is on its way before its command is written to disk."""
        if threading.get_ident() == self._loop_thread and not self._hearing:  # within a callback paho's lock is taken
            self._client.loop_write()
            if self._client.socket() is not sock or not self._client.want_write():
                return  # sent; or writing has shown that the connection is gone, and paho has closed it
        self._in_loop(self._loop.add_writer, sock, self._client.loop_write)

    def _no_write(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._loop.remove_writer, sock)

    def _in_loop(self, call: Callable[..., Any], *args: Any) -> None:
        """Paho calls from the loop, and from the thread that connects."""
        if threading.get_ident() == self._loop_thread:
            call(*args)
        else:
            self._loop.call_soon_threadsafe(call, *args)

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, _flags: mqtt.ConnectFlags, code: ReasonCode, _props: Properties | None
    ) -> None:
        if self._connected.done():
            return
        if code.is_failure:
            self._connected.set_exception(Refusal("broker.refused", detail=str(code)))
        else:
            self._connected.set_result(None)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: Any,
        _flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if not self._connected.done():
            self._connected.set_exception(Refusal("broker.refused", detail=str(code)))
        self._end()

    def _end(self) -> None:
        if self._connected.done() and not self._connected.cancelled():
            self._connected.exception()  # seen, or nobody waits any more
        if not self._ended.done():
            self._ended.set_result(None)
        for future in (*self._published.values(), *self._pings.values()):
            if not future.done():
                future.set_exception(LinkDown())
                future.exception()
        self._published.clear()
        self._pings.clear()

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, _code: ReasonCode, _props: Properties | None
    ) -> None:
        future = self._published.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)

    def _on_unsubscribe(
        self, _client: mqtt.Client, _data: Any, mid: int, _codes: list[ReasonCode], _props: Properties | None
    ) -> None:
        future = self._pings.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)

    def _on_paho_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        incoming = Incoming(message.topic, bytes(message.payload), message.qos, message.retain, message.mid, self)
        self._hearing = True
        try:
            self._on_message(incoming)
        except Exception:  # a bad message must not end the connection for all others
            log.exception("handling a message on %s failed", incoming.topic)
        finally:
            self._hearing = False


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)

"""One connection to the broker: paho's own thread, which connects again by itself, handed over to the event loop."""

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drivers.contract import DriverFault

log = logging.getLogger(__name__)
MAX_BYTES = 65_536
"""A longer message is no device's."""
_WAITING = 2000
_AT_ONCE = 200
_CONNECT_S = 3.0


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom to connect. The password is never logged."""

    host: str
    port: int
    tls: bool
    ca: str | None
    username: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """What came on a topic; `retained`: the broker kept it, nobody knows for how long."""

    topic: str
    body: bytes
    retained: bool


class Wire:
    """Connects, subscribes, and keeps at it until `stop`. Callbacks come on the event loop.

    `up` is told None when it is connected and all is subscribed, else why it is not; a message that waits too long
    behind 2,000 others is dropped, and so is a longer one than 64 KiB (told as an empty one).
    """

    def __init__(
        self,
        account: Account,
        topics: Sequence[str],
        *,
        took: Callable[[Message], None],
        up: Callable[[DriverFault | None], None],
    ) -> None:
        self._account, self._topics, self._took, self._up = account, topics, took, up
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock, self._scheduled = threading.Lock(), False
        self._stood = False
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        account = self._account
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"devices-{secrets.token_hex(6)}")
        if account.username is not None:
            client.username_pw_set(account.username, account.password)
        if account.tls:
            client.tls_set(ca_certs=account.ca)
        client.connect_timeout = _CONNECT_S
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def start(self) -> None:
        """Begin to connect; `up` tells how it went, again and again."""
        self._client.connect_async(self._account.host, self._account.port, keepalive=20)
        self._client.loop_start()

    async def stop(self) -> None:
        """End the connection and its thread."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def publish(self, topic: str, body: str) -> None:
        """Send, or raise DriverFault `driver.io`.

        At QoS 0: what a lost connection swallowed must not reach a device minutes later; whether it arrived is known
        from the device's own word.
        """
        info = self._client.publish(topic, body, qos=0) if self._client.is_connected() else None
        if info is None or info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise DriverFault("driver.io", "there is no connection to the broker", retry=True)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            refused = "driver.no_permission" if code.value in (134, 135, 138, 140) else "driver.io"
            self._tell(DriverFault(refused, f"the broker refuses this account: {code}", retry=True))
        else:
            self._stood = True
            client.subscribe([(topic, 0) for topic in self._topics])

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        where = f"{self._account.host}:{self._account.port}"
        self._tell(DriverFault("driver.io", f"no broker answers at {where}", retry=True))

    def _on_disconnect(self, *_: Any) -> None:
        if self._stood:  # else it was refused, and why is told already
            self._stood = False
            self._tell(DriverFault("driver.io", "the connection to the broker is lost", retry=True))

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(code.is_failure for code in codes):
            detail = "the broker does not let this account read the devices' topics"
            self._tell(DriverFault("driver.no_permission", detail, retry=True))
        else:
            self._tell(None)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        body = message.payload if len(message.payload) <= MAX_BYTES else b""
        came = Message(message.topic, bytes(body), message.retain)
        if len(self._waiting) < _WAITING:
            self._put(lambda: self._took(came))

    def _tell(self, fault: DriverFault | None) -> None:
        self._put(lambda: self._up(fault))

    def _put(self, call: Callable[[], None]) -> None:
        """From paho's thread: one queue for messages and for what became of the connection keeps them in order."""
        with self._lock:
            self._waiting.append(call)
            if self._scheduled:
                return
            self._scheduled = True
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        for _ in range(_AT_ONCE):
            with self._lock:
                if not self._waiting:
                    self._scheduled = False
                    return
                call = self._waiting.popleft()
            try:
                call()
            except Exception:  # the rest must not wait for ever behind one bad message
                log.exception("what came from the broker could not be handled")
        self._loop.call_soon(self._drain)


def _no_delay(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

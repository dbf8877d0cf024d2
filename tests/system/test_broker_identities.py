"""Every topic as every identity: what the shipped broker lets nodes with certificates, accounts and strangers do."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from broker_rig import Broker, Client
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from system_rig import until

from hub.enrolment.authority import Authority
from hub.enrolment.revoking import write_list

MINE, OTHER, COMMUNE = "edge/26734/thon-dong", "edge/26734/thon-tay", "edge/26734"
REPORTS = ("status", "about", "state/light/cong", "event", "telemetry", "ack", "live/cong")
TOPICS = [
    *(f"{node}/{channel}" for node in (MINE, OTHER) for channel in (*REPORTS, "cmd", "anything", "state/light")),
    f"{COMMUNE}/all/cmd",
    f"{COMMUNE}/all/status",
    f"{COMMUNE}/voice/1",
    MINE,
    "edge",
    "homeassistant/light/x/config",
    "$SYS/broker/x",
]
SAYS: dict[str, set[str]] = {
    "thon-dong": {f"{MINE}/{channel}" for channel in REPORTS},
    "thon-tay": {f"{OTHER}/{channel}" for channel in REPORTS},
    "hub": {f"{MINE}/cmd", f"{OTHER}/cmd", f"{COMMUNE}/all/cmd", f"{COMMUNE}/voice/1"},
    "ioc": set(),
    "named-hub": set(),
}
EVERYTHING = {topic for topic in TOPICS if topic.startswith("edge")}
HEARS: dict[str, set[str]] = {
    "thon-dong": {f"{MINE}/cmd", f"{COMMUNE}/all/cmd", f"{COMMUNE}/voice/1"},
    "thon-tay": {f"{OTHER}/cmd", f"{COMMUNE}/all/cmd", f"{COMMUNE}/voice/1"},
    "hub": EVERYTHING,
    "ioc": EVERYTHING,
    "named-hub": {f"{COMMUNE}/all/cmd", f"{COMMUNE}/voice/1"},
}
"""`named-hub`: a certificate in the name of the hub's account; it gives no more than a node's rights."""


class Node(Client):
    """Comes in by a certificate."""

    def __init__(self, broker: Broker, name: str, certificate: tuple[Path, Path] | None, **more: Any) -> None:
        self.heard: list[tuple[str, str]] = []
        self.refused: str | None = None
        self._ready, self._subscribed, self.lost = threading.Event(), threading.Event(), threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{name}", protocol=mqtt.MQTTv311)
        context = ssl.create_default_context(cafile=str(broker.certificates / "ca.pem"))
        if certificate:
            context.load_cert_chain(*certificate)
        if more:
            self._client.username_pw_set(**more)
        self._client.tls_set_context(context)
        self._client.on_connect = self._connected
        self._client.on_message = self._message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: (self.lost.set(), self._ready.set())
        try:
            self._client.connect("localhost", broker.tls_port)
        except (ssl.SSLError, OSError) as error:
            self.refused = str(error)
            return
        self._client.loop_start()
        assert self._ready.wait(10)
        if self.lost.is_set():  # by TLS 1.3 the refusal comes after the handshake
            self.refused = "closed"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("broker"))
    running.start()
    yield running
    running.stop()


def certified(authority: Authority, folder: Path, name: str, life: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
    """A certificate and its key, on disk."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = authority.certify(name, key.public_key(), datetime.now(UTC), life)
    kind = serialization.PrivateFormat.PKCS8
    pem, file = folder / f"{made.serial_number:x}.pem", folder / f"{made.serial_number:x}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
    return pem, file


def somebody(broker: Broker, folder: Path, name: str) -> Client:
    if name in ("hub", "ioc"):
        return Client(broker, name)
    return Node(broker, name, certified(broker.authority, folder, "hub" if name == "named-hub" else name))


@pytest.mark.parametrize("name", SAYS)
def test_each_says_only_what_is_its_own(broker: Broker, tmp_path: Path, name: str) -> None:
    with Client(broker, "hub" if name == "ioc" else "ioc") as witness:
        witness.listen("edge/#")
        with somebody(broker, tmp_path, name) as speaker:
            for topic in TOPICS:
                speaker.say(topic, f"by {name}")
        with somebody(broker, tmp_path, "nha-van-hoa") as last:  # what was let through came before this
            last.say(f"{COMMUNE}/nha-van-hoa/event", f"after {name}")
            witness.hears(f"{COMMUNE}/nha-van-hoa/event", f"after {name}")
        assert {topic for topic, text in witness.heard if text == f"by {name}"} == SAYS[name]


@pytest.mark.parametrize("name", HEARS)
def test_each_hears_only_what_is_for_it(broker: Broker, tmp_path: Path, name: str) -> None:
    with somebody(broker, tmp_path, name) as listener:
        listener.listen("#", "edge/#", *TOPICS[:-1], "$SYS/#")
        expected = set()
        for who in {"thon-dong", "thon-tay", "hub"} - {name}:
            with somebody(broker, tmp_path, who) as speaker:
                for topic in sorted(SAYS[who]):
                    speaker.say(topic, f"to {name}")
            expected |= SAYS[who] & HEARS[name]
        until(lambda: {topic for topic, text in listener.heard if text == f"to {name}"} >= expected)
        assert {topic for topic, text in listener.heard if text == f"to {name}"} == expected


def test_who_has_no_certificate_of_this_hub_does_not_come_in(broker: Broker, tmp_path: Path) -> None:
    foreign = Authority(tmp_path / "foreign")
    over = certified(broker.authority, tmp_path, "thon-dong", timedelta(seconds=-60))
    strangers: dict[str, tuple[tuple[Path, Path] | None, dict[str, Any]]] = {
        "nobody": (None, {}),
        "an account": (None, {"username": "hub", "password": "secret-hub"}),
        "another hub's": (certified(foreign, tmp_path, "thon-dong"), {}),
        "one that has ended": (over, {}),
        "the broker's own": ((broker.certificates / "broker.pem", broker.certificates / "broker.key"), {}),
    }
    for what, (certificate, account) in strangers.items():
        with Node(broker, "x", certificate, **account) as node:
            assert node.refused, what


def test_a_password_of_no_account_and_no_name_come_to_nothing(broker: Broker) -> None:
    for name, password in (("", None), ("thon-dong", "wrong"), ("nobody", "x")):
        with Client(broker, name, password) as client:
            assert client.refused


def test_a_revoked_node_stays_out_once_the_broker_has_read_the_list(broker: Broker, tmp_path: Path) -> None:
    bad, good = certified(broker.authority, tmp_path, "thon-dong"), certified(broker.authority, tmp_path, "thon-dong")
    with Node(broker, "a", bad) as node:
        assert not node.refused
    now = datetime.now(UTC)
    for serials in ([int(bad[0].stem, 16)], [int(bad[0].stem, 16), 7]):  # two lists within a second
        assert write_list(broker.authority, [(serial, now) for serial in serials], broker.certificates)
        broker.reload()

    def refused() -> bool:
        with Node(broker, "a", bad) as node:
            return bool(node.refused)

    until(refused)
    with Node(broker, "a", good) as node:
        assert not node.refused


def test_nodes_cannot_take_each_others_place(broker: Broker, tmp_path: Path) -> None:
    mine, thief = (certified(broker.authority, tmp_path, name) for name in ("thon-dong", "thon-tay"))
    with Node(broker, "same", mine) as node, Node(broker, "same", thief) as other, Client(broker, "hub") as hub:
        node.listen(f"{MINE}/cmd")
        hub.say(f"{MINE}/cmd", "still there")
        node.hears(f"{MINE}/cmd", "still there")
        assert not node.lost.is_set() and not other.lost.is_set()

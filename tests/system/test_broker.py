"""The commune's broker: the shipped mosquitto.conf and acl, in a real mosquitto, asked by real clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_rig import Broker, Client
from system_rig import until

DONG, TAY = "edge/26734/thon-dong", "edge/26734/thon-tay"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("broker"))
    running.start()
    yield running
    running.stop()


def test_it_starts_without_complaint(broker: Broker) -> None:
    complaints = [line for line in broker.log.read_text().splitlines() if "Warning" in line or "Error" in line]
    # of patterns that are the same for all accounts, see the acl; and of the account that runs these tests
    known = ("does not contain '%c' or '%u'", "should not be run as root")
    assert [line for line in complaints if not any(word in line for word in known)] == []


@pytest.mark.parametrize(("name", "password"), [("", None), ("thon-dong", "wrong"), ("nobody", "x")])
def test_strangers_are_refused(broker: Broker, name: str, password: str | None) -> None:
    with Client(broker, name, password) as client:
        assert client.refused


@pytest.mark.parametrize(
    "topic", ["status", "about", "state/light/cong", "event", "telemetry", "ack", "live/cong-lang"]
)
def test_a_node_reports_under_its_own_name(broker: Broker, topic: str) -> None:
    with Client(broker, "hub") as hub, Client(broker, "thon-dong") as node:
        hub.listen("edge/#")
        node.say(f"{DONG}/{topic}")
        hub.hears(f"{DONG}/{topic}")


FORBIDDEN_TO_A_NODE = [
    *(f"{TAY}/{channel}" for channel in ("status", "about", "state/light/cong", "event", "telemetry", "ack", "live/c")),
    f"{TAY}/cmd",
    "edge/26734/all/cmd",
    f"{DONG}/cmd",
    "edge/26734/voice/1",
    f"{DONG}/something-else",
    f"{DONG}",
    "homeassistant/light/x/config",
]


@pytest.mark.parametrize("topic", FORBIDDEN_TO_A_NODE)
def test_a_node_says_nothing_else(broker: Broker, topic: str) -> None:
    with Client(broker, "hub") as hub, Client(broker, "thon-tay") as other, Client(broker, "thon-dong") as node:
        hub.listen("edge/#")
        other.listen("#")
        node.say(topic, "forged")
        node.say(f"{DONG}/event", "after")  # one client's messages keep their order
        hub.hears(f"{DONG}/event", "after")
        hub.say(f"{TAY}/cmd", "after")
        other.hears(f"{TAY}/cmd", "after")
        assert "forged" not in [text for _, text in hub.heard + other.heard]


def test_the_hub_commands_one_and_all(broker: Broker) -> None:
    with Client(broker, "hub") as hub, Client(broker, "thon-dong") as dong, Client(broker, "thon-tay") as tay:
        dong.listen(f"{DONG}/cmd", "edge/26734/all/cmd", "edge/26734/voice/+")
        tay.listen(f"{TAY}/cmd", "edge/26734/all/cmd")
        hub.say(f"{DONG}/cmd", "one")
        hub.say("edge/26734/all/cmd", "all")
        hub.say("edge/26734/voice/7", "sound")
        dong.hears(f"{DONG}/cmd", "one")
        dong.hears("edge/26734/all/cmd", "all")
        dong.hears("edge/26734/voice/7", "sound")
        tay.hears("edge/26734/all/cmd", "all")
        assert [text for _, text in tay.heard] == ["all"]


def test_a_node_hears_only_what_is_for_it(broker: Broker) -> None:
    with Client(broker, "hub") as hub, Client(broker, "thon-tay") as tay, Client(broker, "thon-dong") as curious:
        curious.listen("#", f"{TAY}/#", f"{TAY}/cmd")
        hub.say(f"{TAY}/cmd", "secret")
        tay.say(f"{TAY}/event", "secret")
        tay.say(f"{TAY}/live/cong", "secret")
        hub.say(f"{DONG}/cmd", "mine")
        curious.hears(f"{DONG}/cmd", "mine")
        assert {text for _, text in curious.heard} == {"mine"}


def test_the_hub_cannot_speak_for_a_node(broker: Broker) -> None:
    with Client(broker, "ioc") as ioc, Client(broker, "hub") as hub:
        ioc.listen("edge/#")
        for channel in ("status", "event", "ack", "telemetry", "state/light/x"):
            hub.say(f"{DONG}/{channel}", "forged")
        hub.say(f"{DONG}/cmd", "after")
        ioc.hears(f"{DONG}/cmd", "after")
        assert {text for _, text in ioc.heard} == {"after"}


def test_the_centre_only_listens(broker: Broker) -> None:
    with Client(broker, "ioc") as ioc, Client(broker, "hub") as hub, Client(broker, "thon-dong") as node:
        node.listen("#")
        ioc.say(f"{DONG}/cmd", "forged")
        ioc.say("edge/26734/all/cmd", "forged")
        hub.say(f"{DONG}/cmd", "after")
        node.hears(f"{DONG}/cmd", "after")
        assert {text for _, text in node.heard} == {"after"}


def test_a_power_cut_costs_neither_states_nor_waiting_commands(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    try:
        with Client(broker, "thon-dong", keep=True) as node:
            node.listen(f"{DONG}/cmd")
            node.say(f"{DONG}/status", "offline", retain=True)
        with Client(broker, "hub") as hub:
            hub.say(f"{DONG}/cmd", "command-while-away")
        saved = broker.data / "mosquitto.db"
        until(lambda: saved.exists() and b"command-while-away" in saved.read_bytes())
        broker.cut_power()
        broker.start()
        with Client(broker, "thon-dong", keep=True) as node, Client(broker, "hub") as hub:
            node.hears(f"{DONG}/cmd", "command-while-away")
            hub.listen("edge/+/+/status")
            hub.hears(f"{DONG}/status", "offline")
    finally:
        broker.stop()

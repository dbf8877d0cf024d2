"""Ten thousand nodes as a broker sees them: `python -m bench.hub_load PORT retained|stream NODES [RATE SECONDS]`.

`retained`: status, about and four states of each node. `stream`: states, events and samples of random nodes at a rate.
"""

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.contract.capabilities import Capability
from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event, EventBatch, Sample, TelemetryBatch
from edge_agent.contract.reports import (
    About,
    BulletinState,
    CameraState,
    ClockReport,
    Position,
    SpeakerState,
    Status,
)
from edge_agent.contract.switched import LightState
from edge_agent.contract.topics import NodeTopics

COMMUNES = 100
AREAS = ("Thôn Đông", "Thôn Tây", "Thôn Đoài", "Khu phố 3", "Ấp Mỹ Hoà")
NOW = datetime.now(UTC)
AHEAD = 2000
"""Messages that may wait for the broker's acknowledgement."""

Said = tuple[str, bytes, bool]


def topics_of(number: int) -> NodeTopics:
    """The topics of a node."""
    return NodeTopics(str(10000 + number % COMMUNES), f"cum-{number}")


def retained(number: int) -> Iterator[Said]:
    """What a node leaves at the broker."""
    topics = topics_of(number)
    online = number % 20 != 7
    clock = ClockReport(trusted=True, source="kernel")
    yield (
        topics.status,
        Status(online=online, session=f"s-{number}", since=NOW, version="1.0.0", clock=clock).body(),
        True,
    )
    yield topics.about, _about(number, topics).body(), True
    yield from ((topics.state(state.kind, state.id), state.body(), True) for state in _states(number))


def _about(number: int, topics: NodeTopics) -> About:
    lamp = {"kind": "light", "unit": "%", "writable": True, "step": 100}
    area = AREAS[number // COMMUNES % len(AREAS)]
    return About(
        node=topics.node,
        commune=topics.commune,
        name=f"Cụm loa {area} số {number}",
        zone=area,
        position=Position(latitude=20.5 + number % 100 / 500, longitude=105.5 + number // 100 / 500),
        timezone="Asia/Ho_Chi_Minh",
        language="vi",
        version="1.0.0",
        voices=("piper", "espeak-ng"),
        capabilities=(
            Capability.model_validate({"id": "cong", "name": "Đèn cổng thôn", **lamp}),
            Capability(id="loa", kind="speaker", name="Loa cụm"),
            Capability(id="cam", kind="camera", name="Cổng thôn"),
        ),
    )


def _states(number: int) -> Iterator[LightState | SpeakerState | CameraState | BulletinState]:
    fault = Fault.of("light.switching_error", id="cong", wanted=100, actual=0) if number % 50 == 3 else None
    yield LightState(id="cong", at=NOW, wanted=100, actual=100, why="program", fault=fault)
    yield SpeakerState(id="loa", at=NOW, actual="idle", heard=number % 200 != 11)
    yield CameraState(id="cam", at=NOW, actual="streaming", recording=True)
    soon = NOW + timedelta(hours=1)
    ready = "preparing" if number % 100 == 5 else "ready"
    yield BulletinState(id="ban-tin", at=NOW, actual=ready, title="Bản tin chiều", next=soon, coming=(soon,))


def stream(nodes: int) -> Iterator[Said]:
    """What happens, for ever: of ten messages seven states, two events, one sample."""
    seqs = [0] * nodes
    dice = random.Random(1)
    while True:
        number = dice.randrange(nodes)
        topics, at, what = topics_of(number), datetime.now(UTC), dice.randrange(10)
        if what < 7:
            level = dice.choice((0, 100))
            state = LightState(id="cong", at=at, wanted=level, actual=level, why="program")
            yield topics.state("light", "cong"), state.body(), True
            continue
        seqs[number] += 1
        session, seq = f"s-{number}", seqs[number]
        if what < 9:
            event = Event(seq=seq, at=at, type="switched", about="light/cong", data={"level": 100, "why": "program"})
            yield topics.event, EventBatch(node=topics.node, session=session, records=(event,)).body(), False
        else:
            sample = Sample(seq=seq, at=at, values={"cpu": 12.5, "memory": 40, "temperature": 51.5, "disk": 33})
            yield topics.telemetry, TelemetryBatch(node=topics.node, session=session, records=(sample,)).body(), False


def main() -> None:
    """Publish as the arguments say."""
    port, what, nodes = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"load-{what}")
    client.max_inflight_messages_set(AHEAD)
    client.connect("127.0.0.1", port)
    client.loop_start()
    if what == "retained":
        for number in range(nodes):
            for topic, body, keep in retained(number):
                sent = client.publish(topic, body, 1, keep)
                if number % 50 == 0:
                    sent.wait_for_publish(60)  # no more than the broker keeps up with
        client.publish("edge-bench/done", b"", 1).wait_for_publish(120)
    else:
        _paced(client, nodes, float(sys.argv[4]), float(sys.argv[5]))
    client.loop_stop()
    client.disconnect()


def _paced(client: mqtt.Client, nodes: int, rate: float, seconds: float) -> None:
    began = time.monotonic()
    for sent, (topic, body, keep) in enumerate(stream(nodes)):
        now = time.monotonic() - began
        if now > seconds:
            return
        if sent > rate * now:
            time.sleep(0.02)
        client.publish(topic, body, 1, keep)


if __name__ == "__main__":
    main()

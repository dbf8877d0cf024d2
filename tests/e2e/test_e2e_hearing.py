"""A microphone in front of the loudspeaker of a real agent: what was spoken is heard, and a test is answered."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.rig import COMMUNE, NODE, Sender, agent, broker, node_config
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics

SIGNER = Signer("hearing", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)


@contextmanager
def node(folder: Path, **microphone: Any) -> Iterator[int]:
    with broker(folder) as port:
        drivers = [
            {"id": "horn", "driver": "file-speaker"},
            {"id": "ear", "driver": "simulated-microphone", "hears": "horn", **microphone},
        ]
        speaker = {"id": "horn", "name": "Horn", "driver": "horn", "microphone": "ear"}
        config = node_config(folder, port, SIGNER, drivers=drivers, speakers=[speaker], lights=[])
        with agent(folder, config):
            sender = Sender(port, [TOPICS.status])
            sender.wait(TOPICS.status, b'"online":true', 30)
            sender.close()
            yield port


async def ask(port: int, **args: Any) -> Ack:
    access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}"))
    async with Client(access, SIGNER) as client, asyncio.timeout(90):
        _, answers = await client.ask(TOPICS, args, "lan", timedelta(minutes=5))
        async for ack in answers:
            if ack.state != "accepted":
                return ack
    raise AssertionError("no answer")


async def spoken(port: int) -> dict[str, Any]:
    """What the microphone says of a sentence."""
    sender = Sender(port, [TOPICS.event])
    text = "Kính mời toàn thể bà con trong thôn đến nhà văn hoá dự họp lúc bảy giờ tối nay."
    ack = await ask(port, do="speak", text=text)
    assert ack.state == "done"
    body = json.loads((await asyncio.to_thread(sender.wait, TOPICS.event, b'"heard"', 60))[1])
    sender.close()
    [found] = [record["data"] for record in body["records"] if record["type"] == "heard"]
    assert found["id"] == ack.id
    return dict(found)


async def test_what_was_spoken_is_heard(tmp_path: Path) -> None:
    with node(tmp_path) as port:
        assert (await spoken(port))["heard"] is True
        sender = Sender(port, [f"{TOPICS.root}/state/speaker/horn"])
        await asyncio.to_thread(sender.wait, f"{TOPICS.root}/state/speaker/horn", b'"heard":true', 10)
        sender.close()
        ack = await ask(port, do="speaker.test", calibrate=True)
        assert ack.state == "done" and ack.result is not None
        ack = await ask(port, do="speaker.test")
        assert ack.result is not None and ack.result["verdict"] == "ok"


async def test_what_a_dead_horn_spoke_is_not_heard(tmp_path: Path) -> None:
    with node(tmp_path, fault="dead") as port:
        assert (await spoken(port))["heard"] is False
        sender = Sender(port, [f"{TOPICS.root}/state/speaker/horn"])
        await asyncio.to_thread(sender.wait, f"{TOPICS.root}/state/speaker/horn", b'"heard":false', 10)
        sender.close()

"""Groups, pumps and interlocks through broker and real agent, and what of it a power cut leaves."""

import asyncio
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.rig import COMMUNE, NODE, Sender, broker, node_config
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics

SIGNER = Signer("switching", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)
PLANT: dict[str, Any] = {
    "drivers": [
        {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}, "2": {}, "3": {}}, "record": "changes.jsonl"},
        {"id": "horn", "driver": "file-speaker"},
    ],
    "lights": [
        {"id": "one", "name": "One", "line": "relays/1", "rated_w": 100},
        {"id": "two", "name": "Two", "line": "relays/2"},
    ],
    "switches": [
        {
            "id": "pump",
            "name": "Pump",
            "line": "relays/3",
            "use": "pump",
            "limits": {"maximum_run_s": 2, "rest_s": 3600},
        }
    ],
    "groups": [{"id": "street", "name": "Street", "members": ["one", "two"], "gap_s": 0.5}],
}


def start(config: Path, folder: Path, port: int) -> subprocess.Popen[bytes]:
    sender = Sender(port, [TOPICS.status])
    with (folder / "agent.log").open("ab") as output:
        argv = [sys.executable, "-m", "edge_agent", "run", str(config)]
        child = subprocess.Popen(argv, stdout=output, stderr=output)
    sender.wait(TOPICS.status, b'"online":true', 30)
    sender.close()
    return child


def state(port: int, name: str, needle: bytes) -> dict[str, Any]:
    """The newest state of a thing that holds the needle."""
    sender = Sender(port, [f"{TOPICS.root}/state/{name}"])
    _, body = sender.wait(f"{TOPICS.root}/state/{name}", needle, 20)
    sender.close()
    found: dict[str, Any] = json.loads(body)
    return found


async def ask(port: int, **args: Any) -> Ack:
    access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}"))
    async with Client(access, SIGNER) as client, asyncio.timeout(40):
        _, answers = await client.ask(TOPICS, args, "test")
        async for ack in answers:
            if ack.state != "accepted":
                return ack
    raise AssertionError("no answer")


async def test_a_group_and_a_pump_through_a_power_cut(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        config = node_config(tmp_path, port, SIGNER, **PLANT)
        child = await asyncio.to_thread(start, config, tmp_path, port)
        try:
            lit = await ask(port, do="switch.override", thing="street", level=100, seconds=3600)
            assert lit.state == "done" and lit.result is not None
            assert {id_: one["actual"] for id_, one in lit.result["things"].items()} == {"one": 100, "two": 100}
            run = await ask(port, do="switch.override", thing="pump", level=100, seconds=600)
            assert run.state == "done"
            rests = await asyncio.to_thread(state, port, "switch/pump", b'"interlock"')
            assert (rests["actual"], rests["by"], rests["use"]) == (0, "interlock.rest", "pump")
            again = await ask(port, do="switch.override", thing="pump", level=100)
            assert again.state == "rejected"
            assert again.fault is not None and again.fault.code == "switch.interlocked"
            off = await ask(port, do="switch.override", thing="lights", level=0, seconds=3600)
            assert off.result is not None and set(off.result["things"]) == {"one", "two"}
        finally:
            child.kill()
            child.wait(20)
        child = await asyncio.to_thread(start, config, tmp_path, port)
        try:
            for name in ("light/one", "light/two"):
                found = await asyncio.to_thread(state, port, name, b'"override"')
                assert (found["wanted"], found["actual"], found["usage"]["switch_ons"]) == (0, 0, 1)
            rests = await asyncio.to_thread(state, port, "switch/pump", b'"interlock"')
            assert (rests["actual"], rests["by"]) == (0, "interlock.rest")
            free = await ask(port, do="switch.release", thing="street")
            assert free.result is not None
            assert {one["why"] for one in free.result["things"].values()} == {"default"}
        finally:
            child.terminate()
            child.wait(20)
    changes = [json.loads(line) for line in (tmp_path / "state/drivers/relays/changes.jsonl").read_text().splitlines()]
    ons = [change["line"] for change in changes if change["on"]]
    assert ons == ["1", "2", "3"], "nothing was switched on twice"
    assert "Traceback" not in (tmp_path / "agent.log").read_text()

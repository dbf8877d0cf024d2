"""What a restart keeps: override, bulletin, what was said last; and what a power cut in the middle is called."""

import asyncio
import json
import secrets
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.rig import COMMUNE, NODE, Sender, broker, node_config
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics

SIGNER = Signer("restart", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)


def start(config: Path, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "agent.log").open("ab") as output:
        return subprocess.Popen([sys.executable, "-m", "edge_agent", "run", str(config)], stdout=output, stderr=output)


def state(port: int, name: str, needle: bytes) -> dict[str, Any]:
    """The newest state of a thing that holds the needle."""
    sender = Sender(port, [f"{TOPICS.root}/state/{name}"])
    _, body = sender.wait(f"{TOPICS.root}/state/{name}", needle, 20)
    sender.close()
    found: dict[str, Any] = json.loads(body)
    return found


async def ask(port: int, wanted: str, **args: Any) -> Ack:
    access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}"))
    async with Client(access, SIGNER) as client, asyncio.timeout(40):
        _, answers = await client.ask(TOPICS, args, "test")
        async for ack in answers:
            if ack.state in (wanted, "failed", "rejected"):
                return ack
    raise AssertionError("no answer")


def online(port: int) -> str:
    sender = Sender(port, [TOPICS.status])
    _, body = sender.wait(TOPICS.status, b'"online":true', 20)
    sender.close()
    return str(json.loads(body)["session"])


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_everything_is_as_it_was(tmp_path: Path, end: signal.Signals) -> None:
    with broker(tmp_path) as port:
        record = tmp_path / "lines.jsonl"
        drivers = [
            {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}}, "record": str(record)},
            {"id": "horn", "driver": "file-speaker", "paced": False},
        ]
        config = node_config(tmp_path, port, SIGNER, drivers=drivers)
        child = start(config, tmp_path)
        await asyncio.to_thread(online, port)
        soon = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
        assert (await ask(port, "done", do="switch.override", thing="lamp", level=100)).state == "done"
        bulletin = {
            "id": "sang",
            "title": "Sáng",
            "text": "Xin chào.",
            "at": soon,
            "recurrence": {"rule": "FREQ=DAILY"},
        }
        assert (await ask(port, "done", do="bulletin.plan", bulletin=bulletin)).state == "done"
        assert (await ask(port, "done", do="speak", text="Mời bà con họp lúc 7h30.")).state == "done"
        await asyncio.sleep(0.5)
        child.send_signal(end)
        child.wait(20)
        switched = record.read_text().count("\n")
        child = start(config, tmp_path)
        try:
            await asyncio.to_thread(online, port)
            lamp = await asyncio.to_thread(state, port, "light/lamp", b'"actual":100')
            assert lamp["why"] == "override"
            planned = await asyncio.to_thread(state, port, "bulletin/sang", b'"ready"')
            assert planned["next"][:16] == soon[:16]
            speaker = await asyncio.to_thread(state, port, "speaker/horn", b"last_spoken")
            assert "bảy giờ ba mươi" in speaker["last_spoken"]
            lines = [json.loads(line) for line in record.read_text().splitlines()][switched:]
            assert lines, "the new process claims the line"
            assert all(line["on"] for line in lines), f"the lamp blinked: {lines}"
        finally:
            child.terminate()
            assert child.wait(20) == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_speech_that_was_cut_short_is_told(tmp_path: Path, end: signal.Signals) -> None:
    with broker(tmp_path) as port:
        config = node_config(tmp_path, port, SIGNER)  # paced: it takes as long as it lasts
        child = start(config, tmp_path)
        await asyncio.to_thread(online, port)
        text = "Kính mời toàn thể bà con trong thôn đến nhà văn hoá dự họp. " * 3
        assert (await ask(port, "accepted", do="speak", text=text)).state == "accepted"
        await asyncio.to_thread(state, port, "speaker/horn", b'"playing"')
        await asyncio.sleep(0.3)
        child.send_signal(end)
        child.wait(20)
        sender = Sender(port, [TOPICS.ack])
        child = start(config, tmp_path)
        try:
            _, body = await asyncio.to_thread(sender.wait, TOPICS.ack, b"command.interrupted", 20)
            assert json.loads(body)["state"] == "failed"
        finally:
            sender.close()
            child.terminate()
            child.wait(20)


async def test_a_bulletin_missed_while_off_is_told(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        config = node_config(tmp_path, port, SIGNER)
        child = start(config, tmp_path)
        await asyncio.to_thread(online, port)
        at = datetime.now(UTC) + timedelta(seconds=2)
        bulletin = {"id": "lo", "title": "Lỡ", "text": "Xin chào.", "at": at.isoformat(), "catch_up_s": 0}
        assert (await ask(port, "done", do="bulletin.plan", bulletin=bulletin)).state == "done"
        child.kill()
        child.wait()
        time.sleep(5)
        sender = Sender(port, [TOPICS.event])
        child = start(config, tmp_path)
        try:
            _, body = await asyncio.to_thread(sender.wait, TOPICS.event, b"bulletin.missed_late", 20)
            missed = next(r for r in json.loads(body)["records"] if r["data"].get("code") == "bulletin.missed_late")
            assert missed["about"] == "bulletin/lo"
        finally:
            sender.close()
            child.terminate()
            child.wait(20)

"""The hub's signed command, a real broker, a real agent: fetched, handed to the installer, and its end told."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tarfile
from pathlib import Path

from bench.rig import COMMUNE, NODE, Sender, broker, node_config
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics
from edge_agent.update.install import Installer
from edge_agent.update.means import Means
from edge_agent.update.places import Places
from edge_agent.version import VERSION

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from update_rig import Release, Web, archive_of, custom

SIGNER = Signer("update", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)


async def ask(port: int, version: str) -> list[Ack]:
    access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}"))
    told = []
    async with Client(access, SIGNER) as client, asyncio.timeout(60):
        _, answers = await client.ask(TOPICS, {"do": "update.install", "version": version}, "an")
        async for ack in answers:
            told.append(ack)
            if ack.state in ("done", "failed", "rejected"):
                return told
    raise AssertionError("no answer")


async def test_a_command_fetches_hands_over_and_its_end_is_told(tmp_path: Path) -> None:
    release = Release(tmp_path / "release")
    member = tarfile.TarInfo("readme")
    release.add(archive_of(tmp_path / "small.tar.xz", (member, b"x" * 100_000)), custom("0.2.0"))
    web = Web(release.folder)
    places = Places(tmp_path / "root")
    places.keep.mkdir(parents=True)
    (places.opt / "base/bin").mkdir(parents=True)
    (places.root / "etc/edge-agent").mkdir(parents=True)
    (places.root / "etc/edge-agent/update-root.json").write_bytes(release.pinned)
    with broker(tmp_path) as port:
        storage = places.root / "var/lib/edge-agent"
        config = node_config(
            tmp_path, port, SIGNER, updates={"url": web.url, "kilobytes_s": 100_000}, storage={"path": str(storage)}
        )
        with (tmp_path / "agent.log").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", str(config)],
                stdout=log,
                stderr=log,
                env={**os.environ, "EDGE_ROOT": str(places.root)},
            )
        events = Sender(port, [TOPICS.event, TOPICS.status])
        try:
            await asyncio.to_thread(events.wait, TOPICS.status, b'"online":true', 40)
            acks = await ask(port, "0.2.0")
            assert [ack.state for ack in acks] == ["accepted", "done"], acks
            assert acks[-1].result == {"version": "0.2.0", "handed_over": True}
            assert json.loads((places.inbox / "wanted.json").read_text()) == {"version": "0.2.0", "by": "an"}
            assert (await ask(port, VERSION))[-1].result == {"version": VERSION, "runs": True}
            unknown = (await ask(port, "9.9.9"))[-1]
            assert unknown.fault is not None and unknown.fault.code == "update.unknown_version"
            await asyncio.to_thread(Installer(places, Means(user=None)).run)  # it holds no agent: refused
            _, body = await asyncio.to_thread(events.wait, TOPICS.event, b'"updated"', 30)
            (told,) = (record for record in json.loads(body)["records"] if record["type"] == "updated")
            assert told["data"]["result"] == "refused" and told["data"]["code"] == "update.does_not_run"
        finally:
            child.terminate()
            child.wait(20)
            events.close()
            web.close()

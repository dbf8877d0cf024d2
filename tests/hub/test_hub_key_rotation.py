"""The command key is changed under a real agent by a real hub: learnt, used, and the old one believed no more."""

import asyncio
import contextlib
import json
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import yaml
from click.testing import CliRunner, Result
from enrolment_rig import COMMUNE, NAME, TlsBroker, Trust, tls_broker, trusted, trusting
from hub_rig import free_port, until

from edge_agent.contract.commands import Command, ReportState
from edge_agent.contract.ids import uuid7
from edge_agent.contract.keys import KeyInForce, UpdateKeys
from hub import rollout
from hub.cli import main
from hub.commands import Signs
from hub.config import HubConfig
from hub.keyring import KeyRing

ADDRESS = f"{COMMUNE}/{NAME}"
BIN = Path(sys.executable).parent


def hub_yaml(config: HubConfig) -> str:
    file = config.data.parent / "hub.yaml"
    told = {"listen": {"port": free_port()}, "data": str(config.data)}
    told["signing_key"] = {"file": str(config.signing_key.file)}
    if config.enrolment is not None:
        told["enrolment"] = json.loads(config.enrolment.model_dump_json(exclude_none=True))
    file.write_text(yaml.safe_dump(told))
    return str(file)


def edge_hub_key(config: HubConfig, *words: str) -> Result:
    """Beside the hub, which takes it from the disk."""
    return CliRunner().invoke(main, ["key", words[0], hub_yaml(config), *words[1:]])


def at_the_terminal(config: HubConfig, *words: str) -> subprocess.CompletedProcess[str]:
    """The same as another process."""
    argv = [str(BIN / "edge-hub"), "key", words[0], hub_yaml(config), *words[1:]]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def status(config: HubConfig) -> Any:
    answer = edge_hub_key(config, "status", "--json")
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


@contextlib.asynccontextmanager
async def agent(folder: Path) -> AsyncIterator[None]:
    with (folder / "agent.log").open("ab") as log:
        words = (sys.executable, "-m", "edge_agent", "run", str(folder / "node.yaml"))
        running = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log)
    try:
        yield
    finally:
        running.terminate()
        await running.wait()


class Tapped:
    """What goes to the node and what it answers, as another program at the broker hears it."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.sent: list[bytes] = []
        self.answers: dict[str, list[dict[str, Any]]] = {}

    async def listen(self) -> None:
        async for message in self._client.messages:
            if str(message.topic).endswith("/cmd"):
                self.sent.append(bytes(message.payload))
            else:
                told = json.loads(message.payload)
                self.answers.setdefault(told["id"], []).append(told)

    def of(self, do: str) -> list[bytes]:
        return [body for body in self.sent if _inside(body)["args"]["do"] == do]

    async def ask(self, signer: Signs, args: Any) -> dict[str, Any]:
        """A command of this signer, and the node's last word on it."""
        asked = await self.send(signer, args)
        return (await until(lambda: self.answers.get(asked), 15))[-1]

    async def is_deaf_to(self, old: Signs, new: Signs) -> bool:
        """Whether the node answers to the second of two commands, and not at all to the first."""
        first = await self.send(old, ReportState())
        await self.ask(new, ReportState())
        return first not in self.answers

    async def send(self, signer: Signs, args: Any) -> str:
        now = datetime.now(UTC)
        command = Command(id=uuid7(), to=ADDRESS, by="test", at=now, expires=now + timedelta(minutes=5), args=args)
        body = signer.sign(command.model_dump_json(by_alias=True, exclude_none=True).encode())
        await self._client.publish(f"edge/{ADDRESS}/cmd", body, qos=1)
        return command.id

    async def again(self, body: bytes) -> None:
        await self._client.publish(f"edge/{ADDRESS}/cmd", body, qos=1)


def _inside(body: bytes) -> Any:
    text = json.loads(body)["payload"]
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@contextlib.asynccontextmanager
async def tapped(broker: TlsBroker) -> AsyncIterator[Tapped]:
    account = {"username": "hub", "password": "secret-hub"}
    async with aiomqtt.Client("127.0.0.1", broker.port, **account) as client:
        for kind in ("cmd", "ack"):
            await client.subscribe(f"edge/{ADDRESS}/{kind}", 1)
        tap = Tapped(client)
        listening = asyncio.create_task(tap.listen())
        try:
            yield tap
        finally:
            listening.cancel()


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "LOOK_S", 0.1)
    monkeypatch.setattr(rollout, "SETTLED_S", 0.5)


async def enrolled(trust: Trust, folder: Path) -> None:
    node: dict[str, Any] = {
        "node": {"commune": COMMUNE, "name": NAME, "title": "Trạm bơm", "position": {"latitude": 21, "longitude": 105}},
        "storage": {"path": str(folder / "state")},
        "identity": {"folder": str(folder / "trusted")},
        "clock": {"trust": "assume"},
    }
    (folder / "node.yaml").write_text(yaml.safe_dump(node))
    (folder / "enrol.json").write_text(json.dumps((await trust.card()).model_dump(mode="json")))
    words = (sys.executable, "-m", "edge_agent", "enrol", str(folder / "node.yaml"), str(folder / "enrol.json"))
    enrolling = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL)
    assert await enrolling.wait() == 0


async def here(trust: Trust) -> None:
    nodes = trust.hub.hub.registry.nodes
    await until(lambda: ADDRESS in nodes and nodes[ADDRESS].online, 60)


async def obeys(trust: Trust) -> str:
    return (await trust.hub.hub.commands.send(ADDRESS, ReportState(), limit=15, life=60)).state


async def test_the_key_is_changed_under_a_running_node(tmp_path: Path, brisk: None) -> None:
    config = trusting(tmp_path, free_port())
    with tls_broker(tmp_path, config) as broker:
        async with trusted(config, connected=True) as trust, tapped(broker) as tap:
            await enrolled(trust, tmp_path)
            ring = trust.hub.hub.signer
            old, old_public = ring.known_signer(), ring.public
            async with agent(tmp_path):
                await here(trust)
                assert await obeys(trust) == "done"
                made = await asyncio.to_thread(at_the_terminal, config, "rotate")
                assert made.returncode == 0, made.stderr
                await until(lambda: ring.public != old_public, 30)  # the node has confirmed, so the next one signs
                first = tap.of("keys.update")[-1]
                header = urlsafe_b64decode(json.loads(first)["protected"] + "==")
                assert json.loads(header)["kid"] == "hub", "the node was told by the key that it had"
                assert await obeys(trust) == "done"
                assert (await tap.ask(old, ReportState()))["state"] == "done", "both hold until the end of the overlap"
                told = await asyncio.to_thread(status, config)
                assert told["unconfirmed"] == {} and told["signs"] == ring.key_id
                ended = await asyncio.to_thread(at_the_terminal, config, "finish")
                assert ended.returncode == 0, ended.stderr
                await until(lambda: len(tap.of("keys.update")) > 1, 30)
                last = _inside(tap.of("keys.update")[-1])
                await until(lambda: tap.answers.get(last["id"]), 30)
                assert [one["state"] for one in tap.answers[last["id"]]][-1] == "done"
                assert config.signing_key.file is not None and not config.signing_key.file.exists()
                assert await tap.is_deaf_to(old, ring), "the old key is nobody's"
                await tap.again(first)  # the very message that named the old key
                both = _inside(first)["args"]
                with_new = await tap.ask(ring, UpdateKeys.model_validate(both))
                assert with_new["fault"]["code"] == "keys.old", "nor is it, signed anew, believed backwards"
                assert await tap.is_deaf_to(old, ring)
        async with trusted(config, connected=True) as trust, tapped(broker) as tap, agent(tmp_path):
            await until(lambda: trust.hub.hub.registry.is_online(ADDRESS), 60)
            assert trust.hub.hub.signer.key_id != "hub"
            assert await obeys(trust) == "done"
            assert await tap.is_deaf_to(old, trust.hub.hub.signer), "nor after both began anew"
            box = await trust.enrolled("tram-khac")
            assert box.grant is not None and box.grant.keys_number == last["args"]["number"]
            assert [key.id for key in box.grant.command_keys] == [trust.hub.hub.signer.key_id]


async def test_while_a_node_has_not_confirmed_the_old_key_signs(tmp_path: Path, brisk: None) -> None:
    config = trusting(tmp_path, free_port())
    with tls_broker(tmp_path, config):
        async with trusted(config, connected=True) as trust:
            ring = trust.hub.hub.signer
            box = await trust.enrolled()
            assert box.grant is not None and box.grant.keys_number == 0
            made = await asyncio.to_thread(edge_hub_key, config, "rotate", "--days", "3")
            assert made.exit_code == 0, made.stderr
            await until(lambda: ring.state.rotating)
            later = await trust.enrolled("tram-khac")
            assert later.grant is not None
            assert [key.id for key in later.grant.command_keys] == [id_ for id_, _ in ring.state.keys]
            told = await asyncio.to_thread(status, config)
            assert told["unconfirmed"] == {ADDRESS: "", f"{COMMUNE}/tram-khac": ""}
            await asyncio.sleep(1)  # it is looked at every 0.1 s: nothing may come of it
            assert ring.key_id == told["signs"] == "hub"
            twice = await asyncio.to_thread(edge_hub_key, config, "rotate")
            assert twice.exit_code == 2 and "under way" in twice.stderr
            early = await asyncio.to_thread(edge_hub_key, config, "finish")
            assert early.exit_code == 2 and ADDRESS in early.stderr
            anyway = await asyncio.to_thread(edge_hub_key, config, "finish", "--anyway")
            assert anyway.exit_code == 0, anyway.stderr
            await until(lambda: ring.key_id != "hub" and not ring.state.rotating)


async def test_when_the_overlap_is_over_the_next_key_signs(tmp_path: Path, brisk: None) -> None:
    config = trusting(tmp_path, free_port())
    with tls_broker(tmp_path, config):
        async with trusted(config, connected=True) as trust:
            await trust.enrolled()
            long_ago = datetime.now(UTC) - timedelta(days=31)
            KeyRing(config).rotate(long_ago, timedelta(days=30))
            await until(lambda: trust.hub.hub.signer.key_id != "hub")
            assert trust.hub.hub.signer.granted()[0].id == "hub", "which still holds"


def test_only_a_hub_that_enrols_can_rotate(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port()).model_copy(update={"enrolment": None})
    refused = edge_hub_key(config, "rotate")
    assert refused.exit_code == 2 and "enrolment" in refused.stderr


def test_a_key_that_is_missing_after_a_rotation_is_not_made_anew(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port())
    ring = KeyRing(config)
    ring.rotate(datetime.now(UTC), timedelta(days=30))
    assert config.signing_key.file is not None
    config.signing_key.file.unlink()
    shown = edge_hub_key(config, "show")
    assert shown.exit_code == 2 and "missing" in shown.stderr and not config.signing_key.file.exists()


def test_key_in_force_is_a_key() -> None:
    for text in ("", "A" * 42, "A" * 44, "!" * 43):
        with pytest.raises(ValueError, match="public"):
            KeyInForce(id="hub", public=text)

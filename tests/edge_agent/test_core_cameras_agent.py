"""A real agent, real cameras, broker and hub: seen, listed, cut, kept, sent; through kills of both sides."""

import asyncio
import hashlib
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.rig import COMMUNE, NODE, broker, free_port, node_config
from bench.rtsp.rig import TestCamera
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.watching import ClipCut, RecordingList

SIGNER = Signer("cameras", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)
TOKEN = "node-token-for-tests"


class Ear:
    """Hears all that the node says."""

    def __init__(self, port: int) -> None:
        self.said: list[tuple[str, Any]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"ear-{secrets.token_hex(4)}")
        self._client.on_connect = lambda client, *_: client.subscribe(f"{TOPICS.root}/#", 1)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.payload[:1] == b"{":
            self.said.append((message.topic.removeprefix(f"{TOPICS.root}/"), json.loads(message.payload)))

    def events(self, type_: str, camera: str = "cong") -> list[dict[str, Any]]:
        """`data` of all events of a kind."""
        records = [record for topic, body in list(self.said) if topic == "event" for record in body["records"]]
        return [r["data"] for r in records if (r["type"], r.get("about")) == (type_, f"camera/{camera}")]

    def samples(self) -> dict[str, float]:
        """The newest value of all that was measured."""
        found: dict[str, float] = {}
        for topic, body in list(self.said):
            if topic == "telemetry":
                found.update(body["records"][-1]["values"])
        return found

    def state(self, camera: str) -> dict[str, Any]:
        """The newest state of a camera."""
        states = [body for topic, body in list(self.said) if topic == f"state/camera/{camera}"]
        return states[-1] if states else {}

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Site:
    """A node and its hub, that can be killed and started again."""

    def __init__(self, folder: Path, port: int, camera: str) -> None:
        self.folder, self.port = folder, port
        self.hub_port = free_port()
        (folder / "tokens.json").write_text(json.dumps({NODE: TOKEN}))
        (folder / "token").write_text(TOKEN + "\n")
        hub = {
            "broker": {"url": f"mqtt://127.0.0.1:{port}"},
            "listen": {"port": self.hub_port},
            "upload_tokens": {"file": "tokens.json"},
        }
        (folder / "hub.yaml").write_text(yaml.safe_dump(hub))
        cameras = [
            {
                "id": "cong",
                "name": "Cổng làng",
                "url": camera,
                "motion": {"persist_s": 0, "quiet_s": 2, "zones": []},
                "retention": {"bytes": 100_000_000},
            },
            {"id": "gone", "name": "Mất", "url": "rtsp://127.0.0.1:1/x", "record": False},
            {
                "id": "mute",
                "name": "Thiếu mật khẩu",
                "url": "rtsp://127.0.0.1:1/y",
                "username": "admin",
                "password": {"file": str(folder / "no-such-file")},
            },
        ]
        self.config = node_config(
            folder,
            port,
            SIGNER,
            cameras=cameras,
            video={"disk": {"segment_seconds": 4, "free_bytes": 1000}},
            hub={"url": f"http://127.0.0.1:{self.hub_port}", "token": {"file": str(folder / "token")}},
            telemetry={"every_s": 5},
        )
        self.agent: subprocess.Popen[bytes] | None = None
        self.hub: subprocess.Popen[bytes] | None = None

    @property
    def hub_url(self) -> str:
        return f"http://127.0.0.1:{self.hub_port}"

    def start_agent(self) -> None:
        self.agent = self._run("edge_agent", str(self.config))

    def start_hub(self) -> None:
        self.hub = self._run("hub", str(self.folder / "hub.yaml"))

    def kill(self, child: subprocess.Popen[bytes] | None) -> None:
        if child is not None:
            child.kill()
            child.wait(10)

    def close(self) -> None:
        for child in (self.agent, self.hub):
            if child is not None and child.poll() is None:
                child.terminate()
                child.wait(20)

    def _run(self, module: str, config: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", module, "run", config], stdout=log, stderr=log)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Ear]]:
    """A node with a camera that records, one that does not answer, and one without its password; and a hub."""
    folder = tmp_path_factory.mktemp("cameras")
    with ExitStack() as stack:
        camera = stack.enter_context(TestCamera("sub"))
        port = stack.enter_context(broker(folder))
        site = Site(folder, port, camera.url("sub"))
        ear = Ear(port)
        stack.callback(ear.close)
        stack.callback(site.close)
        site.start_hub()
        site.start_agent()
        wait(lambda: ear.state("cong").get("recording"), 60)
        yield site, ear


def wait(condition: Callable[[], object], limit_s: float = 40) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


async def ask(site: Site, **args: Any) -> Ack:
    access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{site.port}"))
    async with Client(access, SIGNER) as client, asyncio.timeout(60):
        _, answers = await client.ask(TOPICS, {k: v for k, v in args.items() if v is not None}, "Lan")
        async for ack in answers:
            if ack.state != "accepted":
                return ack
    raise AssertionError("no answer")


def iso(at: datetime) -> str:
    return at.isoformat()


def fetched(site: Site, sha256: str) -> bytes:
    return httpx.get(f"{site.hub_url}/media/{sha256}", timeout=20, headers={"Authorization": f"Bearer {TOKEN}"}).content


def code_of(ack: Ack) -> str:
    return f"{ack.state} {ack.fault.code if ack.fault else ''}"


def test_each_camera_says_what_it_is_and_what_is_wrong(site: tuple[Site, Ear]) -> None:
    _, ear = site
    wait(lambda: ear.state("gone").get("fault", {}).get("code") == "camera.refused")
    wait(lambda: ear.state("mute").get("fault", {}).get("code") == "camera.no_secret")
    state = ear.state("cong")
    assert (state["actual"], state["recording"], state["main"]["width"]) == ("streaming", True, 640)
    wait(lambda: "fps" in ear.state("cong")["main"] and "moving" in ear.state("cong"))
    assert ear.state("cong").get("picture", "good") == "good"
    assert [event["code"] for event in ear.events("fault", "mute")] == ["camera.no_secret"]
    wait(lambda: ear.samples().get("camera_fps/cong", 0) > 5)
    assert "camera_fps/gone" in ear.samples()


async def test_what_cannot_be_answered_is_refused_in_words(site: tuple[Site, Ear]) -> None:
    node, _ = site
    now = datetime.now(UTC)
    span = {"begin": iso(now - timedelta(hours=30)), "end": iso(now - timedelta(hours=29, minutes=59))}
    for do in ("camera.recordings", "camera.clip", "camera.keep"):
        answer = await ask(node, do=do, camera="nowhere", **span)
        assert code_of(answer).split()[1] == "command.unknown_thing"
    assert code_of(await ask(node, do="camera.snapshot", camera="nowhere")) == "failed command.unknown_thing"
    assert code_of(await ask(node, do="camera.recordings", camera="gone", **span)) == "failed camera.not_watching"
    assert code_of(await ask(node, do="camera.clip", camera="cong", **span)) == "failed camera.not_recorded"
    assert code_of(await ask(node, do="camera.keep", camera="cong", **span)) == "failed camera.not_recorded"
    assert code_of(await ask(node, do="camera.snapshot", camera="cong", event="x")) == "failed camera.no_event"
    early = iso(now - timedelta(days=300))
    assert code_of(await ask(node, do="camera.snapshot", camera="cong", at=early)) == "failed camera.not_recorded"
    assert code_of(await ask(node, do="camera.watch", camera="mute")) == "failed camera.no_secret"


async def test_motion_is_told_with_its_picture_and_found_again(site: tuple[Site, Ear]) -> None:
    node, ear = site
    wait(lambda: any(event["phase"] == "end" and event.get("picture") for event in ear.events("motion")), 90)
    told = next(event for event in ear.events("motion") if event["phase"] == "end" and event.get("picture"))
    begun = next(event for event in ear.events("motion") if event["id"] == told["id"])
    assert begun["phase"] == "begin" and begun["begin"] == told["begin"] < told["end"]
    wait(lambda: fetched(node, told["picture"])[:3] == b"\xff\xd8\xff")
    assert hashlib.sha256(fetched(node, told["picture"])).hexdigest() == told["picture"]

    now = datetime.now(UTC)
    answer = await ask(node, do="camera.recordings", camera="cong", begin=iso(now - timedelta(hours=1)), end=iso(now))
    listed = RecordingList.model_validate(answer.result)
    assert listed.recorded and listed.recorded[-1].end > now - timedelta(seconds=15)
    moved = next(event for event in listed.moved if event.id == told["id"])
    assert moved.picture and moved.begin.isoformat(timespec="milliseconds") == told["begin"]

    picture = await ask(node, do="camera.snapshot", camera="cong", event=told["id"])
    assert picture.result is not None and picture.result["sha256"] == told["picture"]
    assert (picture.result["width"], picture.result["height"]) == (640, 360)
    wait(lambda: any(event.get("id") == told["id"] for event in ear.events("clip")))
    look = next(event for event in ear.events("clip") if event.get("id") == told["id"])
    assert (look["by"], look["sha256"], look["state"]) == ("Lan", told["picture"], "sent")
    stolen = await ask(node, do="camera.snapshot", camera="gone", event=told["id"])
    assert code_of(stolen) == "failed camera.no_event"


async def test_pictures_of_now_and_of_then(site: tuple[Site, Ear]) -> None:
    node, ear = site
    now = await ask(node, do="camera.snapshot", camera="cong")
    assert now.result is not None and fetched(node, now.result["sha256"])[:3] == b"\xff\xd8\xff"
    assert all(event["sha256"] != now.result["sha256"] for event in ear.events("clip"))
    at = datetime.now(UTC) - timedelta(seconds=5)
    then = await ask(node, do="camera.snapshot", camera="cong", at=iso(at))
    assert then.result is not None, then
    seen = datetime.fromisoformat(then.result["at"])
    assert timedelta(0) <= at - seen < timedelta(seconds=4)
    wait(lambda: any(event["sha256"] == then.result["sha256"] for event in ear.events("clip")))


async def test_a_clip_is_cut_sent_and_told_and_its_time_kept(site: tuple[Site, Ear]) -> None:
    node, ear = site
    end = datetime.now(UTC)
    begin = end - timedelta(seconds=8)
    wait(lambda: datetime.now(UTC) > end + timedelta(seconds=3))
    answer = await ask(node, do="camera.clip", camera="cong", begin=iso(begin), end=iso(end))
    assert answer.state == "done", answer
    cut = ClipCut.model_validate(answer.result)
    assert cut.begin <= begin and cut.end >= end - timedelta(seconds=1) and cut.gap_s == 0
    wait(lambda: any(event["sha256"] == cut.sha256 for event in ear.events("clip")))
    event = next(event for event in ear.events("clip") if event["sha256"] == cut.sha256)
    assert (event["state"], event["by"], event["bytes"]) == ("sent", "Lan", cut.bytes)
    film = fetched(node, cut.sha256)
    assert len(film) == cut.bytes and hashlib.sha256(film).hexdigest() == cut.sha256
    assert list((node.folder / "state" / "clips").iterdir()) == []
    (node.folder / "clip.mp4").write_bytes(film)
    probe = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "format=duration",
        "-of",
        "csv=p=0",
        str(node.folder / "clip.mp4"),
    ]
    shown = await asyncio.to_thread(subprocess.run, probe, capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    assert 7 <= float(shown.stdout) <= 13

    kept = await ask(node, do="camera.keep", camera="cong", begin=iso(begin), end=iso(end))
    assert kept.state == "done", kept
    listed = await ask(node, do="camera.recordings", camera="cong", begin=iso(begin), end=iso(end))
    assert any(span.kept for span in RecordingList.model_validate(listed.result).recorded)
    wait(lambda: ear.events("recording"))
    told = ear.events("recording")[-1]
    assert (told["code"], told["by"]) == ("camera.kept", "Lan")


async def test_a_clip_reaches_the_hub_though_node_and_hub_are_killed_on_the_way(site: tuple[Site, Ear]) -> None:
    node, ear = site
    node.kill(node.hub)
    end = datetime.now(UTC)
    wait(lambda: datetime.now(UTC) > end + timedelta(seconds=3))
    begin = end - timedelta(seconds=20)
    answer = await ask(node, do="camera.clip", camera="cong", begin=iso(begin), end=iso(end))
    assert answer.state == "done", answer
    cut = ClipCut.model_validate(answer.result)
    waiting = node.folder / "state" / "clips" / f"{cut.sha256}.mp4"
    assert waiting.exists()
    assert node.agent is not None
    node.agent.send_signal(signal.SIGKILL)
    node.agent.wait(10)
    assert waiting.exists()
    node.start_hub()
    node.start_agent()
    wait(lambda: any(event["sha256"] == cut.sha256 for event in ear.events("clip")), 90)
    told = [event for event in ear.events("clip") if event["sha256"] == cut.sha256]
    assert [(event["state"], event["by"]) for event in told] == [("sent", "Lan")]
    assert hashlib.sha256(fetched(node, cut.sha256)).hexdigest() == cut.sha256
    wait(lambda: not waiting.exists())

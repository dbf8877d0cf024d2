"""The acceptance without hardware: what is judged, what is asked when, and a record that fits into a message."""

import asyncio
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from identity_rig import PUBLIC, Authority
from PIL import Image

from edge_agent import calibration
from edge_agent.acceptance import board, linkquality, record, sound
from edge_agent.acceptance.found import Found, Progress, told
from edge_agent.acceptance.serving import AcceptanceServer
from edge_agent.acceptance.session import NotNow, Place, Session
from edge_agent.acceptance.signing import NodeSigner, signer_of
from edge_agent.acceptance.tasks import Task, Todo, tasks_of
from edge_agent.cli import cli
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.contract.base import MAX_BODY, JsonObject
from edge_agent.contract.detached import check_detached, key_of
from edge_agent.contract.enrolment import Grant
from edge_agent.contract.errors import Refusal
from edge_agent.contract.records import Event, EventBatch
from edge_agent.contract.reports import Position
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.keystore import FileKey
from edge_agent.local.client import LocalAgent
from edge_agent.local.server import LocalServer

HERE = Position(latitude=21, longitude=106)


@dataclass
class Bench:
    """In place of a box: finds what it is told to find, and remembers what it was asked."""

    finds: Callable[[Task, Todo], Found] = lambda task, todo: Found(True, told("accept.signed"))
    left: list[str] = field(default_factory=list)

    def do(self, task: Task, todo: Todo, by: str, progress: Progress) -> Found:
        progress(0.5)
        return self.finds(task, todo)

    def leave(self, task: Task, by: str) -> None:
        self.left.append(task.id or "")


def config(folder: Path, cameras: int = 1, lamps: int = 1) -> NodeConfig:
    path = folder / "node.yaml"
    plain = {
        "node": {
            "commune": "26734",
            "name": "n",
            "title": "Cụm",
            "position": {"latitude": 21, "longitude": 106},
        },
        "storage": {"path": str(folder / "state")},
        "broker": {"url": "mqtt://127.0.0.1:1"},
        "command_keys": [{"id": "k", "public": "A" * 43}],
        "drivers": [{"id": "r", "driver": "simulated-relay", "lines": {f"{n}": {} for n in range(lamps)}}],
        "lights": [{"id": f"den-{n}", "name": "Đèn", "line": f"r/{n}"} for n in range(lamps)],
        "cameras": [{"id": f"c-{n}", "name": f"C{n}", "url": f"rtsp://10.0.0.{n + 1}/s"} for n in range(cameras)],
    }
    path.write_text(yaml.safe_dump(plain, allow_unicode=True))
    loaded = load(path)
    assert loaded.config is not None, loaded.problems
    return loaded.config


def session(made: NodeConfig, bench: Bench) -> Session:
    began = Session(tasks_of(made), bench, Place("", HERE))
    began.on_begin = lambda work: work()
    return began


def noise(side: int) -> bytes:
    """A picture that compresses badly."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def test_a_lamp_is_asked_for_twice_and_let_go_at_the_end(tmp_path: Path) -> None:
    bench = Bench()
    walk = session(config(tmp_path), bench)
    lamp = walk.steps[1]
    walk.begin(1)
    assert lamp.question == "accept.ask_lit" and lamp.result is None
    with pytest.raises(NotNow):
        walk.begin(1)  # the answer first
    walk.answer(1, True)
    assert lamp.question is None and lamp.next is not None and bench.left == []
    walk.begin(1)
    walk.answer(1, False)
    assert (lamp.result, lamp.tries, bench.left) == ("faulty", 1, ["den-0"])
    walk.begin(1)  # once more, from its beginning
    assert (lamp.result, lamp.tries, len(lamp.stages)) == (None, 2, 1)
    with pytest.raises(NotNow):
        walk.skip(1, "  ")
    walk.skip(1, "không với tới")
    assert (lamp.result, bench.left) == ("skipped", ["den-0", "den-0"])
    walk.begin(1)
    walk.end()  # nobody answered
    assert bench.left == ["den-0", "den-0", "den-0"]


def test_what_fails_inside_is_a_finding_and_the_page_goes_on(tmp_path: Path) -> None:
    def finds(task: Task, todo: Todo) -> Found:
        raise {"camera": Refusal("camera.timeout", detail="x"), "clock": ZeroDivisionError()}[task.kind]

    walk = session(config(tmp_path), Bench(finds))
    at = {going.task.kind: number for number, going in enumerate(walk.steps)}
    walk.begin(at["camera"])
    assert walk.steps[at["camera"]].stages[0].code == "camera.timeout"
    walk.begin(at["clock"])
    assert walk.steps[at["clock"]].result == "faulty" and not walk.busy


@pytest.mark.parametrize(("cameras", "lamps"), [(1, 1), (32, 1), (1, 100), (0, 500)])
def test_a_signed_record_fits_into_one_message_with_any_pictures(tmp_path: Path, cameras: int, lamps: int) -> None:
    def finds(task: Task, todo: Todo) -> Found:
        picture = noise(600) if task.kind == "camera" else None
        return Found(True, told("accept.silent"), picture=picture, figures={"width": 600.0})

    made = config(tmp_path, cameras, lamps)
    walk = session(made, Bench(finds))
    for at, going in enumerate(walk.steps):
        for _ in going.task.todo:
            walk.begin(at)
            if going.question:
                walk.answer(at, True)
    walk.set_place(Place(" Nguyễn   Lắp ", HERE, "phone"))
    key = FileKey.make(tmp_path / "node.key")
    signed = record.made(made, walk, NodeSigner(_certificate(key), key))
    event = Event(seq=1, at=datetime.now(UTC), type="installed", data=json.loads(signed.body()))
    assert len(EventBatch(node="n", session="s" * 16, records=(event,)).body()) < MAX_BODY
    assert signed.jws is not None and signed.certificate is not None
    check_detached(signed.jws, signed.record.encode(), key_of(signed.certificate))
    read = signed.read()
    assert (read.installer, read.position_by, read.faulty, read.skipped) == ("Nguyễn Lắp", "phone", 0, 0)
    if (cameras, lamps) == (1, 1):
        assert next(step.picture for step in read.steps if step.kind == "camera")


def test_what_nobody_did_counts_as_left_out(tmp_path: Path) -> None:
    made = config(tmp_path)
    read = record.made(made, session(made, Bench()), None).read()
    assert read.skipped == len(read.steps) and read.installer == "-"


def test_an_enrolled_box_signs_by_its_own_key_and_others_do_not(tmp_path: Path) -> None:
    made = config(tmp_path)
    assert signer_of(made) is None
    plain = yaml.safe_load((tmp_path / "node.yaml").read_text())
    plain["identity"] = {"folder": str(tmp_path / "identity")}
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(plain))
    made = load(tmp_path / "node.yaml").config or made
    assert signer_of(made) is None  # not enrolled yet
    authority, folder, now = Authority(), IdentityFolder(tmp_path / "identity"), datetime.now(UTC)
    grant = {
        "name": "n",
        "commune": "26734",
        "certificate": authority.for_node("n", folder.next_key().private.public_key()),
        "ca": authority.pem,
        "broker": "mqtts://127.0.0.1:8883",
        "command_keys": [{"id": "hub", "public": PUBLIC}],
        "not_after": now + timedelta(days=90),
        "renew_from": now + timedelta(days=60),
        "at": now,
    }
    folder.put_on_trial(Grant.model_validate(grant))
    folder.settle()
    signer = signer_of(made)
    assert signer is not None
    signed = record.made(made, session(made, Bench()), signer)
    assert signed.jws is not None and signed.certificate == grant["certificate"]
    check_detached(signed.jws, signed.record.encode(), key_of(signed.certificate or ""))


def _certificate(key: FileKey) -> str:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "n")]), datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.private.public_key(), 7).not_valid_before(now)
    built = built.not_valid_after(now + timedelta(days=1))
    return built.sign(key.private, SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("device", "wireless", "way"), [("wlan0", True, "wifi"), ("wwan0", False, "mobile"), ("eth0", False, "cable")]
)
def test_the_way_out_is_named(tmp_path: Path, device: str, wireless: bool, way: str) -> None:
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
    routes = tmp_path / "route"
    routes.write_text(
        f"{head}lan9\t0000FEA9\t0\t1\t0\t0\t1\t0\ntun0\t00000000\t0\t1\t0\t0\t900\t0\n{device}\t00000000\t0\t1\t0\t0\t5\t0\n"
    )
    if wireless:
        (tmp_path / "net" / device / "wireless").mkdir(parents=True)
    assert linkquality.network(routes, tmp_path / "net") == way
    assert linkquality.network(tmp_path / "nothing", tmp_path) == "none"


def test_the_card_is_measured_and_leaves_nothing_behind(tmp_path: Path) -> None:
    found = board.power(tmp_path)
    assert found.figures["write_mb_s"] > 0 and found.figures["free_mb"] > 0 and found.words.vi != found.words.en
    assert list(tmp_path.iterdir()) == []


def test_a_code_is_good_once_and_the_page_knows_its_own_addresses(tmp_path: Path) -> None:
    codes: list[str] = []
    walk = session(config(tmp_path), Bench())
    with AcceptanceServer(
        walk, "t", ("0.0.0.0", 0), send=lambda: told("accept.signed"), on_code=codes.append
    ) as server:
        server.new_code()
        code = codes[0].rpartition("=")[2]
        assert not server.opens("x" * 8) and server.opens(f" {code.upper()} ") and not server.opens(code)
        assert len(codes) == 2 and server.hosts[-1] == "127.0.0.1"
        server.send_now()
        server.send_now()  # twice is once
        assert server.sent is not None


def test_a_folder_of_another_account_is_named(tmp_path: Path) -> None:
    import fcntl

    made = config(tmp_path)
    made.storage.path.mkdir()
    with (made.storage.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # an agent that does not answer us
        result = CliRunner().invoke(cli, ["doctor", str(tmp_path / "node.yaml"), "--install", "--no-page"])
    assert result.exit_code == 1 and "sudo -u edge-agent" in result.output


@pytest.mark.parametrize(
    ("named", "before", "delay_s", "kept", "code"),
    [
        (None, None, 0.045, 45.0, None),
        (None, 30.0, 0.012, 42.0, None),  # on top of what the driver makes up for already
        (7.0, None, 0.012, 19.0, None),  # told, though the configuration comes first
        (None, None, 2.5, None, "accept.late"),
    ],
)
async def test_a_card_that_is_late_is_made_up_for(
    tmp_path: Path, named: float | None, before: float | None, delay_s: float, kept: float | None, code: str | None
) -> None:
    made = config(tmp_path)
    plain = yaml.safe_load((tmp_path / "node.yaml").read_text())
    latency = {} if named is None else {"latency_ms": named}
    plain["drivers"] += [{"id": "horn", "driver": "pyaudio-speaker", **latency}]
    plain["drivers"] += [{"id": "ear", "driver": "simulated-microphone", "hears": "horn"}]
    plain["speakers"] = [{"id": "loa", "name": "Loa", "driver": "horn", "microphone": "ear"}]
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(plain))
    made = load(tmp_path / "node.yaml").config or made
    if before is not None:
        calibration.save(tmp_path / "state" / "drivers" / "horn", {"latency_ms": before})
    bands = {str(hz): -10.0 for hz in (400, 630, 1000, 2500, 4000)}
    response = {"bands": bands, "noise": dict.fromkeys(bands, -60.0), "level_db": -10.0, "delay_s": delay_s}
    asked: list[JsonObject] = []

    async def command(_question: JsonObject) -> JsonObject:
        return {"verdict": "ok", "response": response}

    async def calibrate(question: JsonObject) -> JsonObject:
        asked.append(question["figures"])
        return {}

    (tmp_path / "state").mkdir(exist_ok=True)
    server = asyncio.create_task(LocalServer(tmp_path / "state", {"command": command, "calibrate": calibrate}).run())
    while not (tmp_path / "state" / "local.sock").exists():
        await asyncio.sleep(0.01)
    found = await asyncio.to_thread(sound.hear, LocalAgent(tmp_path / "state"), made, made.speakers[0], "Lan")
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    assert (found.good, found.code) == (code is None, code)
    assert [figures["latency_ms"] for figures in asked] == ([] if kept is None else [kept])
    assert ("node.yaml" in found.words.en) is (named is not None)

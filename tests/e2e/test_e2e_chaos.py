"""Nothing lost, nothing done twice, nothing claimed falsely: agent and broker are killed again and again.

A feed collects every record and asks for gaps; a commander repeats each command until its last answer. At the end every
number must be there, every effect exactly once, and `done` only for what happened.
"""

import contextlib
import itertools
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.rig import COMMUNE, NODE, free_port, node_config, wait_for_port
from edge_agent.contract.commands import Command
from edge_agent.contract.ids import uuid7
from edge_agent.contract.sequence import Sequence
from edge_agent.contract.signature import Signer

MANY = int(os.environ.get("KILLS", "50"))
EXCUSES = {
    ("speak", "command.interrupted"),
    ("speak", "command.busy"),
    ("speak", "speech.busy"),
    ("bulletin.plan", "bulletin.too_many"),
}
"""What may become of a command that was not done; anything else is a defect."""
BUSY = {"command.busy", "speech.busy"}
"""Why a copy of a command may be rejected and the next one, sent before that was known, done."""
ROOT = f"edge/{COMMUNE}/{NODE}"


class Program:
    """A program that can be killed and started again."""

    def __init__(self, argv: list[str], log: Path) -> None:
        self._argv = argv
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(self._argv, stdout=output, stderr=output)

    def kill(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()


class Centre:
    """Feed and commander in one: a paho client that comes back by itself."""

    def __init__(self, port: int, signer: Signer) -> None:
        self.sequence = Sequence()
        self.records: dict[int, dict[str, Any]] = {}
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.lock = threading.Lock()
        self._signer = signer
        self._bodies: dict[str, bytes] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="centre", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"{ROOT}/{name}", 1) for name in ("event", "telemetry", "ack")]
        )
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(0.1, 0.5)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.loop_stop()

    def _hear(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        body = json.loads(message.payload)
        with self.lock:
            if message.topic.endswith("/ack"):
                self.answers.setdefault(body["id"], []).append(body)
                return
            for record in body["records"]:
                known = self.records.setdefault(record["seq"], record)
                assert known == record, "a number was used twice for different records"
                self.sequence.add(record["seq"])

    def send(self, args: dict[str, Any]) -> str:
        now = datetime.now(UTC)
        command = Command.model_validate(
            {
                "id": uuid7(),
                "to": f"{COMMUNE}/{NODE}",
                "by": "chaos",
                "at": now,
                "expires": now + timedelta(minutes=30),
                "args": args,
            }
        )
        self._bodies[command.id] = self._signer.sign(command.model_dump_json(by_alias=True).encode())
        self.repeat(command.id)
        return command.id

    def repeat(self, id_: str) -> None:
        if self._client.is_connected():
            self._client.publish(f"{ROOT}/cmd", self._bodies[id_], 1)

    def last_answer(self, id_: str) -> dict[str, Any] | None:
        with self.lock:
            finals = [answer for answer in self.answers.get(id_, []) if answer["state"] != "accepted"]
        settled = [answer for answer in finals if answer["state"] != "rejected"]
        assert len({answer["state"] for answer in settled}) <= 1, f"{id_} was answered as {finals}"
        if settled:
            # A node that was too busy for one copy may take the next one. It never takes back what it has done.
            early = finals[: finals.index(settled[0])]
            late = [answer for answer in finals[len(early) :] if answer["state"] == "rejected" and answer not in early]
            assert not late, f"{id_} was answered as {finals}"
            assert all(answer["fault"]["code"] in BUSY for answer in early), f"{id_} was answered as {finals}"
            return settled[-1]
        return finals[-1] if finals else None

    def settle(self, ids: list[str], limit_s: float) -> None:
        """Repeat commands until each has its last answer."""
        end = time.monotonic() + limit_s
        while waiting := [id_ for id_ in ids if self.last_answer(id_) is None]:
            assert time.monotonic() < end, f"{len(waiting)} commands were never answered, such as {waiting[:3]}"
            for id_ in waiting[:50]:
                self.repeat(id_)
            time.sleep(1)

    def complete(self, limit_s: float) -> int:
        """Ask for gaps until every number up to the newest is there; returns the newest."""
        end = time.monotonic() + limit_s
        while True:
            asked = self.send({"do": "outbox.resend", "first": 1, "last": 1})
            time.sleep(1)
            with contextlib.suppress(AssertionError):
                self.settle([asked], 5)
            answer = self.last_answer(asked)
            with self.lock:
                missing = self.sequence.missing()
                through = self.sequence.through
            if answer and answer["state"] == "done" and not missing and through >= answer["result"]["last"]:
                return int(answer["result"]["last"])
            assert time.monotonic() < end, f"still missing {missing[:5]}, have up to {through}, node says {answer}"
            last = answer["result"]["last"] if answer and answer["state"] == "done" else 0
            for first, until in [*missing[:20], (through + 1, max(through + 1, last))]:
                self.send({"do": "outbox.resend", "first": first, "last": until})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[Program, Program, Centre, Path]]:
    port = free_port()
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nuser root\npersistence true\n"
        f"persistence_location {tmp_path}/\nautosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\n"
    )
    broker = Program(["/usr/sbin/mosquitto", "-c", str(conf)], tmp_path / "mosquitto.log")
    wait_for_port(port)
    signer = Signer("chaos", secrets.token_bytes(32))
    config = node_config(
        tmp_path,
        port,
        signer,
        telemetry={"every_s": 1},
        drivers=[
            {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}}},
            {"id": "horn", "driver": "file-speaker", "paced": False, "keep": 1000},
        ],
    )
    agent = Program([sys.executable, "-m", "edge_agent", "run", str(config)], tmp_path / "agent.log")
    centre = Centre(port, signer)
    yield agent, broker, centre, tmp_path
    centre.close()
    agent.kill()
    broker.kill()


def _commands() -> Iterator[dict[str, Any]]:
    far = (datetime.now(UTC) + timedelta(days=20)).isoformat()
    for number in itertools.count():
        yield {"do": "switch.override", "thing": "lamp", "level": 100 * (number % 2)}
        yield {"do": "bulletin.plan", "bulletin": {"id": f"b{number}", "title": "x", "text": "Xin chào.", "at": far}}
        if number % 5 == 0:
            yield {"do": "speak", "text": "Xin chào bà con."}


@pytest.mark.parametrize("kills", [15, pytest.param(MANY, marks=pytest.mark.long)])
def test_killed_again_and_again(node: tuple[Program, Program, Centre, Path], kills: int) -> None:
    agent, broker, centre, folder = node
    dice = random.Random(20261122)
    commands = _commands()
    sent: dict[str, dict[str, Any]] = {}
    for _ in range(kills):
        end = time.monotonic() + dice.uniform(0.1, 1.6)
        while time.monotonic() < end:
            args = next(commands)
            sent[centre.send(args)] = args
            time.sleep(dice.uniform(0.0, 0.15))
        victim = broker if dice.random() < 0.3 else agent
        victim.kill()
        time.sleep(dice.uniform(0.0, 0.4))
        victim.start()
    centre.settle(list(sent), limit_s=180)
    last = centre.complete(limit_s=120)
    assert sorted(centre.records)[:last] == list(range(1, last + 1))
    _check_effects(centre, sent)
    log = (folder / "agent.log").read_text(errors="replace")
    assert "Traceback" not in log, _around(log, "Traceback")


def _around(log: str, word: str, before: int = 5, behind: int = 60) -> str:
    """The lines where a word stands for the first time, with those around them."""
    lines = log.splitlines()
    place = next(number for number, line in enumerate(lines) if word in line)
    return "\n".join(lines[max(0, place - before) : place + behind])


def _check_effects(centre: Centre, sent: dict[str, dict[str, Any]]) -> None:
    events = [record for record in centre.records.values() if "type" in record]
    done_events = Counter(
        e["data"]["id"] for e in events if e["type"] == "command" and e["data"].get("state") == "done"
    )
    overrides = Counter(e["data"]["command"] for e in events if e["type"] == "override" and "command" in e["data"])
    planned = Counter(e["about"] for e in events if e["type"] == "bulletin" and e["data"].get("state") == "planned")
    spoken = Counter(e["data"]["id"] for e in events if e["type"] == "aired" and e["data"]["state"] == "aired")
    outcomes = Counter()
    for id_, args in sent.items():
        answer = centre.last_answer(id_)
        assert answer is not None
        outcomes[args["do"], answer["state"]] += 1
        effects = {
            "switch.override": overrides[id_],
            "bulletin.plan": planned[f"bulletin/{args['bulletin']['id']}"] if "bulletin" in args else 0,
            "speak": spoken[id_],
        }[args["do"]]
        if answer["state"] == "done":
            assert effects == 1, f"{args} was done {effects} times"
            assert done_events[id_] == 1
        else:
            code = answer["fault"]["code"]
            assert (args["do"], code) in EXCUSES, answer
            assert effects <= 1
            assert done_events[id_] == 0
    assert outcomes["switch.override", "done"] > 20
    assert outcomes["bulletin.plan", "done"] > 20
    assert outcomes["speak", "done"] > 0

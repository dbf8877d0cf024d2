"""The examples of docs/examples do what the guides say, with a real broker and a real node."""

import json
import os
import secrets
import sqlite3
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from docs_rig import DOCS, EXAMPLES, blocks, example
from paho.mqtt import publish

from bench.rig import COMMUNE, NODE, Sender, broker, node_config, process
from drivers.contract import Driver, DriverFault, Switchable
from drivers.registry import load, names
from edge_agent.contract.commands import Command
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer

ROOT = f"edge/{COMMUNE}/{NODE}"
LIMIT_S = 20


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def signed(signer: Signer, **args: object) -> tuple[str, bytes]:
    """A command to the node: its id, and what goes on the wire."""
    now = datetime.now(UTC)
    fields = {"id": uuid7(), "to": f"{COMMUNE}/{NODE}", "by": "test", "at": now, "args": args}
    command = Command.model_validate({**fields, "expires": now + timedelta(minutes=5)})
    return command.id, signer.sign(command.model_dump_json().encode())


def ask(sender: Sender, signer: Signer, **args: object) -> dict[str, object]:
    """Send a command; the last answer."""
    id_, body = signed(signer, **args)
    sender.publish(f"{ROOT}/cmd", body)
    while True:
        _, answer = sender.wait(f"{ROOT}/ack", id_.encode(), LIMIT_S)
        ack: dict[str, object] = json.loads(answer)
        if ack["state"] != "accepted":
            return ack


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The blank driver in a package of its own, with the entry point that the guide shows; installed as far as
    importlib can tell."""
    (block,) = [block for block in blocks(DOCS / "guide-developer.md", "toml") if "entry-points" in block.text]
    entries = tomllib.loads(block.text)["project"]["entry-points"]["edge_agent.drivers"]
    site = tmp_path / "site"
    info = site / "blank-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: blank\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[edge_agent.drivers]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
    )
    (site / "blank_driver.py").write_text((EXAMPLES / "blank_driver.py").read_text())
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("blank_driver", None)


async def test_the_blank_driver_keeps_the_contract(third_party: Path, tmp_path: Path) -> None:
    from drivers.clock import standalone_context

    assert "blank-relay" in names()
    lamp = tmp_path / "lamp"
    kind = load("blank-relay")
    driver = kind(kind.Config.model_validate({"lines": {"lamp": str(lamp)}}), standalone_context("blank", tmp_path))
    assert isinstance(driver, Driver)
    assert isinstance(driver, Switchable)
    assert [capability.id for capability in driver.capabilities()] == ["lamp"]
    check = await driver.check()
    assert (check.ok, check.code) == (False, "driver.no_device")
    assert str(lamp) in check.detail
    lamp.write_text("0")
    assert (await driver.check()).ok
    with pytest.raises(DriverFault, match=r"^driver\.closed"):
        await driver.switch("lamp", True)
    async with driver:
        with pytest.raises(DriverFault, match=r"^driver\.unclaimed"):
            await driver.read("lamp")
        with pytest.raises(DriverFault, match=r"^driver\.unknown_line"):
            await driver.switch("tree", True)
        await driver.switch("lamp", True)
        assert (lamp.read_text(), await driver.read("lamp")) == ("1", True)
        lamp.write_text("0")  # by somebody else: what is read is what is
        assert await driver.read("lamp") is False
        lamp.unlink()
        with pytest.raises(DriverFault, match=r"^driver\.io") as refused:
            await driver.read("lamp")
        assert refused.value.retry
    assert not lamp.exists()
    for field in kind.Config.model_json_schema()["properties"].values():
        assert field["title"]
        assert field["description"]


def test_a_real_node_switches_by_the_blank_driver_and_tells_subscribers(third_party: Path, tmp_path: Path) -> None:
    lamp = tmp_path / "lamp"
    lamp.write_text("0")
    signer = Signer("docs", secrets.token_bytes(32))
    with broker(tmp_path) as port:
        config = node_config(
            tmp_path,
            port,
            signer,
            drivers=[
                {"id": "relays", "driver": "blank-relay", "lines": {"lamp": str(lamp)}},
                {"id": "horn", "driver": "file-speaker"},
            ],
            lights=[{"id": "lamp", "name": "Lamp", "line": "relays/lamp"}],
            telemetry={"every_s": 1},
        )
        sender = Sender(port, [f"{ROOT}/ack", f"{ROOT}/status"])
        path = os.pathsep.join(filter(None, [str(third_party), os.environ.get("PYTHONPATH")]))
        run = [sys.executable, "-m", "edge_agent", "run", str(config)]
        feed = str(tmp_path / "feed.db")
        with (
            example("subscribe.py", "127.0.0.1", str(port), folder=tmp_path) as (printed, _),
            example("follow.py", feed, "127.0.0.1", str(port), folder=tmp_path) as (_, complaints),
            process(*run, log=tmp_path / "agent.log", env={"PYTHONPATH": path}),
        ):
            sender.wait(f"{ROOT}/status", b'"online":true', LIMIT_S)
            assert ask(sender, signer, do="switch.override", thing="lamp", level=100)["state"] == "done"
            assert lamp.read_text() == "1"
            until(lambda: '"type":"override"' in printed.read_text(), "subscribe.py printed no override")
            until(lambda: len(kept(feed)) >= 8, "follow.py kept too little")
            before, copies = kept(feed), printed.read_text().count('{"seq":2,')
            again = ask(sender, signer, do="outbox.resend", first=1, last=3)
            assert again["result"]["records"] == 3  # type: ignore[index]
            until(lambda: printed.read_text().count('{"seq":2,') > copies, "the resent record did not come")
            until(lambda: len(kept(feed)) > len(before), "nothing new came")
            numbers = kept(feed)
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "each once, none missing"
        assert complaints.read_text() == ""
        sender.close()


def kept(path: str) -> list[int]:
    """Numbers in the feed's database, with repetitions if there were any."""
    if not Path(path).exists():
        return []
    with closing(sqlite3.connect(path)) as database:
        try:
            rows = database.execute("SELECT seq FROM record WHERE node = ? ORDER BY seq", (f"{COMMUNE}/{NODE}",))
            return [seq for (seq,) in rows]
        except sqlite3.OperationalError:  # not made yet
            return []


def batch(*records: dict[str, object]) -> bytes:
    return json.dumps({"node": "other", "session": "s", "records": list(records)}).encode()


def record(seq: int, **more: object) -> dict[str, object]:
    return {"seq": seq, "at": f"2026-11-22T05:30:{seq:02}.000+00:00", "type": "started", "data": {}, **more}


def test_the_feed_tells_what_is_missing_and_believes_a_gap(tmp_path: Path) -> None:
    feed = str(tmp_path / "feed.db")
    with broker(tmp_path) as port:
        with example("follow.py", feed, "127.0.0.1", str(port), folder=tmp_path) as (_, complaints):

            def say(*records: dict[str, object], then: str) -> None:
                def said() -> bool:
                    # again and again, since the feed may still be connecting: repetitions must not matter
                    publish.single(f"edge/{COMMUNE}/other/event", batch(*records), 1, port=port)
                    time.sleep(0.1)
                    return complaints.read_text().endswith(then)

                until(said, f"{then!r} was not said but {complaints.read_text()!r}")

            say(record(3), record(4), record(8), then=f"missing {COMMUNE}/other 5..7\n")
            say(record(12), then=f"missing {COMMUNE}/other 5..7 9..11\n")
            say(record(6), then=f"missing {COMMUNE}/other 5..5 7..7 9..11\n")
            gap = {"ranges": [[5, 5], [9, 11]], "reason": "outbox_full", "sent": False}
            say(record(13, type="gap", data=gap), then=f"missing {COMMUNE}/other 7..7\n")
            say(record(7), then=f"missing {COMMUNE}/other nothing\n")
        with example("follow.py", feed, "127.0.0.1", str(port), folder=tmp_path) as (_, complaints):
            say(record(15), then=f"missing {COMMUNE}/other 14..14\n")  # a feed that starts again remembers

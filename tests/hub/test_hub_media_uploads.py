"""The node's uploads against a real hub: whoever is killed, and when, they go on, and no wrong file is ever kept."""

import asyncio
import contextlib
import hashlib
import json
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from hub_rig import JPEG, TOKEN, Mosquitto, Running, config_for, free_port, serving, until

from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.media import pace
from edge_agent.media.outgoing import Outgoing, Parcel
from edge_agent.media.push import Load

FILM = b"\0\0\0\x18ftypisom" + random.Random(7).randbytes(1_500_000)
NODE = """
import asyncio, sys
from pathlib import Path
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.media import pace
from edge_agent.media.outgoing import Outgoing
pace.FASTEST = float(sys.argv[4])
async def main():
    quick = lambda: Backoff(0.1, 0.2)
    out = Outgoing(Path(sys.argv[1]), 10**9, sys.argv[2], lambda: sys.argv[3], SystemClock("assume"), backoff=quick)
    gone = asyncio.Event()
    out.on_arrival = lambda parcel, fault: (print(parcel.id, fault, flush=True), gone.set())
    await out.open()
    running = asyncio.create_task(out.run())
    await gone.wait()
    while list(Path(sys.argv[1]).iterdir()):
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await out.stop()
asyncio.run(main())
"""


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def parcel_of(content: bytes, name: str = "a", **note: object) -> Parcel:
    made = datetime(2026, 11, 22, 5, 0, ord(name[0]) % 60, tzinfo=UTC)
    return Parcel(id=name, sha256=digest(content), bytes=len(content), made=made, note=note)


class Node:
    """Uploads of one node."""

    def __init__(self, folder: Path, hub: str | None, token: str = TOKEN, limit: int = 10**9) -> None:
        clock, quick = SystemClock("assume"), lambda: Backoff(0.05, 0.1)
        self.outgoing = Outgoing(folder, limit, hub, lambda: token, clock, backoff=quick)
        self.arrived: list[tuple[str, Fault | None]] = []
        self.outgoing.on_arrival = lambda parcel, fault: self.arrived.append((parcel.id, fault))

    async def add(self, content: bytes, name: str = "a") -> None:
        draft = self.outgoing.shelf.draft(name)
        draft.write_bytes(content)
        await self.outgoing.add(parcel_of(content, name), draft)


@contextlib.asynccontextmanager
async def node(folder: Path, hub: str | None, token: str = TOKEN, limit: int = 10**9) -> AsyncIterator[Node]:
    """It runs until the block ends."""
    made = Node(folder, hub, token, limit)
    await made.outgoing.open()
    running = asyncio.create_task(made.outgoing.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await made.outgoing.stop()


def media(hub: Running, content: bytes) -> bytes | None:
    found = hub.hub.media.get(digest(content))
    return found.path.read_bytes() if found else None


def received(hub: Running) -> int:
    progress = hub.hub.media.progress(digest(FILM))
    return progress.received if progress else 0


async def test_a_clip_arrives_and_nothing_of_it_stays_on_the_node(hub: Running, tmp_path: Path) -> None:
    async with node(tmp_path / "clips", hub.url) as sender:
        await sender.add(FILM)
        await until(lambda: sender.arrived)
        await until(lambda: not list((tmp_path / "clips").iterdir()))
    assert sender.arrived == [("a", None)]
    assert media(hub, FILM) == FILM
    kept = hub.hub.media.get(digest(FILM))
    assert kept is not None and kept.type == "video/mp4"


async def test_two_who_ask_for_the_same_clip_are_both_told_and_it_is_sent_once(hub: Running, tmp_path: Path) -> None:
    sender = Node(tmp_path / "clips", hub.url)
    await sender.add(FILM, "a")
    await sender.add(FILM, "b")
    assert sender.outgoing.shelf.size == len(FILM)
    async with node(tmp_path / "clips", hub.url) as sender:
        await until(lambda: len(sender.arrived) == 2)
        await sender.add(FILM, "c")  # the hub has it already
        await until(lambda: len(sender.arrived) == 3)
    assert sender.arrived == [("a", None), ("b", None), ("c", None)]


async def test_a_picture_does_not_wait_for_the_clip_before_it(
    hub: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "event.jpg").write_bytes(JPEG)
    async with node(tmp_path / "clips", hub.url) as sender:
        monkeypatch.setattr(pace, "FASTEST", 500_000.0)
        await sender.add(FILM)
        await until(lambda: received(hub) > 50_000)
        sender.outgoing.offer(Load(tmp_path / "event.jpg", digest(JPEG), len(JPEG), "image/jpeg"))
        await until(lambda: media(hub, JPEG))
        assert media(hub, FILM) is None and sender.arrived == []
        monkeypatch.setattr(pace, "FASTEST", 4_000_000.0)
        await until(lambda: sender.arrived)
    assert media(hub, FILM) == FILM


async def test_of_pictures_that_cannot_be_sent_only_the_newest_stay(tmp_path: Path) -> None:
    sender = Node(tmp_path / "clips", "http://127.0.0.1:1")
    for n in range(80):
        sender.outgoing.offer(Load(tmp_path / "x.jpg", f"{n:064x}", 1, "image/jpeg"))
    kept = [int(load.sha256, 16) for load in sender.outgoing._pictures]
    assert kept == list(range(30, 80))


async def test_a_node_that_is_killed_in_the_middle_goes_on_after_its_start(hub: Running, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    await Node(folder, hub.url).add(FILM)
    command = [sys.executable, "-c", NODE, str(folder), hub.url, TOKEN]
    seen = [0]
    for kill_at in (20_000, 300_000, 600_000):
        process = await asyncio.create_subprocess_exec(*command, "600000", stdout=subprocess.PIPE)
        await until(lambda at=kill_at: received(hub) > at, 20)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await asyncio.sleep(0.2)
        assert received(hub) >= seen[-1]
        seen.append(received(hub))
    process = await asyncio.create_subprocess_exec(*command, "4000000", stdout=subprocess.PIPE)
    told, _ = await asyncio.wait_for(process.communicate(), 30)
    assert told.decode().split() == ["a", "None"]
    assert media(hub, FILM) == FILM
    assert list(folder.iterdir()) == []


@pytest.mark.long
async def test_a_hub_that_is_killed_in_the_middle_gets_the_rest_after_its_start(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    (tmp_path / "tokens.json").write_text(json.dumps({"tram-bom": TOKEN}))
    config = {
        "broker": {"url": f"mqtt://127.0.0.1:{broker.port}"},
        "listen": {"port": port},
        "upload_tokens": {"file": "tokens.json"},
    }
    (tmp_path / "hub.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "hub", "run", str(tmp_path / "hub.yaml")]
    url = f"http://127.0.0.1:{port}"
    part = tmp_path / "hub-data" / "media" / "parts" / f"{digest(FILM)}.{len(FILM)}"

    def arrived_bytes() -> int:
        return part.stat().st_size if part.exists() else 0

    async with node(tmp_path / "clips", url) as sender, httpx.AsyncClient(timeout=30) as http:
        await sender.add(FILM)
        monkeypatch.setattr(pace, "FASTEST", 400_000.0)
        process = None
        try:
            for kill_at in (100_000, 500_000):
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                await until(lambda at=kill_at: arrived_bytes() > at, 60)  # type: ignore[misc]
                process.kill()
                process.wait(10)
                assert sender.arrived == []
            before = arrived_bytes()
            monkeypatch.setattr(pace, "FASTEST", 4_000_000.0)
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            await until(lambda: sender.arrived, 60)
            assert before >= 500_000
            assert sender.arrived == [("a", None)]
            auth = {"Authorization": f"Bearer {TOKEN}"}
            assert (await http.get(f"{url}/media/{digest(FILM)}", headers=auth)).content == FILM
        finally:
            if process is not None:
                process.kill()
                process.wait(10)


async def test_a_clip_that_was_whole_when_the_hub_ended_is_not_sent_again(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_for(tmp_path, broker.port)
    parts = config.data / "media" / "parts"
    parts.mkdir(parents=True)
    (parts / f"{digest(FILM)}.{len(FILM)}").write_bytes(FILM)
    monkeypatch.setattr(pace, "FASTEST", 20_000.0)  # all of it would take more than a minute
    async with serving(config) as hub, node(tmp_path / "clips", hub.url) as sender:
        await sender.add(FILM)
        await until(lambda: sender.arrived)
        assert media(hub, FILM) == FILM
    assert sender.arrived == [("a", None)]


class Cutter:
    """A way to the hub that breaks off after so many bytes of each connection."""

    def __init__(self, target: int, after: Callable[[], int]) -> None:
        self._target, self._after = target, after
        self.connections = 0

    async def __aenter__(self) -> "Cutter":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = self._after()
        there, back = await asyncio.open_connection("127.0.0.1", self._target)

        async def answers() -> None:
            while data := await there.read(4096):
                writer.write(data)

        task = asyncio.create_task(answers())
        while left > 0 and (data := await reader.read(min(left, 4096))):
            left -= len(data)
            back.write(data)
            await back.drain()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # as a way that breaks: by reset
        task.cancel()
        for end in (writer, back):
            end.transport.abort()


async def test_a_way_that_breaks_anywhere_costs_nothing_but_time(hub: Running, tmp_path: Path) -> None:
    chance = random.Random(3)
    port = int(hub.url.rpartition(":")[2])
    async with (
        Cutter(port, lambda: chance.choice([1, 150, 700, 40_000, 300_000])) as way,
        node(tmp_path / "clips", f"http://127.0.0.1:{way.port}") as sender,
    ):
        await sender.add(FILM)
        await until(lambda: sender.arrived, 60)
    assert sender.arrived == [("a", None)]
    assert way.connections > 5
    assert media(hub, FILM) == FILM


async def test_what_the_hub_will_never_take_is_told_once(hub: Running, tmp_path: Path) -> None:
    async with node(tmp_path / "clips", hub.url) as sender:
        await sender.add(b"<html>" + bytes(5000))
        await until(lambda: sender.arrived)
        [(name, fault)] = sender.arrived
        assert name == "a" and fault is not None and fault.code == "media.refused"
        await until(lambda: not list((tmp_path / "clips").iterdir()))


async def test_a_wrong_token_is_tried_again_until_it_is_right(hub: Running, tmp_path: Path) -> None:
    async with node(tmp_path / "clips", hub.url, "wrong") as sender:
        await sender.add(FILM)
        await asyncio.sleep(0.5)
        assert sender.arrived == []
    async with node(tmp_path / "clips", hub.url) as sender:
        await until(lambda: sender.arrived == [("a", None)])


async def test_a_clip_that_the_disk_spoilt_is_not_sent_as_another(hub: Running, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    await Node(folder, hub.url).add(FILM)
    path = folder / f"{digest(FILM)}.mp4"
    path.write_bytes(FILM[:-1] + b"?")
    async with node(folder, hub.url) as sender:
        await until(lambda: sender.arrived)
    fault = sender.arrived[0][1]
    assert fault is not None and fault.code == "media.wrong_hash"
    assert media(hub, FILM) is None


async def test_without_a_hub_it_is_said_at_once(tmp_path: Path) -> None:
    async with node(tmp_path / "clips", None) as sender:
        await sender.add(FILM)
        await until(lambda: sender.arrived)
    fault = sender.arrived[0][1]
    assert fault is not None and fault.code == "media.unreachable"


async def test_the_folder_is_bounded_and_the_oldest_give_way(tmp_path: Path) -> None:
    sender = Node(tmp_path / "clips", "http://127.0.0.1:1", limit=3_000_000)
    films = {name: FILM[:1_000_000] + name.encode() for name in "abcd"}
    for name, film in films.items():
        await sender.add(film, name)
    assert [(name, fault.code if fault else "") for name, fault in sender.arrived] == [
        ("a", "media.gave_way"),
        ("b", "media.gave_way"),
    ]
    with pytest.raises(Refusal, match="3 MB"):
        await sender.add(FILM + FILM + FILM, "e")
    assert list(sender.outgoing.shelf.parcels) == ["c", "d"]


async def test_what_is_found_at_a_start_is_put_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    sender = Node(folder, "http://127.0.0.1:1")
    await sender.add(FILM, "a")
    await sender.add(FILM[:1000], "b")
    sender.outgoing.shelf.draft("c").write_bytes(b"half")
    (folder / "broken.json").write_text("{")
    (folder / f"{digest(FILM[:1000])}.mp4").write_bytes(FILM[:999])
    again = Node(folder, "http://127.0.0.1:1")
    await again.outgoing.open()
    assert list(again.outgoing.shelf.parcels) == ["a"]
    assert [(name, fault.code if fault else "") for name, fault in again.arrived] == [("b", "media.lost")]
    assert sorted(path.name for path in folder.iterdir()) == sorted(["a.json", f"{digest(FILM)}.mp4"])

"""A relay on air: main source, backup, stand-in, and back; heard by an ear at the FIFO."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from core_relay import TONES, Radio, Stations, html, make_all, stations

from bench.live_rig import RATE, Ear
from edge_agent.contract.segments import Relay
from edge_agent.relay.choice import Choice, Health
from edge_agent.relay.stream import Limits, RelayEvent, RelayStream

QUICK = Limits(open_s=3.0, stall_s=1.0, silence_s=2.0, healthy_s=3.0, retry_s=0.5, retry_most_s=1.0)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_all(tmp_path_factory.mktemp("sounds"))


@pytest.fixture
def server(sounds: Path) -> Iterator[Stations]:
    with stations(sounds) as running:
        yield running


class Heard:
    """A relay and who hears it."""

    def __init__(self, stream: RelayStream, ear: Ear, events: list[RelayEvent]) -> None:
        self.stream = stream
        self.ear = ear
        self.events = events

    def now(self) -> str:
        """Which source is heard in the last quarter of a second."""
        part = self.ear.heard[-RATE // 4 :]
        return name_of(part)

    def level_db(self, seconds: float = 1.0) -> float:
        part = self.ear.heard[-int(RATE * seconds) :]
        return float(10 * np.log10(np.mean(part**2) + 1e-12))

    async def until(self, source: str, limit_s: float = 30) -> None:
        async with asyncio.timeout(limit_s):
            while self.now() != source:
                await asyncio.sleep(0.05)

    def changes(self) -> list[tuple[str, str, str, str | None]]:
        return [(event.change, event.from_, event.to, event.fault and event.fault.code) for event in self.events]


def name_of(part: np.ndarray) -> str:
    if len(part) < RATE // 8 or np.abs(part).max() < 0.003:
        return "silence"
    peak = float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)))))) * RATE / len(part)
    return min(TONES, key=lambda name: abs(TONES[name] - peak))


@asynccontextmanager
async def heard(
    folder: Path, main: str, backup: str | None = None, stand_in: Path | None = None, seconds: float = 120
) -> AsyncIterator[Heard]:
    events: list[RelayEvent] = []
    segment = Relay(url=main, backup_url=backup, seconds=seconds)
    stream = RelayStream(segment, stand_in, folder / "fifos", events.append, QUICK)
    piece = await stream.open()
    assert piece.live
    assert piece.path is not None
    assert piece.seconds == seconds
    ear = Ear(piece.path, time.monotonic() + 2.0, seconds=piece.seconds)
    try:
        yield Heard(stream, ear, events)
    finally:
        ear.quit.set()
        await stream.close()
        assert not list((folder / "fifos").iterdir())


async def test_the_station_is_heard_and_brought_to_the_usual_level(tmp_path: Path, server: Stations) -> None:
    server.radio("/live", server.folder / "main.mp3")
    async with heard(tmp_path, server.url("/live")) as relay:
        await relay.until("main")
        await asyncio.sleep(4)
        assert relay.now() == "main"
        assert relay.level_db() == pytest.approx(-23, abs=3)
        assert not relay.events
        assert relay.stream.numbers["source"] == "main"
        assert relay.stream.numbers["stations"]["main"]["well"] is True


async def test_backup_when_it_stops_and_back_when_it_is_well_again(tmp_path: Path, server: Stations) -> None:
    main = server.radio("/main", server.folder / "main.mp3")
    server.radio("/backup", server.folder / "backup.mp3")
    async with heard(tmp_path, server.url("/main"), server.url("/backup")) as relay:
        await relay.until("main")
        assert "/backup" not in server.asked  # it costs nothing while it is not needed
        main.on = False
        await relay.until("backup")
        main.on = True
        asked = time.monotonic()
        await relay.until("main")
        assert time.monotonic() - asked > QUICK.healthy_s - 1.5  # what the ear holds ahead
        await asyncio.sleep(1)
        assert relay.changes()[0][:3] == ("failover", "main", "silence")
        assert relay.changes()[-1] == ("back", "backup", "main", None)
        assert relay.events[0].fault is not None
        told = relay.events[0].data()
        assert (told["change"], told["from"], told["code"].partition(".")[0]) == ("failover", "main", "relay")


@pytest.mark.long
async def test_a_silent_station_is_a_failed_one(tmp_path: Path, server: Stations) -> None:
    main = server.radio("/main", server.folder / "main.mp3")
    server.radio("/backup", server.folder / "backup.mp3")
    async with heard(tmp_path, server.url("/main"), server.url("/backup")) as relay:
        await relay.until("main")
        main.play((server.folder / "silent.mp3").read_bytes())
        await relay.until("backup")
        assert ("relay.silent") in [event.fault.code for event in relay.events if event.fault]
        await asyncio.sleep(QUICK.healthy_s + 1)
        assert relay.now() == "backup"  # it answers, but is silent still
        main.play((server.folder / "main.mp3").read_bytes())
        await relay.until("main")


@pytest.mark.long
async def test_the_stand_in_again_and_again_when_nothing_else_is_there(tmp_path: Path, server: Stations) -> None:
    server.pages["/main"] = server.pages["/backup"] = html
    stand_in = server.folder / "stand-in.wav"
    async with heard(tmp_path, server.url("/main"), server.url("/backup"), stand_in) as relay:
        await relay.until("stand-in")
        await asyncio.sleep(4)  # longer than it is
        assert relay.now() == "stand-in"
        backup = Radio(server.folder / "backup.mp3")
        server.pages["/backup"] = backup.send
        await relay.until("backup")
        server.radio("/main", server.folder / "main.mp3")
        await relay.until("main")
        assert [change[:3] for change in relay.changes()][-2:] == [
            ("back", "stand-in", "backup"),
            ("back", "backup", "main"),
        ]


@pytest.mark.long
async def test_a_station_that_stalls_is_left_and_silence_goes_on_without_a_stand_in(
    tmp_path: Path, server: Stations
) -> None:
    main = server.radio("/main", server.folder / "main.mp3")
    async with heard(tmp_path, server.url("/main")) as relay:
        await relay.until("main")
        main.rate = 0.0
        await relay.until("silence")
        before = len(relay.ear.heard)
        await asyncio.sleep(1)
        assert len(relay.ear.heard) > before
        assert not relay.ear.over.is_set()
        main.rate = 1.0
        await relay.until("main")


async def test_it_ends_when_its_time_is_over(tmp_path: Path, server: Stations) -> None:
    server.radio("/main", server.folder / "main.mp3")
    async with heard(tmp_path, server.url("/main"), seconds=3) as relay:
        sound = await relay.ear.ended(20)
        assert len(sound) / RATE == pytest.approx(3, abs=0.03)


async def test_a_quick_server_is_not_fetched_ahead_without_end(tmp_path: Path, server: Stations) -> None:
    """A file comes at the speed of the line; no more than some seconds of it wait."""
    async with heard(tmp_path, server.url("/main.mp3")) as relay:
        await relay.until("main")
        await asyncio.sleep(3)
        assert relay.stream.numbers["stations"]["main"]["held_s"] < 6
        assert relay.stream.numbers["written_s"] < 9


async def test_a_bad_stand_in_is_silence_and_is_told(tmp_path: Path, server: Stations) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF of nothing")
    async with heard(tmp_path, server.url("/nowhere"), None, bad) as relay:
        await asyncio.sleep(4)
        assert relay.now() == "silence"
        assert relay.stream.numbers["stand_in_fault"]


async def test_one_that_never_sounded_says_why_when_it_is_closed(tmp_path: Path, server: Stations) -> None:
    server.pages["/main"] = html
    async with heard(tmp_path, server.url("/main")) as relay:
        await relay.until("silence")
        await asyncio.sleep(3.5)
    fault = relay.stream.lack()
    assert fault is not None
    assert fault.code.startswith("relay.")
    assert relay.changes() == [("failover", "main", "silence", fault.code)]


async def test_a_stand_in_from_the_beginning_is_told_and_is_no_lack(tmp_path: Path, server: Stations) -> None:
    server.pages["/main"] = html
    async with heard(tmp_path, server.url("/main"), None, server.folder / "stand-in.wav") as relay:
        await relay.until("stand-in")
        await asyncio.sleep(1.5)
    assert relay.stream.lack() is None
    assert relay.changes()[0][:3] == ("failover", "main", "stand-in")
    assert relay.events[0].fault is not None


async def test_closing_leaves_no_process(tmp_path: Path, server: Stations) -> None:
    server.radio("/main", server.folder / "main.mp3")
    async with heard(tmp_path, server.url("/main")) as relay:
        await relay.until("main")
        worker = relay.stream.pid
        assert worker is not None
        children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
        assert children
    for pid in (worker, *map(int, children)):
        assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


async def test_a_worker_that_dies_is_followed_by_another(tmp_path: Path, server: Stations) -> None:
    server.radio("/main", server.folder / "main.mp3")
    async with heard(tmp_path, server.url("/main")) as relay:
        await relay.until("main")
        await asyncio.sleep(1.5)  # it has told how far it is
        first = relay.stream.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await relay.until("silence")
        assert not relay.ear.over.is_set()
        await relay.until("main")
        assert relay.stream.pid not in (None, first)


async def test_what_was_interrupted_goes_on_with_another_reader(tmp_path: Path, server: Stations) -> None:
    """The player closes the FIFO for something more urgent and opens it again: it then counts from the beginning."""
    server.radio("/main", server.folder / "main.mp3")
    async with heard(tmp_path, server.url("/main")) as relay:
        began = time.monotonic()
        await relay.until("main")
        relay.ear.quit.set()
        await relay.ear.ended()
        await asyncio.sleep(1)
        piece = next((tmp_path / "fifos").iterdir())
        relay.ear = Ear(piece, began + 2.0, seconds=120)
        await asyncio.sleep(2)
        assert relay.now() == "main"
        assert np.abs(relay.ear.heard[: RATE // 2]).max() == 0  # what was heard before is not heard again


WELL, BAD, CALLED = Health(well_since=0.0), Health(failed=True), Health()


def run(choice: Choice, steps: list[tuple[float, Health, Health]]) -> list[str]:
    return [choice.decide(now, main, backup) for now, main, backup in steps]


def test_back_to_the_main_source_after_thirty_seconds() -> None:
    choice = Choice(30, 3, has_backup=True, has_stand_in=True)
    again = Health(well_since=100)
    steps = [
        (0, WELL, CALLED),
        (50, BAD, CALLED),
        (52, BAD, Health(well_since=52)),
        (100, again, Health(well_since=52)),
    ]
    assert run(choice, steps) == ["main", "silence", "backup", "backup"]
    assert run(choice, [(129.9, again, Health(well_since=52)), (130, again, Health(well_since=52))]) == [
        "backup",
        "main",
    ]
    assert not choice.wants_backup


def test_a_break_begins_the_thirty_seconds_anew() -> None:
    choice = Choice(30, 3, has_backup=True, has_stand_in=False)
    backup = Health(well_since=51)
    run(choice, [(0, WELL, CALLED), (50, BAD, CALLED), (51, BAD, backup)])
    assert run(choice, [(85, Health(well_since=60), backup), (89, BAD, backup)]) == ["backup", "backup"]
    assert run(choice, [(119, Health(well_since=90), backup), (120, Health(well_since=90), backup)]) == [
        "backup",
        "main",
    ]


def test_the_stand_in_waits_for_a_station_that_may_still_answer() -> None:
    choice = Choice(30, 3, has_backup=True, has_stand_in=True)
    steps = [(0, CALLED, CALLED), (2.9, CALLED, CALLED), (3.1, CALLED, CALLED), (4, Health(well_since=4), CALLED)]
    assert run(choice, steps) == ["silence", "silence", "stand-in", "stand-in"]
    assert choice.wants_backup
    choice = Choice(30, 3, has_backup=True, has_stand_in=True)
    assert run(choice, [(0, BAD, BAD)]) == ["stand-in"]


def test_the_backup_is_called_only_when_it_is_needed() -> None:
    choice = Choice(30, 3, has_backup=True, has_stand_in=False)
    run(choice, [(0, CALLED, CALLED)])
    assert not choice.wants_backup
    run(choice, [(1, BAD, CALLED)])
    assert choice.wants_backup
    without = Choice(30, 3, has_backup=False, has_stand_in=False)
    run(without, [(0, BAD, CALLED)])
    assert not without.wants_backup

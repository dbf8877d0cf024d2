"""The relay of an amplifier: on around sound, off otherwise, and never in the way of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from core_air import OnAir
from core_rig import START, store
from core_sound import Sound

from drivers.contract import DriverFault
from edge_agent.clock import SimulatedClock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Amplifier, Speaker

S = timedelta(seconds=1)
SETTINGS = Amplifier(line="relays/2", warm_up_s=3, hold_s=5)


class Lines:
    """A relay driver on simulated time; what it was told, and when."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.told: list[tuple[str, bool, datetime]] = []
        self.error: Exception | None = None
        self.there = True

    def __call__(self, name: str) -> "Lines | None":
        return self if name == "relays" and self.there else None

    async def switch(self, line: str, on: bool) -> None:
        if self.error is not None:
            raise self.error
        self.told.append((line, on, self.clock.now()))

    async def read(self, line: str) -> bool:
        return self.told[-1][1]

    def seconds(self) -> list[tuple[bool, float]]:
        return [(on, round((at - START).total_seconds(), 2)) for _, on, at in self.told]


class Rig(OnAir):
    lines: Lines


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with store(tmp_path, SimulatedClock(START)) as node:
        lines = Lines(node.clock)
        speaker = Speaker(id="loa-1", name="Loa", driver="horn", amplifier=SETTINGS)
        made = Rig(node, Broadcast(gap_s=0), speaker, lines)
        made.lines = lines
        await made.station.start()
        yield made
        await made.station.stop()


async def test_off_at_the_start_warm_before_the_first_sample_and_held_after_the_last(rig: Rig) -> None:
    assert rig.lines.told == [("2", False, START)]
    assert rig.state.amplifier is False
    task = await rig.start("news", 10, at=START + 30 * S)
    await rig.advance(44)
    assert (await task).start_error_ms == 0
    assert rig.state.amplifier is True
    await rig.advance(6)
    [_, (on, on_at), (off, off_at)] = rig.lines.seconds()
    assert on and 26.5 <= on_at <= 27
    assert (off, off_at) == (False, 45)
    assert rig.state.amplifier is False


async def test_what_has_no_instant_waits_until_it_is_warm(rig: Rig) -> None:
    await rig.start("news", 10)
    await rig.advance(20)
    assert rig.heard() == [("news", 3, 0)]


async def test_it_stays_on_between_items_that_follow(rig: Rig) -> None:
    await rig.start("a", 10)
    await rig.advance(15)  # over at 13, held until 18
    await rig.start("b", 10)
    await rig.advance(30)
    assert rig.heard() == [("a", 3, 0), ("b", 15, 0)]
    assert rig.lines.seconds() == [(False, 0), (True, 0), (False, 30)]


async def test_an_emergency_does_not_wait_for_it(rig: Rig) -> None:
    await rig.start("flood", 10, class_="emergency")
    await rig.advance(1)
    assert rig.heard() == [("flood", 0, 0)]
    assert rig.lines.seconds()[1] == (True, 0)


@pytest.mark.parametrize("error", [DriverFault("driver.stuck", "line 2"), RuntimeError("foreign")], ids=repr)
async def test_a_relay_that_fails_is_told_and_stops_no_sound(rig: Rig, error: Exception) -> None:
    rig.lines.error = error
    task = await rig.start("news", 10)
    await rig.advance(20)
    assert (await task).state == "aired"
    assert rig.state.fault is not None and rig.state.fault.code == "speaker.amplifier"
    assert rig.state.amplifier is None
    rig.lines.error = None
    await rig.advance(20)
    task = await rig.start("again", 10)
    await rig.advance(14)
    assert rig.state.fault is None and rig.state.amplifier is True


async def test_a_relay_that_hangs_does_not_hang_the_sound(rig: Rig) -> None:
    async def hang(_line: str, _on: bool) -> None:
        await asyncio.Event().wait()

    rig.lines.switch = hang  # type: ignore[method-assign]
    task = await rig.start("news", 10)
    await rig.advance(20)
    assert (await task).state == "aired"


async def test_a_driver_that_comes_back_is_told_what_holds_now(rig: Rig) -> None:
    rig.lines.there = False
    await rig.start("news", 60)
    await rig.advance(10)
    assert rig.state.amplifier is None
    rig.lines.there = True
    rig.station.report("relays")
    await rig.advance(1)
    assert rig.lines.told[-1][1] is True
    assert rig.state.amplifier is True and rig.state.fault is None


async def test_off_when_the_agent_stops_in_the_middle(rig: Rig) -> None:
    task = await rig.start("news", 60)
    await rig.advance(10)
    task.cancel()
    await rig.station.stop()
    assert rig.lines.told[-1][1] is False


async def test_two_speakers_behind_one_relay_share_it(tmp_path: Path) -> None:
    async with store(tmp_path, SimulatedClock(START)) as node:
        lines = Lines(node.clock)
        speakers = [
            Speaker(id=f"loa-{n}", name="Loa", driver=d, amplifier=SETTINGS) for n, d in ((1, "horn"), (2, "b"))
        ]
        rig = Rig(node, Broadcast(gap_s=0), speakers[0], lines)
        sound = Sound(node, tmp_path, None, speakers=speakers, policy=Broadcast(gap_s=0), lines=lines)
        for name, seconds in (("loa-1", 10), ("loa-2", 30)):
            task = asyncio.ensure_future(sound.station.air(name).air(rig.item(name, seconds)))
            await node.settle()
        await rig.advance(60)
        assert (await task).seconds == 30
        assert lines.seconds() == [(True, 0), (False, 38)]
        await sound.station.stop()


async def test_what_comes_too_late_for_the_warm_up_is_heard_whole_rather_than_in_time(rig: Rig) -> None:
    late = await rig.start("late", 5, at=START + 1 * S)
    await rig.advance(20)
    assert rig.heard() == [("late", 3, 0)]
    assert (await late).start_error_ms == 2000

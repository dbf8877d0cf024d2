"""Who is on the air of a speaker: classes, queue, interruptions, failures, streams."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_air import OnAir, refused
from core_rig import START, store

from drivers.contract import DriverFault, Piece
from edge_agent.clock import SimulatedClock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Fault, Refusal

S = timedelta(seconds=1)
LOST = DriverFault("speaker.device_lost", "unplugged")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[OnAir]:
    async with store(tmp_path, SimulatedClock(START)) as node:
        made = OnAir(node, Broadcast(gap_s=0), Speaker(id="loa-1", name="Loa", driver="horn"))
        yield made
        await made.station.stop()


async def test_a_higher_class_interrupts_at_once_and_the_lower_one_goes_on(rig: OnAir) -> None:
    news = await rig.start("news", 20)
    await rig.advance(7)
    urgent = await rig.start("urgent", 5, class_="priority")
    assert rig.horn.ended == [START + 7 * S]
    assert (rig.state.playing, rig.state.class_, rig.state.queue) == ("urgent", "priority", ("news",))
    await rig.advance(5)
    assert (await urgent).state == "aired"
    assert rig.state.playing == "news"
    await rig.advance(20)
    airing = await news
    # six seconds of it had been heard whole; the word that was cut is said again
    assert rig.heard() == [("news", 0, 0), ("urgent", 7, 0), ("news", 12, 6)]
    assert (airing.state, airing.seconds, airing.code) == ("aired", 21, None)
    [cut] = airing.interruptions
    assert (cut.by, cut.position_s, cut.then, cut.at) == ("urgent", 7, "resumed", START + 7 * S)
    assert rig.begun == ["news", "urgent"], "begun once"


@pytest.mark.parametrize(
    ("after", "plays", "state", "then"),
    [
        ("restart", [("news", 0, 0), ("urgent", 7, 0), ("news", 12, 0)], "aired", "restarted"),
        ("drop", [("news", 0, 0), ("urgent", 7, 0)], "partly", "dropped"),
    ],
)
async def test_what_becomes_of_the_interrupted(rig: OnAir, after: str, plays: list[Any], state: str, then: str) -> None:
    news = await rig.start("news", 20, after=after)
    await rig.advance(7)
    await rig.start("urgent", 5, class_="priority")
    await rig.advance(30)
    airing = await news
    assert rig.heard() == plays
    assert (airing.state, airing.interruptions[0].then) == (state, then)
    assert airing.seconds == (27 if state == "aired" else 7)
    assert airing.code == (None if state == "aired" else "bulletin.dropped")


async def test_an_emergency_interrupts_a_priority_item_that_had_interrupted(rig: OnAir) -> None:
    tasks = [await rig.start("news", 20)]
    await rig.advance(5)
    tasks.append(await rig.start("urgent", 10, class_="priority"))
    await rig.advance(5)
    tasks.append(await rig.start("flood", 10, class_="emergency"))
    await rig.advance(60)
    airings = await asyncio.gather(*tasks)
    assert rig.heard() == [("news", 0, 0), ("urgent", 5, 0), ("flood", 10, 0), ("urgent", 20, 4), ("news", 26, 4)]
    assert [airing.state for airing in airings] == ["aired"] * 3
    assert [len(airing.interruptions) for airing in airings] == [1, 1, 0]


@pytest.mark.parametrize("class_", ["ordinary", "priority"])
async def test_nothing_interrupts_its_own_class(rig: OnAir, class_: str) -> None:
    first = await rig.start("a", 10, class_=class_)
    second = await rig.start("b", 10, class_=class_, authority="central")
    await rig.advance(20)
    assert rig.heard() == [("a", 0, 0), ("b", 10, 0)]
    assert (await first).interruptions == (await second).interruptions == ()


async def test_a_lower_class_waits_for_the_higher_one(rig: OnAir) -> None:
    await rig.start("urgent", 10, class_="priority")
    await rig.start("news", 10)
    await rig.start("more", 5, class_="priority")
    await rig.advance(30)
    assert rig.heard() == [("urgent", 0, 0), ("more", 10, 0), ("news", 15, 0)]


async def test_the_queue_goes_by_choice_then_authority_then_instant_then_arrival(rig: OnAir) -> None:
    await rig.start("now", 10)
    for name, authority in (("x", "area"), ("late", "commune"), ("c", "central"), ("y", "area"), ("odd", "nobody")):
        await rig.start(name, 1, authority=authority)
    await rig.start("early", 1, at=START - 60 * S)
    rig.station._ranks.choose(["y", "x"])
    rig.air.arrange()
    assert rig.state.queue == ("y", "x", "c", "early", "late", "odd")
    await rig.advance(30)
    assert [name for name, _, _ in rig.heard()] == ["now", "y", "x", "c", "early", "late", "odd"]


async def test_two_starts_at_one_instant_clash_once_and_the_later_one_is_late(rig: OnAir) -> None:
    due = START + 30 * S
    second = await rig.start("b", 10, class_="priority", at=due)
    first = await rig.start("a", 10, class_="priority", authority="province", at=due)
    await rig.advance(60)
    airings = [await first, await second]
    assert rig.heard() == [("a", 30, 0), ("b", 40, 0)]
    assert [airing.start_error_ms for airing in airings] == [0, 10_000]
    assert [airing.planned_us for airing in airings] == [airings[0].started_us] * 2
    [clash] = await rig.events("clash")
    assert (clash["items"], clash["titles"], clash["speaker"]) == (["a", "b"], ["A", "B"], "loa-1")
    assert clash["at"] == "2026-11-22T05:00:30.000+00:00"


async def test_what_a_person_has_decided_is_no_clash(rig: OnAir) -> None:
    rig.station._ranks.choose(["b", "a"])
    for name in ("a", "b"):
        await rig.start(name, 10, class_="priority", at=START + 30 * S)
    await rig.advance(60)
    assert [name for name, _, _ in rig.heard()] == ["b", "a"]
    assert await rig.events("clash") == []


async def test_ordinary_items_and_two_sentences_do_not_clash(rig: OnAir) -> None:
    for name in ("a", "b"):
        await rig.start(name, 10, at=START + 30 * S)
        await rig.start(f"{name}-said", 5, class_="priority")
    await rig.advance(60)
    assert len(rig.heard()) == 4
    assert await rig.events("clash") == []


async def test_an_instant_is_kept_whatever_plays_before(rig: OnAir) -> None:
    due = await rig.start("due", 10, at=START + 30 * S)
    await rig.start("short", 25)  # there is room for it before
    await rig.advance(60)
    assert rig.heard() == [("short", 0, 0), ("due", 30, 0)]
    assert (await due).start_error_ms == 0


async def test_a_priority_item_takes_the_air_in_time_for_its_instant(rig: OnAir) -> None:
    await rig.start("news", 60)
    due = await rig.start("urgent", 10, class_="priority", at=START + 30 * S)
    await rig.advance(120)
    assert [(name, round(began)) for name, began, _ in rig.heard()] == [("news", 0), ("urgent", 30), ("news", 40)]
    assert (await due).start_error_ms == 0
    assert START + 28 * S <= rig.horn.ended[0] <= START + 29 * S, "the output has a moment to open"


async def test_an_ordinary_item_beyond_the_instant_of_another_is_not_cut(rig: OnAir) -> None:
    await rig.start("long", 60)
    kept = await rig.start("kept", 5, at=START + 30 * S, not_after=START + 90 * S)
    lost = await rig.start("lost", 5, at=START + 30 * S, not_after=START + 45 * S)
    await rig.advance(50)
    assert await refused(lost) == "bulletin.missed_busy"
    await rig.advance(30)
    assert (await kept).start_error_ms == 30_000
    assert rig.heard() == [("long", 0, 0), ("kept", 60, 0)]
    assert rig.begun == ["long", "kept"]


async def test_what_was_interrupted_for_too_long_is_dropped(tmp_path: Path) -> None:
    async with store(tmp_path, SimulatedClock(START)) as node:
        rig = OnAir(node, Broadcast(gap_s=0, resume_within_s=60), Speaker(id="loa-1", name="Loa", driver="horn"))
        news = await rig.start("news", 20)
        await rig.advance(5)
        await rig.start("urgent", 300, class_="priority")
        await rig.advance(70)
        airing = await news
        assert (airing.state, airing.code, airing.seconds) == ("partly", "bulletin.dropped", 5)
        assert airing.interruptions[0].then == "dropped"
        assert "urgent" in (airing.reason or "")
        await rig.advance(300)
        await rig.station.stop()


async def test_silence_between_items_that_follow_but_not_before_what_is_urgent(tmp_path: Path) -> None:
    async with store(tmp_path, SimulatedClock(START)) as node:
        rig = OnAir(node, Broadcast(gap_s=2), Speaker(id="loa-1", name="Loa", driver="horn"))
        await rig.start("a", 10)
        await rig.start("b", 10)
        await rig.advance(15)
        await rig.start("urgent", 5, class_="priority")
        await rig.advance(30)
        assert rig.heard() == [("a", 0, 0), ("b", 12, 0), ("urgent", 15, 0), ("b", 22, 2)]
        await rig.station.stop()


async def test_stop_tells_what_was_heard_until_then(rig: OnAir) -> None:
    on_air, waiting = await rig.start("a", 10), await rig.start("b", 10)
    await rig.advance(4)
    assert rig.air.stop("lan") is True
    airing = await on_air
    assert (airing.state, airing.code, airing.seconds, airing.reason) == (
        "partly",
        "speaker.stopped",
        4,
        "Stopped by lan.",
    )
    assert await refused(waiting) == "speaker.stopped"
    assert rig.air.stop("lan") is False


async def test_one_item_is_cut_for_a_reason(rig: OnAir) -> None:
    on_air, waiting = await rig.start("a", 10), await rig.start("b", 10)
    assert rig.air.cut("b", Fault.of("bulletin.missed_cancelled")) is True
    assert await refused(waiting) == "bulletin.missed_cancelled"
    await rig.advance(4)
    assert rig.air.cut("a", Fault.of("bulletin.missed_cancelled")) is True
    assert ((await on_air).code, (await on_air).seconds) == ("bulletin.missed_cancelled", 4)
    assert rig.air.cut("a", Fault.of("bulletin.missed_cancelled")) is False


async def test_a_cancelled_call_ends_the_sound_and_frees_the_air(rig: OnAir) -> None:
    first, second = await rig.start("a", 10), await rig.start("b", 10)
    await rig.advance(4)
    first.cancel()
    await rig.node.settle()
    assert rig.state.playing == "b"
    waiting = await rig.start("c", 10)
    waiting.cancel()
    await rig.node.settle()
    assert rig.state.queue == ()
    await rig.advance(10)
    assert (await second).state == "aired"


async def test_how_far_it_has_come_is_known_all_the_time(rig: OnAir) -> None:
    assert rig.air.position_s("news") is None
    news = await rig.start("news", 20, skip_s=3, at=START + 2 * S)
    await rig.advance(1)
    assert rig.air.position_s("news") is None
    await rig.advance(6)
    assert rig.air.position_s("news") == pytest.approx(8)
    await rig.start("urgent", 5, class_="priority")
    assert rig.air.position_s("news") == pytest.approx(7)  # where it goes on
    await rig.advance(30)
    assert rig.air.position_s("news") is None
    assert (await news).seconds == pytest.approx(18)
    assert rig.heard() == [("news", 2, 3), ("urgent", 7, 0), ("news", 12, 7)]


async def test_too_many_are_refused_but_no_emergency(rig: OnAir) -> None:
    tasks = [await rig.start(str(n), 1) for n in range(17)]  # one plays
    assert await refused(await rig.start("more", 1)) == "command.busy"
    flood = await rig.start("flood", 1, class_="emergency")
    await rig.advance(30)
    assert [(await task).state for task in tasks] == ["aired"] * 17
    assert (await flood).state == "aired"


# failures


async def test_a_card_that_goes_while_it_plays_and_comes_back(rig: OnAir) -> None:
    rig.horn.breaks_after = 6
    news = await rig.start("news", 20)
    await rig.advance(10)
    assert rig.state.fault is not None and rig.state.fault.code == "speaker.device_lost"
    assert [event["code"] for event in await rig.events("fault")] == ["speaker.device_lost"], (
        "told once, not at each try"
    )
    rig.horn.error = rig.horn.breaks_after = None
    await rig.advance(40)
    airing = await news
    assert (airing.state, airing.code, airing.seconds) == ("aired", None, 21)
    assert [skip for _, _, skip in rig.heard()] == [0, 5]
    assert rig.state.fault is None


async def test_a_card_that_goes_and_stays_away_is_told_with_the_seconds_heard(rig: OnAir) -> None:
    rig.horn.breaks_after = 6
    news = await rig.start("news", 20)
    await rig.advance(3700)
    airing = await news
    assert (airing.state, airing.code, airing.seconds) == ("partly", "speaker.device_lost", 6)


async def test_what_may_be_dropped_does_not_wait_for_the_card(rig: OnAir) -> None:
    rig.horn.breaks_after = 6
    news = await rig.start("news", 20, after="drop")
    await rig.advance(7)
    assert ((await news).state, (await news).seconds) == ("partly", 6)


async def test_a_planned_item_waits_for_its_speaker_until_it_is_too_late(rig: OnAir) -> None:
    rig.horn.error = LOST
    kept = await rig.start("kept", 5, at=START + 5 * S, not_after=START + 60 * S)
    lost = await rig.start("lost", 5, at=START + 5 * S, not_after=START + 20 * S)
    await rig.advance(30)
    assert await refused(lost) == "speaker.device_lost"
    rig.horn.error = None
    await rig.advance(20)
    assert (await kept).state == "aired"


async def test_a_file_that_cannot_be_played_is_not_tried_again(rig: OnAir) -> None:
    rig.horn.error = DriverFault("speaker.bad_audio", "no WAV")
    task = await rig.start("a", 5, at=START + 5 * S, not_after=START + 600 * S)
    await rig.advance(10)
    assert await refused(task) == "speaker.bad_audio"


async def test_a_driver_that_ignores_stop_is_cancelled(rig: OnAir) -> None:
    rig.horn.stop = lambda: None  # type: ignore[method-assign]
    news = await rig.start("news", 60)
    await rig.advance(5)
    await rig.start("urgent", 5, class_="priority")
    await asyncio.sleep(0.3)
    assert rig.state.playing == "urgent"
    await rig.advance(100)
    assert (await news).state == "aired"


async def test_a_slow_disk_does_not_keep_an_emergency_waiting(rig: OnAir) -> None:
    written = asyncio.Event()
    news = asyncio.ensure_future(rig.air.air(rig.item("news"), written.wait))  # type: ignore[arg-type]
    await rig.node.settle()
    flood = await rig.start("flood", 5, class_="emergency")
    assert rig.state.playing == "flood"
    await rig.advance(5)
    written.set()
    await rig.advance(20)
    assert ((await flood).state, (await news).state) == ("aired", "aired")


async def test_a_beginning_that_fails_goes_through_and_frees_the_air(rig: OnAir) -> None:
    async def begin() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await rig.air.air(rig.item("a"), begin)
    await rig.start("b", 1)
    assert rig.state.playing == "b"
    await rig.advance(2)


# streams


class Relay:
    """A stream that begins to exist when it is opened."""

    def __init__(self, folder: Path, seconds: float = 60, refusal: Refusal | None = None) -> None:
        self.path = folder / "fifo"
        self.path.touch()
        self.seconds, self.refusal = seconds, refusal
        self.opened = self.closed = 0
        self.lacking: Fault | None = None

    async def open(self) -> Piece:
        self.opened += 1
        if self.refusal is not None:
            raise self.refusal
        return Piece(self.path, self.seconds, live=True)

    async def close(self) -> None:
        self.closed += 1

    def lack(self) -> Fault | None:
        return self.lacking


async def test_a_stream_is_opened_shortly_before_and_closed_after(rig: OnAir) -> None:
    relay = Relay(rig.folder)
    task = await rig.start_item(rig.item("radio", sources=(Piece(rig.file("chime", 2)), relay), at=START + 30 * S))
    await rig.advance(20)
    assert relay.opened == 0
    await rig.advance(9)
    assert (relay.opened, relay.closed) == (1, 0)
    await rig.advance(65)
    airing = await task
    assert (relay.opened, relay.closed, airing.seconds, airing.start_error_ms) == (1, 1, 62, 0)


async def test_an_interrupted_stream_is_joined_where_it_is_now(rig: OnAir) -> None:
    task = await rig.start_item(rig.item("radio", sources=(Piece(rig.file("chime", 2)), Relay(rig.folder))))
    await rig.advance(12)
    await rig.start("urgent", 8, class_="priority")
    await rig.advance(60)
    airing = await task
    began, skip, joined, pieces = rig.horn.plays[-1]
    assert (began, skip, joined, len(pieces)) == (START + 20 * S, 0, 18, 1)  # 10 s heard, 8 s missed
    assert (airing.state, airing.seconds) == ("aired", 12 + 42)


async def test_a_stream_that_was_over_meanwhile_is_not_begun_again(rig: OnAir) -> None:
    sources = (Relay(rig.folder, 20), Piece(rig.file("after", 3)))
    task = await rig.start_item(rig.item("radio", sources=sources))
    await rig.advance(5)
    await rig.start("urgent", 30, class_="priority")
    await rig.advance(60)
    assert (await task).seconds == 5 + 3
    assert rig.heard()[-1] == ("after", 35, 0)


async def test_the_rest_is_heard_without_a_stream_that_refuses(rig: OnAir) -> None:
    relay = Relay(rig.folder, refusal=Refusal("bulletin.stream", title="Đài", detail="x"))
    task = await rig.start_item(rig.item("radio", sources=(Piece(rig.file("chime", 2)), relay)))
    await rig.advance(10)
    airing = await task
    assert (airing.state, airing.code, airing.seconds) == ("partly", "bulletin.stream", 2)


async def test_a_stream_that_never_sounded_is_told(rig: OnAir) -> None:
    relay = Relay(rig.folder, 20)
    relay.lacking = Fault.of("relay.unreachable", detail="no route")
    task = await rig.start_item(rig.item("radio", sources=(Piece(rig.file("chime", 2)), relay)))
    await rig.advance(30)
    airing = await task
    assert (airing.state, airing.code, airing.seconds) == ("partly", "relay.unreachable", 22)
    assert airing.reason is not None
    assert "no route" in airing.reason


async def test_nothing_but_a_stream_that_refuses_is_refused(rig: OnAir) -> None:
    relay = Relay(rig.folder, refusal=Refusal("bulletin.stream", title="Đài", detail="x"))
    assert await refused(await rig.start_item(rig.item("radio", sources=(relay,)))) == "bulletin.stream"
    assert relay.closed == 1

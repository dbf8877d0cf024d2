"""Bulletins: aired at their instant, never twice through any end, and each instant accounted for exactly once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from core_examples import command
from core_radio import AIR, DAILY, NO_SOUND, NO_VOICE, NOW, ZONE, Radio, S, news, radio
from core_rig import store

from edge_agent.bulletins import service as module
from edge_agent.calendar import occurrences
from edge_agent.clock import SimulatedClock
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import CancelBulletin, PlanBulletin
from edge_agent.contract.errors import Refusal


async def test_aired_at_its_instant(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        assert await rig.plan(news()) == {"next": "2026-11-22T22:30:00.000+00:00"}
        assert (rig.actuals(), rig.state().next) == (["preparing", "ready"], AIR)
        await rig.passes(timedelta(hours=1))
        assert rig.horn is not None and rig.horn.played == [AIR]
        assert rig.actuals() == ["preparing", "ready", "on_air", "aired"]
        assert (rig.state().next, rig.state().last, rig.state().start_error_ms) == (None, AIR, 0)
        assert await rig.told() == [("23 05:30", "aired", None)]
        [aired] = await rig.aired()
        assert (aired["title"], aired["class"], aired["speaker"]) == ("Bản tin sáng", "ordinary", "loa-1")
        assert (aired["by"], aired["seconds"], aired["voice"]) == ("nguyen.van.a", 10, "vi")
        assert aired["planned_us"] == aired["started_us"] == round(AIR.timestamp() * 1e6)
        assert await rig.node.database.read(lambda db: db.execute("SELECT * FROM bulletin").fetchall()) == []


async def test_a_week_of_mornings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 3600)
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence={"rule": "FREQ=WEEKLY;BYDAY=MO,WE,FR"}))
        await rig.passes(timedelta(days=8))
        assert [entry[:2] for entry in await rig.told()] == [(f"{day} 05:30", "aired") for day in (23, 25, 27, 30)]
        assert rig.state().next == AIR + timedelta(days=9)


async def test_two_at_once_take_turns_and_two_horns_do_not(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(id="a"))
        await rig.plan(news(id="b"))
        await rig.plan(news(id="c", speaker="loa-2"))
        await rig.passes(timedelta(hours=1))
        assert rig.horn is not None
        assert rig.horn.played == [AIR, AIR + 10 * S]
        assert rig.second.played == [AIR]


async def test_a_short_power_cut_is_caught_up(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY, catch_up_s=120))
    async with radio(tmp_path, AIR + 60 * S) as rig:
        await rig.passes(timedelta(minutes=5))
        assert await rig.told() == [("23 05:30", "aired", None)]
        assert rig.state().start_error_ms == pytest.approx(60_000)


async def test_what_passed_while_the_node_was_off_is_told(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
    async with radio(tmp_path, AIR + timedelta(days=2, hours=1)) as rig:
        assert await rig.told() == [(f"{day} 05:30", "missed", "bulletin.missed_late") for day in (23, 24, 25)]
        fault = rig.state().fault
        assert fault is not None and fault.code == "bulletin.missed_late"
        assert rig.state().next == AIR + timedelta(days=3)
        await rig.passes(timedelta(days=1))
    async with radio(tmp_path, AIR + timedelta(days=3, hours=1)) as rig:
        assert len(await rig.told()) == 4, "nothing is told twice"


async def test_a_one_off_that_passed_leaves_the_calendar(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news())
    async with radio(tmp_path, AIR + timedelta(days=1)) as rig:
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_late")]
        assert rig.state().next is None
    async with radio(tmp_path, AIR + timedelta(days=2)) as rig:
        assert rig.posts == []


async def test_many_misses_share_an_event_and_none_is_silent(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence={"rule": "FREQ=HOURLY"}))
    async with radio(tmp_path, AIR + timedelta(days=60, minutes=20)) as rig:
        while rig.state().next is None:
            await rig.passes(S)
        assert [state for _, state, _ in await rig.told()] == ["missed"] * 50
        [rest] = [e["data"] for e in await rig.node.events("bulletin") if e["data"]["state"] == "missed"]
        assert rest["count"] + 50 == 60 * 24 + 1
        assert rig.state().next == AIR + timedelta(days=60, hours=1)
    async with radio(tmp_path, AIR + timedelta(days=60, minutes=30)) as rig:
        assert len(await rig.told()) == 50
        assert len([e for e in await rig.node.events("bulletin") if e["data"]["state"] == "missed"]) == 1


async def test_no_voice(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.error = NO_VOICE
        await rig.plan(news(recurrence=DAILY))
        fault = rig.state().fault
        assert (rig.state().actual, fault.code if fault else None) == ("preparing", "speech.no_engine")
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_voice")]
        rig.shelf.error = None
        await rig.passes(timedelta(days=1))
        assert (await rig.told())[1:] == [("24 05:30", "aired", None)]


async def test_a_voice_that_comes_back_makes_it_ready(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.error = NO_VOICE
        await rig.plan(news(at=AIR + timedelta(hours=1)))
        rig.shelf.error = None
        await rig.passes(timedelta(minutes=10))
        assert (rig.state().actual, rig.state().fault) == ("ready", None)


@pytest.mark.parametrize("error", [NO_SOUND, RuntimeError("foreign"), None], ids=repr)
async def test_no_loudspeaker(tmp_path: Path, error: Exception | None) -> None:
    async with radio(tmp_path) as rig:
        horn = rig.horn
        assert horn is not None
        if error is None:
            rig.horn = None
        horn.error = error
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_speaker")]
        fault = rig.state().fault
        assert fault is not None and fault.code == "bulletin.missed_speaker"
        rig.horn, horn.error = horn, None
        await rig.passes(timedelta(days=1))
        assert (await rig.told())[1:] == [("24 05:30", "aired", None)]


async def test_cancelled_before_while_on_air_and_never_known(tmp_path: Path) -> None:
    async with radio(tmp_path, seconds=60) as rig:
        await rig.plan(news(id="before"))
        await rig.plan(news(id="during"))
        assert rig.service.sound_owners() == {"before", "during"}
        await rig.cancel("before")
        assert rig.service.sound_owners() == {"during"}
        await rig.passes(AIR - NOW + 30 * S)
        assert rig.state("during").actual == "on_air"
        await rig.cancel("during")
        assert rig.horn is not None and [heard[2] for heard in rig.horn.heard] == [30]
        await rig.passes(timedelta(days=1))
        assert rig.horn.played == [AIR]
        assert (await rig.told("before"), rig.state("before").actual) == ([], "cancelled")
        assert await rig.told("during") == [("23 05:30", "partly", "bulletin.cancelled")]
        assert [each["seconds"] for each in await rig.aired("during")] == [30]
        with pytest.raises(Refusal) as caught:
            await rig.cancel("never")
        assert caught.value.fault.code == "command.unknown_thing"
    async with radio(tmp_path, AIR + timedelta(days=1)) as rig:
        assert rig.posts == []


async def test_replaced_the_new_one_is_aired_even_in_the_last_second(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(text="cũ"))
        await rig.passes(AIR - NOW - 2 * S)  # the alarm has rung, the instant is taken
        await rig.plan(news(text="mới"))
        await rig.passes(timedelta(minutes=1))
        assert rig.horn is not None and rig.horn.played == [AIR]
        assert rig.shelf.said[-1] == "mới"
        assert await rig.told() == [("23 05:30", "aired", None)]


async def test_replaced_with_another_time(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news())
        await rig.plan(news(at=AIR + timedelta(hours=2)))
        await rig.passes(timedelta(hours=3))
        assert await rig.told() == [("23 07:30", "aired", None)]


async def test_what_is_not_on_disk_is_not_on_the_calendar(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        act = await rig.service.plan(command(), PlanBulletin(bulletin=news()))
        act.settled(False)
        await rig.passes(timedelta(hours=1))
        assert (rig.posts, rig.horn.played) == ([], [])  # type: ignore[union-attr]
        await rig.plan(news(at=AIR + timedelta(hours=2)))
        act = await rig.service.cancel(command(), CancelBulletin(bulletin="sang"))
        act.settled(False)
        await rig.passes(timedelta(hours=2))
        assert await rig.told() == [("23 07:30", "aired", None)]


async def test_a_full_disk_at_air_time_is_heard_all_the_same_and_told_later(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
        await rig.passes(timedelta(hours=1))
        assert rig.horn is not None and rig.horn.played == [AIR]
        await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
        assert await rig.told() == [("23 05:30", "aired", None)]
        await rig.passes(timedelta(days=1))
        assert len(await rig.told()) == 2


async def test_starting_on_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(AIR - NOW + 5 * S)  # on air, then the power goes
    async with store(tmp_path, SimulatedClock(AIR + timedelta(minutes=10))) as node:
        await node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
        rig = Radio(node)
        node.clock.settled = node.settle
        await rig.start()
        await rig.passes(timedelta(days=1))
        assert rig.horn is not None and rig.horn.played == [AIR + timedelta(days=1)]
        await rig.stop()
        await node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
        assert [entry[2] for entry in await rig.told()] == ["bulletin.interrupted", None]


async def test_a_row_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news())
        await rig.node.database.write(
            lambda db: db.execute("INSERT INTO bulletin VALUES ('x', '{}', 'a', 'planned', 'never')")
        )
    async with radio(tmp_path) as rig:
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "aired", None)]


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_step_of_an_hour(tmp_path: Path, hours: int) -> None:
    """Before, around and after the instant: nothing twice, nothing silent."""
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        rig.clock.step(timedelta(hours=hours))
        await rig.passes(timedelta(days=1))
        told = await rig.told()
        if hours == 1:
            assert told == [("23 05:30", "missed", "bulletin.missed_step"), ("24 05:30", "aired", None)]
        else:
            assert told == [("23 05:30", "aired", None)]


async def test_a_step_back_after_the_airing_airs_nothing_twice(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(timedelta(minutes=45))
        rig.clock.step(timedelta(hours=-1))
        await rig.passes(timedelta(days=1))
        assert await rig.told() == [
            ("23 05:30", "aired", None),
        ]
        await rig.passes(timedelta(hours=2))
        assert await rig.told() == [("23 05:30", "aired", None), ("24 05:30", "aired", None)]


async def test_a_step_within_the_time_to_catch_up_is_caught_up(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(catch_up_s=300))
        rig.clock.step(timedelta(minutes=33))
        await rig.passes(timedelta(minutes=1))
        assert await rig.told() == [("23 05:30", "aired", None)]


async def test_while_nobody_vouches_for_the_clock_nothing_is_aired(tmp_path: Path) -> None:
    async with radio(tmp_path, trusted=False) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_clock")]
        assert rig.horn is not None and rig.horn.played == []
        rig.clock.trusted = True
        await rig.passes(timedelta(days=1))
        assert await rig.told() == [
            ("23 05:30", "missed", "bulletin.missed_clock"),
            ("24 05:30", "aired", None),
        ]


async def test_a_clock_that_was_behind_and_is_set_right(tmp_path: Path) -> None:
    """The usual boot: the saved time, then NTP. What passed meanwhile was missed since the node was off."""
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
    async with radio(tmp_path, NOW + timedelta(minutes=1), trusted=False) as rig:
        await rig.passes(20 * S)
        assert await rig.told() == []
        rig.clock.step(timedelta(days=1, hours=3))
        rig.clock.trusted = True
        await rig.passes(timedelta(minutes=2))
        assert await rig.told() == [(f"{day} 05:30", "missed", "bulletin.missed_late") for day in (23, 24)]
        await rig.passes(timedelta(days=1))
        assert (await rig.told())[2:] == [("25 05:30", "aired", None)]


async def test_a_clock_that_was_far_ahead_silences_nothing(tmp_path: Path) -> None:
    """A battery clock that says 2030: what it passes over has not happened."""
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
    async with radio(tmp_path, datetime(2030, 1, 1, tzinfo=UTC), trusted=False) as rig:
        await rig.passes(timedelta(minutes=30))
        rig.clock.step(NOW + timedelta(minutes=10) - rig.clock.now())
        rig.clock.trusted = True
        await rig.passes(timedelta(days=1))
        assert await rig.told() == [("23 05:30", "aired", None)]
        assert rig.state().next == AIR + timedelta(days=1)


async def test_an_instant_missed_by_a_wrong_clock_is_aired_when_it_really_comes(tmp_path: Path) -> None:
    async with radio(tmp_path, trusted=False) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(timedelta(hours=1))
        rig.clock.step(timedelta(hours=-1))  # it was an hour ahead
        rig.clock.trusted = True
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_clock"), ("23 05:30", "aired", None)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": NOW}, "bulletin.past"),
        ({"at": NOW - S}, "bulletin.past"),
        ({"recurrence": {"rule": "FREQ=DAILY;UNTIL=20260101T000000Z"}}, "bulletin.never"),
        ({"recurrence": {"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}}, "bulletin.never"),
        ({"speaker": "loa-9"}, "command.unknown_thing"),
    ],
    ids=str,
)
async def test_what_cannot_be_planned_is_refused(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    async with radio(tmp_path) as rig:
        with pytest.raises(Refusal) as caught:
            await rig.plan(news(**change))
        assert caught.value.fault.code == code
        assert rig.posts == []


async def test_five_hundred_and_no_more(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        acts = [await rig.service.plan(command(), PlanBulletin(bulletin=news(id=f"b{n}"))) for n in range(500)]
        with pytest.raises(Refusal) as caught:  # none of them is on disk yet, and still
            await rig.service.plan(command(), PlanBulletin(bulletin=news(id="more")))
        assert caught.value.fault.code == "bulletin.too_many"
        for act in acts[1:]:
            await rig.node.database.write(act.record)
            act.settled(True)
        acts[0].settled(False)
        await rig.plan(news(id="more"))
        await rig.plan(news(id="b7", text="mới"))
        with pytest.raises(Refusal):
            await rig.plan(news(id="b0"))
        await rig.node.settle()


async def test_states_are_not_said_again_for_nothing(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(at=AIR + timedelta(days=3)))
        before = len(rig.posts)
        await rig.passes(timedelta(minutes=30))
        assert len(rig.posts) == before


RULES = [
    "FREQ=DAILY",
    "FREQ=DAILY;BYHOUR=5,11,17",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=MONTHLY;BYMONTHDAY=1,15",
    "FREQ=DAILY;COUNT=10",
    "FREQ=DAILY;UNTIL=20261205T000000Z",
    None,
]


async def test_a_busy_month_each_instant_is_accounted_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With power cuts, steps of the clock, a sick voice, an unplugged horn, and days without a trusted clock."""
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 4 * 3600)
    calendar = [
        news(id=f"b{n}", at=AIR + timedelta(minutes=7 * n), recurrence={"rule": rule} if rule else None, catch_up_s=60)
        for n, rule in enumerate(RULES)
    ]
    async with radio(tmp_path) as rig:
        for each in calendar:
            await rig.plan(each)
    now, day = NOW, 0
    while day < 30:
        async with radio(tmp_path, now) as rig:
            for _ in range(3):
                rig.shelf.error = NO_VOICE if day == 4 else None
                rig.horn.error = NO_SOUND if day == 9 else None  # type: ignore[union-attr]
                rig.clock.trusted = day not in (13, 14)
                rig.clock.step(timedelta(minutes={6: 61, 7: -61, 20: 200}.get(day, 0)))
                await rig.passes(timedelta(days=1))
                day += 1
            now = rig.clock.now() + timedelta(hours=5)  # off for five hours
    async with radio(tmp_path, now) as rig:
        await rig.passes(timedelta(minutes=2))
        for each in calendar:
            due = _until(each, now)
            told = Counter(entry[0] for entry in await rig.told(each.id))
            expected = Counter(f"{at.astimezone(ZONE):%d %H:%M}" for at in due)
            assert told == expected, each.id
        codes = Counter([code for each in calendar for _, _, code in await rig.told(each.id)])
        assert set(codes) == {
            None,
            "bulletin.missed_speaker",
            "bulletin.missed_clock",
            "bulletin.missed_late",
            "bulletin.missed_step",
        }
        assert codes[None] > 200


def _until(each: Bulletin, end: datetime) -> list[datetime]:
    found = []
    for at, *_ in occurrences(each, NOW, ZONE):
        if at > end - timedelta(seconds=62):
            break
        found.append(at)
    return found


async def test_more_at_once_than_the_queue_holds_are_all_heard(tmp_path: Path) -> None:
    async with radio(tmp_path, seconds=2) as rig:
        for number in range(25):
            await rig.plan(news(id=f"b{number}"))
        await rig.passes(timedelta(hours=1))
        assert [await rig.told(f"b{number}") for number in range(25)] == [[("23 05:30", "aired", None)]] * 25


async def test_a_speaker_that_stays_busy_too_long_is_a_miss(tmp_path: Path) -> None:
    async with radio(tmp_path, seconds=1200) as rig:
        await rig.plan(news())
        await rig.plan(news(id="trua", at=AIR + timedelta(minutes=1)))
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "aired", None)]
        assert await rig.told("trua") == [("23 05:31", "missed", "bulletin.missed_busy")]


async def test_one_that_had_to_wait_a_little_says_when_it_was_heard(tmp_path: Path) -> None:
    async with radio(tmp_path, seconds=120) as rig:
        await rig.plan(news())
        await rig.plan(news(id="trua", at=AIR + timedelta(minutes=1)))
        await rig.passes(timedelta(hours=1))
        assert await rig.told("trua") == [("23 05:31", "aired", None)]
        assert rig.state("trua").last == AIR + timedelta(minutes=2)

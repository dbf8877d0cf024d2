"""Lawful hours: refused while planning with the rule and the next lawful instant, and again at the speaker."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_radio import AIR, DAILY, NOW, S, news, radio

from edge_agent.broadcast.alarm import Alarm
from edge_agent.calendar import Policy
from edge_agent.contract.errors import Refusal

POLICY = Policy(windows=((330, 390), (1020, 1080)), session_s=900, sessions_per_day=2, weekdays=frozenset(range(5)))
LATE = {"at": AIR + timedelta(minutes=59)}  # 06:29
RELAY = {"text": None, "segments": [{"kind": "relay", "url": "http://127.0.0.1/vov", "seconds": 4 * 3600}]}


@pytest.mark.parametrize(
    ("changes", "code", "following"),
    [
        ({"at": AIR + timedelta(hours=3)}, "hours.window", "17:00 23/11/2026"),
        ({"at": AIR + timedelta(days=5)}, "hours.weekday", "05:30 30/11/2026"),
        ({"recurrence": DAILY}, "hours.weekday", "05:30 30/11/2026"),
        (RELAY, "hours.session_too_long", "-"),
    ],
    ids=str,
)
async def test_refused_while_planning(tmp_path: Path, changes: dict[str, Any], code: str, following: str) -> None:
    async with radio(tmp_path, policy=POLICY) as rig:
        with pytest.raises(Refusal) as caught:
            await rig.plan(news(**changes))
        assert (caught.value.fault.code, caught.value.fault.params["next"]) == (code, following)
        assert rig.posts == []


@pytest.mark.parametrize("class_", ["priority", "emergency"])
async def test_what_the_hours_do_not_bind(tmp_path: Path, class_: str) -> None:
    async with radio(tmp_path, policy=POLICY) as rig:
        await rig.plan(news(at=AIR + timedelta(days=5, hours=3), **{"class": class_}))
        await rig.passes(timedelta(days=6))
        assert [each[1] for each in await rig.told()] == ["aired"]


@pytest.mark.parametrize(("seconds", "code"), [(90, "hours.window_end"), (9 * 3600, "hours.session_too_long")])
async def test_too_long_is_said_when_it_is_ready_and_refused_at_the_speaker(
    tmp_path: Path, seconds: float, code: str
) -> None:
    async with radio(tmp_path, policy=POLICY, seconds=seconds) as rig:
        await rig.plan(news(catch_up_s=0, **LATE))
        await rig.passes(S)
        fault = rig.state().fault
        assert (rig.state().actual, fault.code if fault else None) == ("ready", code)
        await rig.passes(timedelta(hours=2))
        assert await rig.told() == [("23 06:29", "missed", code)]
        assert rig.horn is not None and rig.horn.played == []


async def test_nine_hours_are_aired_where_nothing_forbids_it(tmp_path: Path) -> None:
    async with radio(tmp_path, seconds=9 * 3600) as rig:
        await rig.plan(news())
        await rig.passes(timedelta(hours=10))
        assert [each["seconds"] for each in await rig.aired()] == [9 * 3600]


async def test_of_no_length_it_is_missed_with_its_reason(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.error = Refusal("audio.empty")
        await rig.plan(news())
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_sound")]


async def test_minutes_are_counted_from_what_was_really_heard_also_after_a_restart(tmp_path: Path) -> None:
    plan = [("a", 0, 480), ("b", 8, 300), ("c", 14, 240)]  # 8 + 5 + 4 minutes of 15
    async with radio(tmp_path, policy=POLICY) as rig:
        rig.shelf.lengths = {name: float(seconds) for name, _, seconds in plan}
        for name, minute, _ in plan:
            await rig.plan(news(id=name, text=name, at=AIR + timedelta(minutes=minute), catch_up_s=30))
        await rig.passes(timedelta(minutes=43) + 20 * S)
    async with radio(tmp_path, NOW + timedelta(minutes=43) + 25 * S, policy=POLICY, seconds=240) as rig:
        await rig.passes(timedelta(hours=1))
        told = {name: [each[1:] for each in await rig.told(name)] for name, _, _ in plan}
        assert told == {"a": [("aired", None)], "b": [("aired", None)], "c": [("missed", "hours.session_full")]}


async def test_what_made_way_and_comes_back_too_late_ends_where_the_law_ends(tmp_path: Path) -> None:
    async with radio(tmp_path, policy=POLICY, seconds=40) as rig:
        await rig.plan(news(at=AIR + timedelta(minutes=59)))
        await rig.passes(timedelta(minutes=89) + 20 * S)
        until = rig.clock.now() + timedelta(minutes=2)
        segments = news().parts()
        rig.station.emergencies.begin(
            Alarm(id="khan", speaker="loa-1", title="Khẩn", segments=segments, until=until, repeat_every_s=5)
        )
        await rig.passes(timedelta(minutes=10))
        assert await rig.told() == [("23 06:29", "partly", "hours.window")]
        [airing] = await rig.aired()
        assert 20 <= airing["seconds"] <= 27 and airing["interruptions"][0]["by"] == "khan"


async def test_what_somebody_says_now_is_judged_like_a_bulletin(tmp_path: Path) -> None:
    async with radio(tmp_path, policy=POLICY) as rig:
        with pytest.raises(Refusal) as refused:
            rig.station.check("ordinary", "commune", "loa-1", NOW)
        assert refused.value.fault.code == "hours.window"
        rig.station.check("ordinary", "commune", "loa-1", AIR)
        rig.station.check("emergency", "vua", "loa-1", NOW)


async def test_a_bulletin_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        with pytest.raises(Refusal) as refused:
            await rig.plan(news(authority="vua"))
        assert refused.value.fault.code == "bulletin.unknown_authority"

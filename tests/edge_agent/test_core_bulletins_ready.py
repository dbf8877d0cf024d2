"""Ready ahead of air: what is due sooner first, k of n, why not, other words for one instance, and who listened."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from core_radio import AIR, DAILY, NO_VOICE, NOW, S, news, radio

from edge_agent.contract.errors import Refusal
from edge_agent.proof.model import Heard

SEGMENTS = [{"kind": "chime", "name": "morning"}, {"kind": "text", "text": "Tin."}, {"kind": "pause", "seconds": 2}]


async def test_ready_is_said_with_how_many_of_how_many(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.gate, rig.shelf.part_of = asyncio.Event(), (1, 3)
        await rig.plan(news(text=None, segments=SEGMENTS))
        assert (rig.state().actual, rig.state().prepared, rig.state().needed) == ("preparing", 1, 3)
        rig.shelf.gate.set()
        await rig.passes(S)
        assert (rig.state().actual, rig.state().prepared, rig.state().needed) == ("ready", 3, 3)
        await rig.passes(timedelta(hours=1))
        [airing] = await rig.aired()
        assert (airing["seconds"], len(airing["sha256"])) == (15, 3)


async def test_not_ready_is_said_with_its_reason_and_tried_again(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.error = Refusal("media.unreachable", detail="no route")
        await rig.plan(news())
        fault = rig.state().fault
        assert (rig.state().actual, fault.code if fault else None) == ("preparing", "media.unreachable")
        await rig.passes(timedelta(hours=1))
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_sound")]
        assert "no route" in (await rig.aired())[0]["reason"]


async def test_a_sound_that_comes_in_the_time_to_catch_up_is_aired_late(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.error = NO_VOICE
        await rig.plan(news(catch_up_s=900))
        await rig.passes(AIR - NOW + 100 * S)
        rig.shelf.error = None
        await rig.passes(timedelta(minutes=15))
        assert await rig.told() == [("23 05:30", "aired", None)]
        assert rig.horn is not None and AIR + 100 * S < rig.horn.played[0] <= AIR + 900 * S


async def test_what_is_ready_needs_nobody_at_air_time_nor_after_a_restart(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        assert rig.state().actual == "ready"
        rig.shelf.error = NO_VOICE
        await rig.passes(timedelta(days=2))
        assert [state for _, state, _ in await rig.told()] == ["aired"] * 2
    async with radio(tmp_path, AIR + timedelta(days=2, hours=-1)) as rig:
        assert (rig.state().actual, rig.state().prepared) == ("ready", 1)


async def test_what_is_due_sooner_is_made_first(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        rig.shelf.gate = asyncio.Event()
        for name, hours in (("a", 2), ("d", 40), ("c", 30), ("b", 20)):  # the first two at once
            await rig.plan(news(id=name, at=NOW + timedelta(hours=hours)))
        await rig.plan(news(id="now", at=NOW + timedelta(minutes=5)))  # has a lane of its own
        assert rig.shelf.owners == ["a", "d", "now"]
        rig.shelf.gate.set()
        await rig.passes(S)
        assert rig.shelf.owners == ["a", "d", "now", "b", "c"]


async def test_an_instance_with_other_words_at_another_time(tmp_path: Path) -> None:
    moved = {"planned": AIR + timedelta(days=1), "at": AIR + timedelta(days=1, hours=2), "text": "khác", "volume": 40}
    async with radio(tmp_path) as rig:
        rig.shelf.lengths = {"khác": 7}
        await rig.plan(news(recurrence={"rule": "FREQ=DAILY", "changes": [moved]}))
        assert (rig.state().prepared, rig.state().needed) == (2, 2), "both are ready ahead"
        await rig.passes(timedelta(days=3))
        assert [each[0] for each in await rig.told()] == ["23 05:30", "24 07:30", "25 05:30"]
        first, other, third = await rig.aired()
        assert (first["seconds"], other["seconds"], third["seconds"]) == (10, 7, 10)
        assert (first["volume"], other["volume"]) == (80, 40)
        assert rig.shelf.released == ["sang@20261123T223000Z"]
        at = await rig.node.database.read(lambda db: db.execute("SELECT at FROM airing ORDER BY at").fetchall())
        assert at[1] == ("2026-11-23T22:30:00.000+00:00",), "known by where the recurrence put it"
    for again in (AIR + timedelta(days=3), AIR + timedelta(days=1, hours=2)):  # also by a clock that goes back
        async with radio(tmp_path, again + 30 * S) as rig:
            await rig.passes(timedelta(minutes=5))
            assert [each[0] for each in await rig.told()].count("24 07:30") == 1


async def test_sounds_are_released_when_nothing_needs_them(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news())
        await rig.plan(news(id="huy"))
        await rig.cancel("huy")
        assert rig.shelf.released == ["huy"]
        await rig.passes(timedelta(hours=1))
        assert rig.shelf.released == ["huy", "sang"]


async def test_the_week_to_come_is_shown_and_goes_on(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        assert rig.state().coming == tuple(AIR + timedelta(days=day) for day in range(7))
        await rig.plan(news(id="nhieu", recurrence={"rule": "FREQ=HOURLY"}))
        assert len(rig.state("nhieu").coming) == 50
        await rig.plan(news(id="xa", at=AIR + timedelta(days=9)))
        assert rig.state("xa").coming == () and rig.state("xa").next == AIR + timedelta(days=9)
        await rig.passes(timedelta(days=3))
        assert rig.state("xa").coming == (AIR + timedelta(days=9),)
        await rig.cancel("nhieu")
        assert (rig.state("nhieu").coming, rig.state("nhieu").next) == ((), None)


@pytest.mark.parametrize("heard", [True, False])
async def test_the_microphone_has_the_last_word(tmp_path: Path, heard: bool) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.service.heard("sang", Heard(heard, 9.0, 8.0))  # of nothing: nobody is told
        await rig.passes(timedelta(hours=1))
        await rig.service.heard("sang", Heard(heard, 0.0, 0.0))  # nothing could be compared
        assert rig.state().heard is None
        await rig.service.heard("sang", Heard(heard, 9.25, 8.0))
        assert rig.state().heard is heard
        [event] = [each["data"] for each in await rig.node.events("heard")]
        assert event == {
            "id": "sang",
            "speaker": "loa-1",
            "started_us": round(AIR.timestamp() * 1e6),
            "heard": heard,
            "heard_score": 9.25,
        }
        await rig.passes(timedelta(days=1) - timedelta(minutes=30) + 5 * S)
        assert (rig.state().actual, rig.state().heard) == ("on_air", None)

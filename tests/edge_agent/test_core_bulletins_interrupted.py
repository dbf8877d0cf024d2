"""The node stops in the middle: told, and gone on with by the bulletin's policy, within its time to catch up."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_radio import AIR, DAILY, NOW, S, news, radio
from core_rig import store

from edge_agent.bulletins.onair import SAVE_EVERY_S

TOLD = [("23 05:30", "aired", None)]


async def cut_at(folder: Path, seconds: float, *, hard: bool = False, **changes: Any) -> None:
    """A bulletin of a minute, and the end of the agent so long after its beginning; `hard`: as a power cut."""
    async with radio(folder, seconds=60) as rig:
        await rig.plan(news(recurrence=DAILY, **changes))
        await rig.passes(AIR - NOW + seconds * S)
        if hard:
            rig.node.database.close()


@pytest.mark.parametrize("point", ["planned", "waiting", "claimed", "after"])
async def test_never_twice_and_never_silent_through_a_restart(tmp_path: Path, point: str) -> None:
    offset = {"planned": -60, "waiting": -4, "claimed": -1, "after": 70}[point]
    async with radio(tmp_path) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(AIR - NOW + offset * S)
        rows = await rig.node.database.read(lambda db: db.execute("SELECT state FROM airing").fetchall())
        assert rows == {"claimed": [("on_air",)], "after": [("aired",)]}.get(point, [])
    async with radio(tmp_path, AIR + (offset + 1) * S) as rig:
        await rig.passes(timedelta(minutes=10))
        assert rig.horn is not None and len(rig.horn.played) == (0 if point == "after" else 1)
        assert await rig.told() == TOLD
        await rig.passes(timedelta(days=1))
        assert (await rig.told())[1:] == [("24 05:30", "aired", None)]


@pytest.mark.parametrize(("hard", "at"), [(False, 23.0), (True, 20.0)])
async def test_it_goes_on_from_where_it_was(tmp_path: Path, hard: bool, at: float) -> None:
    """Told to stop it knows to the second; after a power cut, what was heard in the last five seconds comes again."""
    await cut_at(tmp_path, 23, hard=hard)
    async with radio(tmp_path, AIR + 60 * S, seconds=60) as rig:
        await rig.until("on_air")
        assert rig.actuals() == ["preparing", "partly", "on_air"]
        await rig.passes(timedelta(minutes=5))
        assert rig.horn is not None
        [(begun, skipped, heard)] = rig.horn.heard
        assert (begun, skipped, heard) == (AIR + 60 * S, at, 60 - at)
        [airing] = await rig.aired()
        assert (airing["state"], airing["seconds"]) == ("aired", 60)
        assert airing["started_us"] == round(AIR.timestamp() * 1e6) and airing["start_error_ms"] == 0
        [interruption] = airing["interruptions"]
        assert (interruption["by"], interruption["then"], interruption["position_s"]) == ("restart", "resumed", at)
        [told] = [e["data"] for e in await rig.node.events("bulletin") if e["data"]["state"] == "interrupted"]
        assert (told["seconds"], told["then"]) == (at, "resume")


async def test_it_begins_again(tmp_path: Path) -> None:
    await cut_at(tmp_path, 23, after_interruption="restart")
    async with radio(tmp_path, AIR + 60 * S, seconds=60) as rig:
        await rig.passes(timedelta(minutes=5))
        [airing] = await rig.aired()
        assert (airing["state"], airing["seconds"]) == ("aired", 83)
        assert [each["then"] for each in airing["interruptions"]] == ["restarted"]


@pytest.mark.parametrize(("policy", "back_s"), [("drop", 30), ("resume", 400), ("restart", 400)])
async def test_it_is_told_as_partly_heard(tmp_path: Path, policy: str, back_s: int) -> None:
    await cut_at(tmp_path, 23, after_interruption=policy, catch_up_s=300)
    async with radio(tmp_path, AIR + back_s * S, seconds=60) as rig:
        await rig.passes(timedelta(minutes=5))
        assert await rig.told() == [("23 05:30", "partly", "bulletin.interrupted")]
        assert (rig.state().actual, rig.horn.played) == ("partly", [])  # type: ignore[union-attr]
        assert (await rig.aired())[0]["seconds"] == 23


async def test_cut_again_and_again(tmp_path: Path) -> None:
    await cut_at(tmp_path, 23)
    for place in range(2):
        async with radio(tmp_path, AIR + (40 + 20 * place) * S, seconds=60) as rig:
            await rig.passes(10 * S)
    async with radio(tmp_path, AIR + 90 * S, seconds=60) as rig:
        await rig.passes(timedelta(minutes=5))
        [airing] = await rig.aired()
        # what is saved is at most SAVE_EVERY_S old, so a little may be heard twice, and nothing is left out
        positions = [each["position_s"] for each in airing["interruptions"]]
        assert all(at - SAVE_EVERY_S <= saved <= at for saved, at in zip(positions, (23, 33, 43), strict=True))
        assert airing["state"] == "aired" and 60 <= airing["seconds"] <= 60 + 2 * SAVE_EVERY_S


@pytest.mark.parametrize(("trusted_after_s", "state"), [(100, "aired"), (1000, "partly")])
async def test_without_a_battery_clock_it_waits_until_the_time_is_known(
    tmp_path: Path, trusted_after_s: int, state: str
) -> None:
    await cut_at(tmp_path, 23, catch_up_s=300)
    async with radio(tmp_path, AIR + 20 * S, trusted=False, seconds=60) as rig:  # the saved instant, as ever
        await rig.passes(trusted_after_s * S)
        rig.clock.trusted = True
        await rig.passes(timedelta(minutes=5))
        assert [each[1] for each in await rig.told()] == [state]


async def test_its_bulletin_was_cancelled_in_the_last_moment(tmp_path: Path) -> None:
    """The power goes between the cancellation and the end of its sound."""
    async with radio(tmp_path, seconds=60) as rig:
        await rig.plan(news())
        await rig.passes(AIR - NOW + 10 * S)
        await rig.node.database.write(lambda db: db.execute("DELETE FROM bulletin"))
        rig.node.database.close()
    async with radio(tmp_path, AIR + 30 * S) as rig:
        await rig.passes(timedelta(minutes=5))
        assert await rig.told() == [("23 05:30", "partly", "bulletin.interrupted")]
        assert rig.horn is not None and rig.horn.played == []


async def test_a_row_of_another_version_is_told_and_stops_nothing(tmp_path: Path) -> None:
    await cut_at(tmp_path, 23)
    async with store(tmp_path) as node:
        await node.database.write(lambda db: db.execute("UPDATE airing SET detail = '{}'"))
    async with radio(tmp_path, AIR + timedelta(hours=1)) as rig:
        assert await rig.told() == [("23 05:30", "partly", "bulletin.interrupted")]
        await rig.passes(timedelta(days=1))
        assert (await rig.told())[1:] == [("24 05:30", "aired", None)]


@pytest.mark.parametrize("hours", [1, -1])
async def test_the_clock_steps_an_hour_while_it_is_on_air(tmp_path: Path, hours: int) -> None:
    async with radio(tmp_path, seconds=60) as rig:
        await rig.plan(news(recurrence=DAILY))
        await rig.passes(AIR - NOW + 20 * S)
        rig.clock.step(timedelta(hours=hours))
        await rig.passes(timedelta(hours=2))
        assert await rig.told() == TOLD
        assert [heard[2] for heard in rig.horn.heard] == [60]  # type: ignore[union-attr]
        await rig.passes(timedelta(days=1))
        assert len(await rig.told()) == 2


@pytest.mark.parametrize("before_s", [1, 4])
async def test_the_clock_is_set_back_while_it_waits_for_its_instant(tmp_path: Path, before_s: int) -> None:
    """It leaves the air to others, and is aired at its instant, or told as missed where the clock leaps over it."""
    for leap, told in ((False, TOLD), (True, [("23 05:30", "missed", "bulletin.missed_step")])):
        folder = tmp_path / str(leap)
        folder.mkdir()
        async with radio(folder, seconds=60) as rig:
            await rig.plan(news())
            await rig.passes(AIR - NOW - before_s * S)
            rig.clock.step(timedelta(hours=-1))
            await rig.passes(timedelta(minutes=20))
            assert await rig.node.database.read(lambda db: db.execute("SELECT * FROM airing").fetchall()) == []
            rig.clock.step(timedelta(hours=1 if leap else 0))
            await rig.passes(timedelta(hours=2))
            assert await rig.told() == told

"""Bulletins of class emergency: repeated until somebody acknowledges, whatever clock, calendar and power do."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from core_examples import command
from core_radio import AIR, NOW, Radio, S, news, radio

from edge_agent.contract.commands import AcknowledgeEmergency


def urgent(**changes: Any) -> Any:
    return news(**{"id": "khan", "text": "Nước lên", "class": "emergency", "repeat_every_s": 10, **changes})


async def acknowledge(rig: Radio, name: str | None = None) -> None:
    asked = AcknowledgeEmergency(emergency=name)
    await rig.write(await rig.station.acknowledge(command(asked), asked))


async def test_repeated_until_acknowledged_and_settled_once(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(urgent())
        await rig.passes(AIR - NOW + 200 * S)
        assert rig.state("khan").actual == "on_air"
        await acknowledge(rig, "khan")
        await rig.passes(timedelta(hours=2))
        [airing] = await rig.aired("khan")
        assert airing["state"] == "aired" and airing["repetitions"] >= 8
        assert (rig.state("khan").actual, rig.state("khan").next) == ("aired", None)
        rows = await rig.node.database.read(lambda db: db.execute("SELECT bulletin, state FROM airing").fetchall())
        assert rows == [("khan", "aired")]
    async with radio(tmp_path, AIR + timedelta(hours=3)) as rig:
        await rig.passes(timedelta(hours=1))
        assert len(await rig.aired("khan")) == 1 and rig.horn.played == []  # type: ignore[union-attr]


async def test_through_a_power_cut(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(urgent(recurrence={"rule": "FREQ=DAILY"}))
        await rig.passes(AIR - NOW + 60 * S)
        rig.node.database.close()
    async with radio(tmp_path, AIR + timedelta(minutes=20), trusted=False) as rig:
        await rig.passes(60 * S)
        assert rig.state("khan").actual == "on_air" and rig.horn.played  # type: ignore[union-attr]
        await acknowledge(rig)
        await rig.passes(60 * S)
        assert [each["state"] for each in await rig.aired("khan")] == ["aired"]
        assert rig.state("khan").next == AIR + timedelta(days=1)


async def test_two_at_once_take_turns(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(urgent(id="lu"))
        await rig.plan(urgent(id="chay"))
        await rig.passes(AIR - NOW + timedelta(minutes=5))
        await acknowledge(rig)
        await rig.passes(timedelta(minutes=5))
        told = [(await rig.aired(name))[0] for name in ("lu", "chay")]
        assert [each["state"] for each in told] == ["aired", "aired"]
        assert all(each["repetitions"] >= 4 for each in told)


async def test_nobody_vouches_for_the_clock_and_it_is_heard_all_the_same(tmp_path: Path) -> None:
    async with radio(tmp_path, trusted=False) as rig:
        await rig.plan(urgent())
        await rig.plan(news())
        await rig.passes(timedelta(hours=2))
        assert [each["state"] for each in await rig.aired("khan")] == ["aired"]
        assert await rig.told() == [("23 05:30", "missed", "bulletin.missed_clock")]


async def test_sent_a_moment_ago_it_is_not_too_late(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(urgent(at=NOW - 3 * S))
        await rig.passes(30 * S)
        assert rig.state("khan").actual == "on_air"
        await rig.cancel("khan")
        await rig.passes(30 * S)
        assert rig.station.emergencies.active() == ()
        assert len(await rig.aired("khan")) == 1


async def test_what_it_interrupts_goes_on_afterwards(tmp_path: Path) -> None:
    async with radio(tmp_path, seconds=60) as rig:
        await rig.plan(news())
        await rig.plan(urgent(at=AIR + 20 * S))
        await rig.passes(AIR - NOW + 90 * S)
        await acknowledge(rig)
        await rig.passes(timedelta(minutes=10))
        [airing] = await rig.aired()
        assert airing["state"] == "aired" and [each["by"] for each in airing["interruptions"]] == ["khan"]


async def test_asked_again_while_it_sounds_it_goes_on(tmp_path: Path) -> None:
    async with radio(tmp_path) as rig:
        await rig.plan(urgent(at=NOW - 6 * S, repeat_until=NOW + 300 * S))  # the broker kept it while the node was away
        await rig.passes(7 * S)
        assert rig.state("khan").actual == "on_air"
        # the hub had no answer: it asks once more, for an instant to come, or one that is over when it is heard
        for at in (NOW + 10 * S, NOW + 5 * S):
            await rig.plan(urgent(at=at, repeat_until=NOW + 300 * S))
            await rig.passes(20 * S)
            assert (rig.state("khan").actual, rig.state("khan").fault) == ("on_air", None)
            assert rig.station.emergencies.active() == ("khan",)
        await rig.cancel("khan")
        await rig.passes(30 * S)
        assert rig.station.emergencies.active() == ()
        assert [each["state"] for each in await rig.aired("khan")] == ["aired"]

"""A year of lights: overrides, restarts, power cuts, a clock that is lost, lines that fail; judged from outside.

The checker must call right what is right, and find each mistake that is planted into the agent.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from core_year import CONFIG, Happening, Year, quicker

from bench.year_checker.judge import Wrong, check
from bench.year_checker.sky import lunar
from edge_agent.control.facts import Moment
from edge_agent.control.interlock import Interlocks
from edge_agent.control.limits import Guard
from edge_agent.control.override import Override
from edge_agent.control.stagger import Turns
from edge_agent.switching.keeping import Keeping
from edge_agent.switching.service import SwitchService
from edge_agent.switching.settling import Settling
from edge_agent.timetable.timeline import Phase
from edge_agent.timetable.timetable import Plan

TUESDAY = datetime(2027, 1, 12, 5, 0, tzinfo=UTC)  # noon in Viet Nam; from the 13th on the school's lamp is lit
H = 3600.0
Patch = Callable[[pytest.MonkeyPatch], None]


async def lived(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, days: int) -> Year:
    """Nothing was wrong, and all that can happen did."""
    with quicker(monkeypatch):
        year = Year(folder, seed, days)
        story = await year.run()
    wrong = check(CONFIG, story)
    assert wrong == [], "\n".join(each.sentence for each in wrong[:20])
    return year


@pytest.mark.parametrize("seed", [4, pytest.param(5, marks=pytest.mark.long)])
async def test_weeks_without_a_wrong_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    year = await lived(tmp_path, monkeypatch, seed, 10)
    assert year.count["override done"] > 10
    assert year.count["cut"] + year.count["kill"] + year.count["restart"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 104))
async def test_a_year_without_a_wrong_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    year = await lived(tmp_path, monkeypatch, seed, 365)
    happened = ("override done", "override switch.interlocked", "release done", "reset done", "restart", "kill", "cut")
    for what in (*happened, "step", "doubt", "stick", "gone", "rule", "door", "tank"):
        assert year.count[what], what


@pytest.mark.long
async def test_days_at_the_pace_of_a_node(tmp_path: Path) -> None:
    """Lines and clock are looked at as often as on a node."""
    wrong = check(CONFIG, await Year(tmp_path, 9, 4).run())
    assert wrong == [], "\n".join(each.sentence for each in wrong[:20])


def scripted() -> list[Happening]:
    """Two days, from noon: somewhat of everything. Seconds."""
    return [
        Happening(1 * H, "override", {"thing": "le-1", "level": 100.0, "seconds": 600}),
        Happening(1.5 * H, "override", {"thing": "bang-tin", "level": 100.0, "seconds": 5400}),
        Happening(2 * H, "override", {"thing": "hang-le", "level": 100.0, "for": 900}),
        Happening(2.2 * H, "restart", 10.0),
        Happening(3 * H, "doubt", 1800.0),
        Happening(4 * H, "dark", 1.0),
        Happening(8 * H, "restart", 5.0),
        Happening(8.5 * H, "override", {"thing": "cao-ap", "level": 0.0, "seconds": 20}),
        Happening(9 * H, "kill", 5.0),
        Happening(9.5 * H, "step", (900, 1800)),
        Happening(10 * H, "override", {"thing": "quat", "level": 100.0, "seconds": 3600}),
        Happening(10.2 * H, "door", 300.0),
        Happening(11 * H, "cut", {"off": 600, "battery": False, "doubt": 900}),
        Happening(17 * H, "tank", 15.0),
        Happening(18 * H, "dark", 0.0),
    ]


async def judged(folder: Path, monkeypatch: pytest.MonkeyPatch, plant: Patch | None) -> list[Wrong]:
    with quicker(monkeypatch):
        year = Year(folder, 1, 1.6, TUESDAY)
        year.todo = [replace(each, when=each.when + 17.3) for each in scripted()]  # at no full minute
        if plant is not None:
            plant(monkeypatch)
        return check(CONFIG, await year.run())


def no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Override, "left_s", lambda _self, _moment: 1e6)


def late_by(shift: timedelta) -> Patch:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = Plan.at

        def at(self: Plan, now: datetime, dark: Any) -> Phase:
            phase = right(self, now - shift, dark)
            return replace(phase, until=phase.until and phase.until + shift)

        monkeypatch.setattr(Plan, "at", at)

    return plant


def no_fail_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Settling.moment

    def moment(self: Settling) -> Moment:
        return Moment(right(self).now, right(self).mono, trusted=True)

    monkeypatch.setattr(Settling, "moment", moment)


def blinks(monkeypatch: pytest.MonkeyPatch) -> None:
    right = SwitchService.refresh

    async def refresh(self: SwitchService) -> None:
        for thing in self._things.values():
            await thing.line.set(0)
        await right(self)

    monkeypatch.setattr(SwitchService, "refresh", refresh)


def all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "wait_s", lambda _self, _thing, _mono, *, ahead=False: 0.0)


def no_restrike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "wait_s", lambda _self, _on, _moment, *, forced=False: 0.0)


def no_interlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interlocks, "look", lambda _self, _moment, _running, _readings: None)


def forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Keeping.read

    async def read(self: Keeping, *kinds: str) -> dict[str, dict[str, Any]]:
        return {**await right(self, *kinds), "override": {}}

    monkeypatch.setattr(Keeping, "read", read)


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Plan.at
    monkeypatch.setattr(Plan, "at", lambda self, now, _dark: right(self, now, lambda _sensor: None))


PLANTED: dict[str, tuple[Patch, str, str]] = {
    "an override that does not end": (no_end, "le-1", "it had to be 0 by program"),
    "a programme a day late": (late_by(timedelta(days=1)), "truong", "it had to be 100 by program"),
    "fail-safe ignored": (no_fail_safe, "mo-1", "it had to be 50 by default"),
    "a restart that blinks": (blinks, "le-2", "switched to 0, which nobody wanted"),
    "all at once": (all_at_once, "le-2", "the gap of"),
    "a hot lamp struck": (no_restrike, "cao-ap", "off too short"),
    "an interlock ignored": (no_interlock, "quat", "it had to be 0 by interlock"),
    "an override forgotten by a restart": (forgets, "bang-tin", "it had to be 100 by override"),
    "two minutes late": (late_by(timedelta(minutes=2)), "chan-1", "it had to be 0 by program"),
    "a photocell ignored": (blind, "quang", "it had to be 100 by program"),
}


async def test_what_is_right_is_called_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = await judged(tmp_path, monkeypatch, None)
    assert wrong == [], "\n".join(each.sentence for each in wrong[:20])


@pytest.mark.parametrize("name", PLANTED)
async def test_each_mistake_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plant, thing, expected = PLANTED[name]
    wrong = await judged(tmp_path, monkeypatch, plant)
    assert any(each.thing == thing and expected in each.sentence for each in wrong), "\n".join(
        each.sentence for each in wrong[:20]
    )


def test_the_moon_of_the_checker_is_that_of_printed_calendars() -> None:
    tets = {2027: date(2027, 2, 6), 2007: date(2007, 2, 17), 2030: date(2030, 2, 2), 2033: date(2033, 1, 31)}
    for day in tets.values():
        assert lunar(day)[:3] == (1, 1, False)
    assert lunar(date(2028, 7, 1))[1:3] == (5, True), "2028 has a second fifth month"

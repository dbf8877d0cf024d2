"""Who wins, how overrides end, when a thing may be switched, and whose turn it is: pure."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config.switching import GroupEntry, Light, Limits
from edge_agent.config.timetable import Programme
from edge_agent.contract.commands import SwitchOverride
from edge_agent.contract.errors import Refusal, Said
from edge_agent.control import override as overrides
from edge_agent.control.decide import decide
from edge_agent.control.facts import Demand, Held, Moment
from edge_agent.control.limits import Guard
from edge_agent.control.stagger import Turns, members_of
from edge_agent.timetable.timeline import Phase

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
SAID = Said.of("switch.no_flow_meter", id="x")
LIGHT = Light(id="den", name="Đèn", line="b/1", programme=Programme(), default=0, fail_safe=100)
HELD = Held("interlock.blocked", SAID, NOW + timedelta(minutes=1))
DEMAND = Demand(60, "luat", NOW + timedelta(minutes=2), SAID)
PHASE = Phase(40, NOW - timedelta(seconds=30), 60, 100, NOW + timedelta(hours=3), "nua-dem", False)


def at(seconds: float = 0, wall: timedelta | None = None, *, trusted: bool = True) -> Moment:
    passed = timedelta(seconds=seconds)
    return Moment(NOW + passed + (wall or timedelta()), 1000 + seconds, trusted)


def person(level: float = 80, seconds: float = 600) -> overrides.Override:
    asked = SwitchOverride(thing="den", level=level, seconds=seconds)
    return overrides.begin(asked, "lan", at(), next_switch=None, litres=None)


@pytest.mark.parametrize(("level", "light", "hours"), [(100, True, 12), (100, False, 0.5), (0, False, 12)])
def test_what_is_no_light_runs_half_an_hour_when_nobody_said_until_when(
    level: float, light: bool, hours: float
) -> None:
    asked = SwitchOverride(thing="bom", level=level)
    made = overrides.begin(asked, "lan", at(), next_switch=NOW + timedelta(hours=20), litres=None, light=light)
    assert made.left_s(at()) == hours * 3600


def test_the_strongest_wins() -> None:
    everything = [HELD, person(), DEMAND, PHASE]
    seen = []
    for weaker in range(5):
        held, override, demand, phase = [None] * weaker + everything[weaker:]
        made = decide(at(), held, override, demand, phase, LIGHT)
        seen.append((made.why, made.level, made.by))
    assert seen == [
        ("interlock", 0, "interlock.blocked"),
        ("override", 80, "lan"),
        ("rule", 60, "luat"),
        ("program", 40, None),
        ("default", 100, None),
    ]


def test_a_ramp_is_on_its_way() -> None:
    made = decide(at(), None, None, None, PHASE, LIGHT)
    assert (made.level, made.goal, made.step_s) == (40, 70, 1)


def test_without_a_trusted_clock_only_the_programme_is_doubted() -> None:
    lost = at(trusted=False)
    assert decide(lost, None, None, None, PHASE, LIGHT).level == 100
    assert decide(lost, None, person(), None, PHASE, LIGHT).why == "override"
    assert decide(lost, None, None, DEMAND, PHASE, LIGHT).why == "rule"
    plain = Light(id="den", name="Đèn", line="b/1", default=100, fail_safe=0)
    assert decide(lost, None, None, None, None, plain).level == 100, "a default needs no clock"


@given(
    kind=st.sampled_from(["seconds", "until", "none"]),
    length=st.floats(1, 86_400),
    steps=st.lists(st.tuples(st.floats(1, 20_000), st.floats(-1e8, 1e8)), min_size=1, max_size=8),
    restart=st.booleans(),
)
def test_no_override_outlives_a_day_whatever_the_clock_does(
    kind: str, length: float, steps: list[tuple[float, float]], restart: bool
) -> None:
    end = {"seconds": {"seconds": length}, "until": {"until": NOW + timedelta(seconds=length)}, "none": {}}[kind]
    asked = SwitchOverride.model_validate({"thing": "den", "level": 0, **end})
    made = overrides.begin(asked, "lan", at(), next_switch=NOW + timedelta(hours=20), litres=None)
    passed, wall = 0.0, 0.0
    for seconds, step in steps:
        passed, wall = passed + seconds, step
        now = at(passed, timedelta(seconds=wall))
        made = made.told_at(now)
        assert made.until <= now.now + timedelta(days=1, seconds=1) or made.left_s(now) <= 0
        if restart:
            made = overrides.load(made.dump(now), now)
        assert made.left_s(now) <= 86_400 - passed + 1, "it never gets longer"
        if kind == "seconds" and not restart:
            assert made.left_s(now) == pytest.approx(length - passed, abs=0.01)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"level": 0},
        {"level": "x", "until": "2026-11-22T13:00:00+00:00", "by": "a"},
        {"level": 101, "until": "2026-11-22T13:00:00+00:00", "by": "a"},
        {"level": 0, "until": "never", "by": "a"},
        {"level": 0, "until": "2026-11-22T13:00:00+00:00", "by": "a", "left_s": float("nan")},
        {"level": 0, "until": None, "by": "a"},
    ],
    ids=str,
)
def test_what_was_kept_and_makes_no_sense_counts_for_nothing(body: dict) -> None:
    with pytest.raises(ValueError):
        overrides.load(body, at())
    with pytest.raises(Refusal):
        overrides.begin(SwitchOverride(thing="den", level=0, until=NOW), "a", at(), next_switch=None, litres=None)


def test_minimum_times() -> None:
    guard = Guard(Limits(minimum_on_s=60, minimum_off_s=300))
    assert guard.wait_s(True, at()) == 0
    guard.found(False, at())
    assert guard.wait_s(True, at()) == 0, "never seen on: cold"
    guard.switched(True, at(10))
    assert guard.wait_s(False, at(30)) == 40
    assert guard.wait_s(False, at(30), forced=True) == 0, "an interlock may end it"
    assert guard.wait_s(True, at(30)) == 0
    guard.switched(False, at(30))
    assert guard.wait_s(True, at(30), forced=True) == 300, "but nothing strikes a hot lamp"
    again = Guard(Limits(minimum_off_s=300))
    again.load(guard.dump(at(100)))
    again.found(False, at(150))
    assert again.wait_s(True, at(150)) == pytest.approx(180)
    doubted = Guard(Limits(minimum_off_s=300))
    doubted.load(guard.dump(at(100)))
    doubted.found(False, at(150, trusted=False))
    assert doubted.wait_s(True, at(150)) == 300
    for nonsense in ({}, {"on": True, "at": "x"}, {"on": True, "at": 3}):
        guard.load(nonsense)


GROUPS = (
    GroupEntry(id="a", name="A", members=("1", "2", "3", "4"), gap_s=1),
    GroupEntry(id="b", name="B", members=("3", "5", "6"), gap_s=3),
    GroupEntry(id="all", name="T", members=("a", "b", "7"), gap_s=0.5),
)


def test_groups_of_groups_and_rings() -> None:
    members = members_of(GROUPS)
    assert members["all"] == ("1", "2", "3", "4", "5", "6", "7")
    ring = (
        GroupEntry(id="x", name="X", members=("y", "1")),
        GroupEntry(id="y", name="Y", members=("x", "2")),
    )
    assert members_of(ring) == {"x": ("2", "1"), "y": ("1", "2")}


@given(st.lists(st.tuples(st.sampled_from("12345678"), st.booleans(), st.floats(0, 2)), min_size=1, max_size=60))
def test_between_two_switch_ons_of_a_group_lies_its_gap(asked: list[tuple[str, bool, float]]) -> None:
    members = members_of(GROUPS)
    turns = Turns(GROUPS, members)
    ons: list[tuple[str, float]] = []
    waiting: dict[str, float] = {}
    mono = 0.0

    def let(until: float) -> None:
        nonlocal mono
        while waiting and (first := min(waiting, key=waiting.__getitem__)) and waiting[first] <= until:
            mono = max(mono, waiting.pop(first))
            left = turns.wait_s(first, mono)
            if left > 0:
                waiting[first] = mono + left
            else:
                turns.taken(first, mono)
                ons.append((first, mono))
        mono = max(mono, until)

    for thing, ahead, pause in asked:
        let(mono + pause)
        if thing in waiting and pause > 1.5:
            turns.given_back(thing)
            del waiting[thing]
        else:
            waiting[thing] = mono + turns.wait_s(thing, mono, ahead=ahead)
    let(mono + 1000)
    assert not waiting, "everybody gets a turn"
    for group in GROUPS:
        mine = [mono for thing, mono in ons if thing in members[group.id]]
        assert all(later - earlier >= group.gap_s - 1e-6 for earlier, later in pairwise(mine))

"""Telling and clearing: whatever the sensors do, nothing short is told, and each fault is told and cleared in turn."""

import json
from datetime import timedelta

from core_things import NIGHT
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.control.confirm import Confirmed, soonest
from edge_agent.control.facts import Moment

SEEN = st.lists(st.tuples(st.floats(0.01, 50), st.sampled_from([True, False, None])), min_size=1, max_size=60)
WAITS = st.sampled_from([0, 1, 10, 30, 100])


def at(mono: float) -> Moment:
    return Moment(NIGHT + timedelta(seconds=mono), mono, True)


@given(SEEN, WAITS, WAITS)
def test_what_is_told_and_cleared_has_lasted(seen, confirm_s, clear_s) -> None:
    """Against a plain reading of the rule: the last value other than now's must lie at least so far back."""
    kind, mono, told = Confirmed(confirm_s, clear_s), 0.0, False
    history: list[tuple[float, bool | None]] = []
    for gap, holds in seen:
        mono += gap
        history.append((mono, holds))
        unbroken = mono
        for when, value in reversed(history):
            if value is not holds:
                break
            unbroken = when
        if holds is not None and holds != told and mono - unbroken >= (clear_s if told else confirm_s):
            told = holds
        assert kind.look(at(mono), holds) == told
        assert (kind.since is not None) == told


@given(SEEN, WAITS, WAITS)
def test_each_told_fault_began_as_long_ago_as_it_had_to_last(seen, confirm_s, clear_s) -> None:
    kind, mono, before, since, turns = Confirmed(confirm_s, clear_s), 0.0, False, None, []
    for gap, holds in seen:
        mono += gap
        now = kind.look(at(mono), holds)
        if now and not before:
            assert kind.since is not None
            assert (at(mono).now - kind.since).total_seconds() >= confirm_s
        if now and before:
            assert kind.since == since
        if now != before:
            turns.append(now)
        before, since = now, kind.since
    assert turns == [place % 2 == 0 for place in range(len(turns))]


@given(SEEN, WAITS, WAITS)
def test_looking_when_it_asks_is_enough(seen, confirm_s, clear_s) -> None:
    """Who looks at each change and at `again_s` sees a fault in the very moment in which it has lasted."""
    kind, mono = Confirmed(confirm_s, clear_s), 0.0
    for gap, holds in seen:
        end = mono + gap
        kind.look(at(mono), holds)
        before = kind.since
        again = kind.again_s(mono)
        if again is not None and mono + again <= end:
            mono += again + 1e-6
            kind.look(at(mono), holds)
            assert (kind.since is None) != (before is None)
            assert kind.again_s(mono) is None
        mono = max(mono, end)


def test_unknown_begins_both_times_anew() -> None:
    kind = Confirmed(10, 30)
    for mono, holds, told in [
        (0, True, False),
        (9, None, False),
        (11, True, False),
        (20, True, False),
        (21, True, True),
        (22, False, True),
        (51, None, True),
        (53, False, True),
        (82, False, True),
        (83, False, False),
    ]:
        assert kind.look(at(mono), holds) == told, mono


def test_it_never_asks_to_be_looked_at_in_the_same_instant() -> None:
    """A clock that has run for years rounds: whoever waits exactly as long as asked must get on."""
    kind, mono = Confirmed(10, 30), 1e9 + 0.1
    for _ in range(20):
        kind.look(at(mono), True)
        again = kind.again_s(mono)
        if again is None:
            return
        assert mono + again > mono
        mono += again
    raise AssertionError("never told")


def test_the_soonest_of_some_waits() -> None:
    assert soonest(None, 3, 2, None) == 2
    assert soonest(None) is None
    assert soonest() is None


def test_names_of_troubles_are_those_of_talq() -> None:
    """TALQ data model 2.7.1 (TALQ Consortium, BSD 3-Clause), schema EventType: the names that are used here."""
    from typing import get_args

    from edge_agent.contract.sentences import sentences
    from edge_agent.contract.switched import TroubleType
    from edge_agent.control.troubles import GRAVITY

    event_types = json.loads(
        """["cabinetDoorOpen", "circuitBreakerTripped", "controlGearCommFailure", "cyclingFailure",
        "deviceMalfunction", "lampFailure", "lampPowerTooHigh", "lampPowerTooLow", "lampUnexpectedOn",
        "leakageDetected", "localOverride", "supplyLoss", "switchingErrorOff", "switchingErrorOn",
        "totalPowerTooHigh", "totalPowerTooLow"]"""
    )
    assert sorted(get_args(TroubleType)) == event_types
    assert sorted(GRAVITY) == event_types
    for language in ("vi", "en"):
        assert {f"fault.{name}" for name in event_types} <= set(sentences(language))

"""Energy, hours, switchings and litres: never negative, never invented, the same however often one looks."""

import json
import math
from typing import Any

import pytest
from core_things import Bench, lamp, pump
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config.sensing import Sensor
from edge_agent.control.usage import Meter

FLOW = Sensor.model_validate({"id": "f", "name": "Lưu lượng", "line": "board/f", "kind": "flow"})
VOLUME = Sensor.model_validate({"id": "v", "name": "Đồng hồ nước", "line": "board/v", "kind": "volume"})
SENSORS = {"f": FLOW, "v": VOLUME}


class Rig(Bench):
    def __init__(self, entry) -> None:
        super().__init__()
        self.entry = entry
        self.meter = Meter(entry, SENSORS)
        self.actual: float | None = 0.0

    def look(self) -> None:
        self.meter.look(self.moment, self.actual, self.read)

    def hour(self, actual: float | None = None, hours: float = 1, **values: Any) -> None:
        """It is so, and an hour passes."""
        self.actual = actual if actual is not None else self.actual
        self.says(**values)
        self.look()
        self.passes(3600 * hours)
        self.look()

    def restart(self, away_s: float = 0) -> None:
        kept = json.loads(json.dumps(self.meter.dump()))
        self.meter = Meter(self.entry, SENSORS)
        self.meter.load(kept)
        self.now += (self.moment.now - self.now) * 0
        self.passes(away_s)
        self.mono = 5.0  # the monotonic clock of another run

    @property
    def kwh(self) -> float | None:
        return self.meter.usage().energy_kwh


def test_nothing_is_known_of_what_nobody_told_the_watts() -> None:
    row = Rig(lamp())
    row.hour(100)
    assert row.kwh is None and row.meter.usage().energy_by is None
    assert row.meter.usage().hours_on == 1
    assert row.meter.usage().litres is None and row.meter.litres is None


def test_rated_power_times_level_times_time_is_an_estimate() -> None:
    row = Rig(lamp(rated_w=200, dimmable=True))
    row.hour(100)
    row.hour(25)
    row.hour(0, hours=10)
    assert row.kwh == 0.25 and row.meter.usage().energy_by == "estimated"
    assert row.meter.usage().hours_on == 2
    assert row.meter.usage().switch_ons == 1
    assert row.meter.power_w is None


def test_measured_power_is_summed_up_while_it_is_known() -> None:
    row = Rig(lamp(rated_w=200, feedback={"power": "w"}))
    row.hour(100, w=150)
    row.hour(w=100)
    assert row.meter.power_w == 100
    row.hour(w=None, hours=5)
    assert row.meter.power_w is None
    assert row.kwh == 0.25 and row.meter.usage().energy_by == "measured"
    row.hour(w=-500)
    row.hour(w=math.nan)
    row.hour(w=math.inf)
    assert row.kwh == 0.25


def test_a_counter_is_followed_and_its_gaps_are_not_lost() -> None:
    row = Rig(lamp(rated_w=1000, feedback={"energy": "e"}))
    row.hour(100, e=5000)
    assert row.kwh == 0
    row.hour(e=5000.8)
    row.hour(e=None, hours=4)
    row.hour(e=5004.4)
    assert row.kwh == 4.4 and row.meter.usage().energy_by == "measured"


@pytest.mark.parametrize(
    ("words", "kwh"),
    [
        ((9999.2, 9999.9, 0.4, 1.0), 1.3),  # rolled over
        ((700.0, 700.5, 0.0, 0.5), 1.0),  # reset
        ((700.0, 700.5, 81234.0, 81234.5), 1.0),  # another meter
        ((700.0, 700.5, 7000.0, 700.9), 0.5),  # one digit misread
        ((700.0, 700.5, 0.0, 700.9), 0.9),  # one word was zero
        ((700.0, 700.5, 700.2, 700.9), 0.9),  # one word went back a little
        ((700.0, math.nan, -math.inf, 701.0), 1.0),
    ],
)
def test_a_counter_that_leaps_or_goes_back_adds_nothing(words: tuple[float, ...], kwh: float) -> None:
    row = Rig(lamp(rated_w=500, feedback={"energy": "e"}))
    for word in words:
        row.hour(100, e=word)
    assert row.kwh == pytest.approx(kwh)


def test_what_a_meter_counted_while_the_agent_was_away_is_counted_and_nothing_else() -> None:
    row = Rig(lamp(rated_w=1000, feedback={"energy": "e", "flow": "v"}))
    row.hour(100, e=50, v=1000)
    row.restart(away_s=10 * 3600)
    row.hour(e=58, v=3000)
    assert row.kwh == 8
    assert row.meter.usage().hours_on == 2
    assert row.meter.litres == 2000
    row.restart(away_s=10)
    row.hour(e=4000, v=900_000)
    assert row.kwh == 8 and row.meter.litres == 2000


def test_the_first_word_after_a_restart_without_a_clock_is_believed_within_reason() -> None:
    row = Rig(lamp(rated_w=1000, feedback={"energy": "e"}))
    row.hour(100, e=50)
    row.restart()
    row.trusted = False
    row.now = row.now.replace(year=2001)
    row.hour(e=90)
    assert row.kwh == 40
    row.restart()
    row.hour(e=4000)
    assert row.kwh == 40


def test_a_restart_while_it_burns_is_no_switching_on() -> None:
    row = Rig(lamp(rated_w=1000))
    row.hour(100)
    row.restart(away_s=7200)
    row.hour(100)
    assert row.meter.usage().model_dump() == {
        "energy_kwh": 2,
        "energy_by": "estimated",
        "hours_on": 2,
        "switch_ons": 1,
        "litres": None,
    }
    row.restart()
    row.hour(0)
    row.hour(100)
    assert row.meter.usage().switch_ons == 2


def test_an_unknown_level_counts_nothing_and_is_no_switching() -> None:
    row = Rig(lamp(rated_w=1000))
    row.hour(100)
    row.actual = None
    row.hour(hours=5)
    row.hour(100)
    assert row.kwh == 2 and row.meter.usage().switch_ons == 1


def test_litres_by_a_rate_and_by_a_counter() -> None:
    by_rate = Rig(pump(feedback={"flow": "f"}))
    by_rate.hour(100, f=30)
    by_rate.hour(0, f=0)
    assert by_rate.meter.usage().litres == 1800
    by_counter = Rig(pump(feedback={"flow": "v"}))
    by_counter.hour(100, v=250)
    by_counter.hour(v=1250.25)
    by_counter.hour(v=3)
    assert by_counter.meter.litres == 1000.25


def test_a_wall_clock_that_steps_changes_nothing() -> None:
    row = Rig(lamp(rated_w=1000))
    row.actual = 100
    row.look()
    for year in (1970, 2050, 2026):
        row.passes(1200)
        row.now = row.now.replace(year=year)
        row.look()
    assert row.kwh == 1 and row.meter.usage().hours_on == 1


def test_a_meter_that_came_later_makes_the_sum_measured_when_most_of_it_is() -> None:
    row = Rig(lamp(rated_w=1000))
    row.hour(100)
    row.entry = lamp(rated_w=1000, feedback={"energy": "e"})
    row.restart()
    row.hour(e=0)
    row.hour(e=1)
    assert row.kwh == 2 and row.meter.usage().energy_by == "estimated"
    row.passes(100 * 3600)
    row.hour(e=120)
    assert row.meter.usage().energy_by == "measured"


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"energy": 7, "on_s": "x", "switch_ons": -3, "was_on": "no", "litres": math.nan, "volume": []},
        {"energy": {"measured": -1, "estimated": True, "counter": {"last": "9", "at": 5}}, "on_s": math.inf},
        {
            "energy": {"measured": None, "counter": {"last": 5, "at": "yesterday"}},
            "volume": {"last": 3, "at": "2026-01-01"},
        },
    ],
)
def test_nonsense_that_was_kept_is_left_out(kept: dict[str, Any]) -> None:
    row = Rig(lamp(rated_w=1000, feedback={"energy": "e", "flow": "v"}))
    row.meter.load(kept)
    assert row.meter.usage().model_dump() == {
        "energy_kwh": 0,
        "energy_by": "measured",
        "hours_on": 0,
        "switch_ons": 0,
        "litres": 0,
    }
    row.hour(100, e=5, v=3)
    assert row.meter.usage().hours_on == 1


LEVEL = st.sampled_from([0.0, 30.0, 100.0, None])
WORD = st.one_of(st.floats(-10, 5000), st.none(), st.sampled_from([math.nan, math.inf, -math.inf]))
STEPS = st.lists(st.tuples(st.floats(0, 5000), LEVEL, WORD, WORD, WORD), max_size=40)
ENTRIES = (
    lamp(rated_w=150, dimmable=True),
    lamp(rated_w=150, feedback={"power": "w"}),
    lamp(rated_w=150, feedback={"energy": "e"}),
    pump(feedback={"energy": "e", "flow": "v"}),
    pump(feedback={"power": "w", "flow": "f"}),
)


@given(st.sampled_from(ENTRIES), STEPS)
def test_sums_never_fall_and_never_leap(entry, steps) -> None:
    row = Rig(entry)
    row.look()
    before = row.meter.usage()
    for seconds, actual, power, counter, flow in steps:
        row.actual = actual
        row.says(w=power, e=counter, v=flow, f=flow)
        row.look()
        row.passes(seconds)
        row.look()
        after = row.meter.usage()
        most = (
            {"w": 5.0, "e": 100.0}["e" if entry.feedback.energy else "w"]
            if entry.feedback.power or entry.feedback.energy
            else 0.15
        )
        assert -1e-9 <= (after.energy_kwh or 0) - (before.energy_kwh or 0) <= most * row.mono / 3600 + 1.01
        assert before.hours_on <= after.hours_on <= row.mono / 3600
        assert before.switch_ons <= after.switch_ons <= before.switch_ons + 1
        assert (before.litres or 0) <= (after.litres or 0)
        assert math.isfinite(after.energy_kwh or 0) and math.isfinite(after.litres or 0)
        before = after


@given(st.sampled_from(ENTRIES), STEPS, st.integers(1, 7))
def test_looking_more_often_changes_no_sum(entry, steps, splits) -> None:
    once, often = Rig(entry), Rig(entry)
    for seconds, actual, power, counter, flow in steps:
        for row, parts in ((once, 1), (often, splits)):
            row.actual = actual
            row.says(w=power, e=counter, v=flow, f=flow)
            row.look()
            for _ in range(parts):
                row.passes(seconds / parts)
                row.look()
    one, many = once.meter.usage(), often.meter.usage()
    assert (one.energy_kwh or 0) == pytest.approx(many.energy_kwh or 0, abs=0.0021, rel=1e-6)
    assert one.hours_on == pytest.approx(many.hours_on, abs=0.011)
    assert one.switch_ons == many.switch_ons
    assert (one.litres or 0) == pytest.approx(many.litres or 0, abs=0.11, rel=1e-6)

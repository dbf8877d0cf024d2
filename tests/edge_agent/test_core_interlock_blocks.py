"""Interlocks keep a thing off: by sensors, with hysteresis, by dry running, by silence, and through power cuts."""

import json
import math

import pytest
from core_switched import Bench
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Switch
from edge_agent.control.interlock import Interlocks

SENSORS = (
    Sensor(id="be", name="Mực nước bể", line="a/1", kind="level", unit="%"),
    Sensor(id="dong-chay", name="Lưu lượng", line="a/2", kind="flow"),
    Sensor(id="cua", name="Cửa tủ", line="a/3", kind="door"),
)
EMPTY = {"sensor": "be", "below": 20, "ends": 30, "name": "Bể cạn nước"}
DRY = {"sensor": "dong-chay", "below": 2, "for_s": 10, "while_on": True, "retry_s": 600}


def pump(*blocks: dict, **limits: float) -> Interlocks:
    entry = {"id": "bom", "name": "Máy bơm", "line": "b/1", "blocks": blocks, "limits": limits}
    return Interlocks(Switch.model_validate(entry), SENSORS)


class Pump:
    """A pump that somebody always wants to run, and its interlocks."""

    def __init__(self, bench: Bench, *blocks: dict, **limits: float) -> None:
        self.bench, self.made = bench, (blocks, limits)
        self.locks = pump(*blocks, **limits)
        self.running = False
        self.held = None

    def look(self):
        self.held = self.locks.look(self.bench.moment, self.running, self.bench.readings)
        self.running = self.held is None
        return self.held

    def after(self, seconds: float):
        self.bench.after(seconds)
        return self.look()

    def power_cut(self, dark_s: float) -> None:
        kept = json.loads(json.dumps(self.locks.dump()))
        self.bench.restart(dark_s)
        self.locks, self.running = pump(*self.made[0], **self.made[1]), False
        self.locks.load(kept, self.bench.moment)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_empty_tank_holds_the_pump_until_there_is_water_enough(bench: Bench) -> None:
    it = Pump(bench, EMPTY)
    bench.say(be=25)
    assert it.look() is None
    bench.say(be=19.5)
    held = it.after(1)
    assert held.code == "interlock.blocked"
    assert held.said.vi == "Khoá an toàn: Bể cạn nước (mực nước bể 19,5 % thấp hơn 20 %)."
    assert held.said.en == "Interlock: Bể cạn nước (mực nước bể 19.5 % below 20 %)."
    bench.say(be=25)
    assert it.after(1) == held  # between the limits, and the reason told is that of the beginning
    bench.say(be=30)
    assert it.after(1) is None


def test_waves_do_not_stop_what_runs_but_what_is_off_is_kept_off_at_once(bench: Bench) -> None:
    it = Pump(bench, EMPTY | {"for_s": 10})
    bench.say(be=50)
    it.look()
    bench.say(be=15)
    assert it.after(1) is None
    assert it.locks.again_s(bench.moment) == 10
    bench.say(be=40)
    assert it.after(9) is None
    bench.say(be=15)
    assert it.after(1) is None
    assert it.after(10) is not None
    off = Pump(bench, EMPTY | {"for_s": 10})
    assert off.look() is not None


def test_a_dry_pump_is_stopped_tries_again_and_stops_again(bench: Bench) -> None:
    it = Pump(bench, DRY)
    bench.say(dong_chay=0)
    assert it.look() is None  # while it is off, no flow says nothing
    bench.after(3600)
    assert it.look() is None
    assert it.after(9) is None
    held = it.after(1)
    assert (held.code, held.again_s) == ("interlock.retry", 600)
    assert (held.until - bench.now).total_seconds() == 600
    assert it.after(300).until == held.until
    assert it.after(299).code == "interlock.retry"
    assert it.after(1) is None
    assert it.after(0) is None
    assert it.after(10).code == "interlock.retry"


def test_a_dry_pump_that_stays_off_waits_for_somebody_even_through_a_power_cut(bench: Bench) -> None:
    it = Pump(bench, DRY | {"stays": True})
    bench.say(dong_chay=12)
    it.look()
    it.look()
    bench.say(dong_chay=0)
    it.after(1)
    assert it.after(10).code == "interlock.stays"
    bench.say(dong_chay=12)
    assert it.after(24 * 3600).code == "interlock.stays"
    it.power_cut(3600)
    bench.say(dong_chay=0)
    assert it.look().code == "interlock.stays"
    it.locks.reset()
    assert it.look() is None


def test_what_stays_is_not_let_go_by_a_reset_while_its_reason_lasts(bench: Bench) -> None:
    it = Pump(bench, EMPTY | {"stays": True})
    bench.say(be=10)
    assert it.look().code == "interlock.stays"
    it.locks.reset()
    assert it.after(1).code == "interlock.stays"
    bench.say(be=80)
    assert it.after(1).code == "interlock.stays"
    it.locks.reset()
    assert it.look() is None


def test_nothing_is_started_while_a_sensor_is_silent_and_what_runs_is_stopped_after_a_while(bench: Bench) -> None:
    it = Pump(bench, EMPTY)
    assert it.look().code == "interlock.unknown"  # never read at all
    bench.say(be=50)
    assert it.after(1) is None
    bench.say(be=None)
    assert it.after(1) is None  # one lost answer
    assert it.locks.again_s(bench.moment) == 10
    assert it.after(9) is None
    held = it.after(1)
    assert held.code == "interlock.unknown"
    assert "mực nước bể (Cảm biến be im lặng" in held.said.vi
    bench.say(be=50)
    assert it.after(1) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_counts_as_silence(bench: Bench, value: float) -> None:
    it = Pump(bench, EMPTY)
    bench.say(be=value)
    assert it.look().code == "interlock.unknown"


def test_silence_changes_nothing_where_it_does_not_block(bench: Bench) -> None:
    it = Pump(bench, EMPTY | {"unknown": False})
    assert it.look() is None
    bench.say(be=10)
    assert it.after(1).code == "interlock.blocked"
    bench.say(be=None)
    assert it.after(3600).code == "interlock.blocked"  # what was empty stays empty


def test_a_power_cut_between_the_limits_changes_nothing(bench: Bench) -> None:
    it = Pump(bench, EMPTY)
    bench.say(be=10)
    it.look()
    bench.say(be=25)
    assert it.after(1).code == "interlock.blocked"
    it.power_cut(60)
    bench.say(be=25)
    assert it.look().code == "interlock.blocked"


def test_a_try_again_is_not_sooner_for_a_power_cut_nor_later_for_a_wrong_clock(bench: Bench) -> None:
    it = Pump(bench, DRY)
    bench.say(dong_chay=0)
    it.look()
    it.look()
    it.after(10)
    it.power_cut(200)
    bench.say(dong_chay=0)
    held = it.look()
    assert held.code == "interlock.retry" and held.again_s == pytest.approx(400)
    bench.step(days=-400)
    assert it.look().again_s == pytest.approx(400)
    assert (it.held.until - bench.now).total_seconds() == pytest.approx(400)
    it.power_cut(0)
    bench.step(days=-400)
    bench.say(dong_chay=0)
    assert it.locks.look(bench.moment, False, bench.readings) is None or it.locks.again_s(bench.moment) <= 600


def test_a_door_is_named_as_a_contact(bench: Bench) -> None:
    it = Pump(bench, {"sensor": "cua", "above": 0.5})
    bench.say(cua=1)
    assert it.look().said.vi == "Khoá an toàn: cửa tủ đang báo."


def test_what_is_kept_stays_equal_while_nothing_changes(bench: Bench) -> None:
    it = Pump(bench, EMPTY, DRY, maximum_run_s=3600, rest_s=600)
    bench.say(be=50, dong_chay=10)
    it.look()
    it.look()
    kept = it.locks.dump()
    for level in (49, 48, 60):
        bench.say(be=level)
        it.after(7)
        assert it.locks.dump() == kept


@pytest.mark.parametrize(
    "body",
    [
        {"blocks": 3, "rest_until": 7, "running_since": "x"},
        {"blocks": {"be <": []}, "rest_until": "2026"},
        {"blocks": {"be <": {"until": None, "blocking": 1}}, "rest_until": "9999-12-31T23:59:59+00:00"},
        {"running_since": "0001-01-01T00:00:00+00:00"},
        {"running_since": "9999-12-31T23:59:59+00:00"},
    ],
)
def test_what_cannot_be_read_is_left_out(bench: Bench, body: dict) -> None:
    locks = pump(EMPTY, DRY, maximum_run_s=3600, rest_s=600)
    locks.load(body, bench.moment)
    bench.say(be=50, dong_chay=10)
    held = locks.look(bench.moment, False, bench.readings)
    assert held is None or held.again_s <= 600


@given(
    st.lists(
        st.tuples(st.sampled_from([None, math.nan, 5.0, 20.0, 25.0, 30.0, 50.0]), st.floats(0.1, 30)),
        min_size=1,
        max_size=60,
    )
)
def test_it_never_runs_for_long_on_what_is_unknown_or_empty(steps: list[tuple[float | None, float]]) -> None:
    bench = Bench()
    it = Pump(bench, EMPTY | {"for_s": 5})
    bad_since = None
    for value, seconds in steps:
        bench.say(be=value)
        known = value is not None and math.isfinite(value)
        was = it.running
        it.look()
        if not known:
            assert was or not it.running, "started on an unknown value"
        if known and value >= 30:
            assert it.running
        if known and value < 20:
            assert was or not it.running, "started on an empty tank"
            bad_since = bad_since if bad_since is not None else bench.mono
        else:
            bad_since = None
        again = it.locks.again_s(bench.moment)
        if again is not None and again < seconds:
            it.after(again)
        if bad_since is not None and bench.mono - bad_since > 5.001:
            assert not it.running
        bench.after(seconds)

"""Nothing runs longer than it may without a break, and the rest after it is a whole one."""

import json

import pytest
from core_switched import Bench
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config.switching import Switch
from edge_agent.control.interlock import Interlocks

PUMP = {"id": "bom", "name": "Máy bơm", "line": "b/1"}


def locks(longest: float = 3600, rest: float = 600) -> Interlocks:
    return Interlocks(Switch.model_validate(PUMP | {"limits": {"maximum_run_s": longest, "rest_s": rest}}))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_after_the_longest_run_it_rests_for_the_whole_rest(bench: Bench) -> None:
    it = locks()
    assert it.look(bench.moment, True, bench.readings) is None
    assert it.again_s(bench.moment) == 3600
    bench.after(3599)
    assert it.look(bench.moment, True, bench.readings) is None
    bench.after(1)
    held = it.look(bench.moment, True, bench.readings)
    assert held.code == "interlock.rest"
    assert (held.until - bench.now).total_seconds() == 600
    assert held.said.vi.startswith("Khoá an toàn: đã chạy liền 1 giờ, nghỉ đến 2026-11-23T")
    bench.after(599)
    assert it.look(bench.moment, False, bench.readings) == held.__class__(held.code, held.said, held.until, 1)
    bench.after(1)
    assert it.look(bench.moment, False, bench.readings) is None


def test_a_rest_begins_when_it_really_stands_still(bench: Bench) -> None:
    it = locks()
    it.look(bench.moment, True, bench.readings)
    bench.after(3600)
    it.look(bench.moment, True, bench.readings)
    bench.after(400)  # its contactor sticks
    assert it.look(bench.moment, True, bench.readings).again_s == 600
    bench.after(599)
    assert it.look(bench.moment, False, bench.readings) is not None
    bench.after(1)
    assert it.look(bench.moment, False, bench.readings) is None


def test_a_break_begins_the_run_anew(bench: Bench) -> None:
    it = locks()
    for _ in range(5):
        it.look(bench.moment, True, bench.readings)
        bench.after(3000)
        assert it.look(bench.moment, True, bench.readings) is None
        it.look(bench.moment, False, bench.readings)


def test_without_a_rest_it_waits_for_somebody(bench: Bench) -> None:
    it = locks(rest=0)
    it.look(bench.moment, True, bench.readings)
    bench.after(3600)
    assert it.look(bench.moment, True, bench.readings).code == "interlock.run"
    bench.after(10**6)
    assert it.look(bench.moment, False, bench.readings).code == "interlock.run"
    again = locks(rest=0)
    again.load(json.loads(json.dumps(it.dump())), bench.moment)
    assert again.look(bench.moment, False, bench.readings).code == "interlock.run"
    again.reset()
    assert again.look(bench.moment, False, bench.readings) is None


def test_a_reset_does_not_cut_a_rest_short(bench: Bench) -> None:
    it = locks()
    it.look(bench.moment, True, bench.readings)
    bench.after(3600)
    it.look(bench.moment, True, bench.readings)
    it.reset()
    assert it.look(bench.moment, False, bench.readings).code == "interlock.rest"


def test_rest_and_run_go_on_through_a_restart(bench: Bench) -> None:
    it = locks()
    it.look(bench.moment, True, bench.readings)
    bench.after(3000)
    it.look(bench.moment, True, bench.readings)
    kept = it.dump()
    bench.restart(60)  # the agent alone: the pump ran on
    it = locks()
    it.load(kept, bench.moment)
    assert it.look(bench.moment, True, bench.readings) is None
    assert it.again_s(bench.moment) == pytest.approx(540)
    bench.after(540)
    assert it.look(bench.moment, True, bench.readings).code == "interlock.rest"
    kept = it.dump()
    bench.restart(100)
    it = locks()
    it.load(kept, bench.moment)
    assert it.look(bench.moment, False, bench.readings).again_s == pytest.approx(500)


def test_what_was_cut_off_by_the_power_does_not_count_as_running_on(bench: Bench) -> None:
    it = locks()
    it.look(bench.moment, True, bench.readings)
    bench.after(3000)
    kept = it.dump()
    bench.restart(60)
    it = locks()
    it.load(kept, bench.moment)
    assert it.look(bench.moment, False, bench.readings) is None
    bench.after(1000)
    assert it.look(bench.moment, True, bench.readings) is None
    assert it.again_s(bench.moment) == 3600


@given(st.lists(st.tuples(st.booleans(), st.floats(1, 4000), st.integers(-500, 500)), min_size=1, max_size=50))
def test_no_run_is_longer_and_no_rest_is_shorter_whatever_the_wall_clock_does(steps) -> None:
    bench, it, running, began, ended = Bench(), locks(), False, None, None
    for wanted, seconds, hours in steps:
        end = bench.mono + seconds
        bench.step(hours=hours)
        while True:
            held = it.look(bench.moment, running, bench.readings)
            now_running = wanted and held is None
            if now_running and not running:
                assert ended is None or bench.mono - ended >= 600 - 1e-3
                began = bench.mono
            if running and not now_running and held is not None and held.code == "interlock.rest":
                ended = bench.mono
                assert bench.mono - began <= 3600 + 1e-3
            running = now_running
            it.look(bench.moment, running, bench.readings)
            wait = min(it.again_s(bench.moment) or 1e9, end - bench.mono)
            if bench.mono >= end - 1e-6:
                break
            bench.after(max(wait, 1e-3))
        if running:
            assert bench.mono - began <= 3600 + 1e-2

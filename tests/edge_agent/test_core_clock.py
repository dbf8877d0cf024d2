"""Time: never back beyond the saved instant, believed only when the kernel vouches, alarms once through any step."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from core_rig import START, until

from edge_agent.clock import SimulatedClock, SystemClock, kernel
from edge_agent.clock.kernel import Discipline
from edge_agent.clock.scheduler import Scheduler

YEAR = timedelta(days=365)


@pytest.fixture
def undisciplined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that nobody told the time."""
    monkeypatch.setattr(kernel, "discipline", lambda: Discipline(False, 0, 16_000))
    monkeypatch.setattr(kernel, "set_by_rtc", lambda: False)


@pytest.fixture
def disciplined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "discipline", lambda: Discipline(True, 0.12345, 2.5))


def test_the_kernel_can_be_asked() -> None:
    try:
        state = kernel.discipline()
    except OSError:
        state = Discipline(False, 0, 0)  # some sandboxes forbid it, and then it is not believed
    assert isinstance(state.synchronised, bool)


def test_a_disciplined_clock_is_trusted(disciplined: None) -> None:
    report = SystemClock().report()
    assert (report.trusted, report.source, report.offset_ms, report.error_ms) == (True, "kernel", 0.123, 2.5)


def test_nobody_vouches(undisciplined: None) -> None:
    assert SystemClock("kernel").report().source == "none"
    assert not SystemClock("kernel").trusted
    assert SystemClock("assume").report().source == "assumed"


def test_a_battery_clock_vouches(undisciplined: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (tmp_path / "rtc0").mkdir()
    (tmp_path / "rtc0" / "hctosys").write_text("0\n")
    assert not kernel.set_by_rtc(tmp_path)
    (tmp_path / "rtc1").mkdir()
    (tmp_path / "rtc1" / "hctosys").write_text("1\n")
    assert kernel.set_by_rtc(tmp_path)
    monkeypatch.setattr(kernel, "discipline", lambda: Discipline(False, 0, 0))
    monkeypatch.setattr(kernel, "set_by_rtc", lambda: True)
    assert SystemClock().report().source == "rtc"
    assert SystemClock(floor=datetime.now(UTC) + YEAR).report().source == "none", "a battery that died is not believed"


def test_a_kernel_that_may_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden() -> Discipline:
        raise PermissionError(1, "no")

    monkeypatch.setattr(kernel, "discipline", forbidden)
    monkeypatch.setattr(kernel, "set_by_rtc", lambda: False)
    assert not SystemClock("kernel").trusted
    assert SystemClock("assume").trusted


@pytest.mark.parametrize("trust", ["kernel", "assume"])
def test_time_never_runs_back_beyond_the_saved_instant_and_goes_on(undisciplined: None, trust) -> None:
    clock = SystemClock(trust)
    before = clock.now()
    floor = datetime.now(UTC) + YEAR
    clock.raise_floor(floor)
    clock.raise_floor(before)
    assert clock.now() >= floor
    assert not clock.trusted, "a clock behind what was seen is wrong, whoever vouches"
    assert YEAR - timedelta(minutes=1) < clock.behind <= YEAR
    first = clock.now()
    time.sleep(0.02)
    assert clock.now() > first, "time that stands still would end no override"


def test_a_saved_instant_in_the_far_future_does_not_stop_the_true_time(disciplined: None) -> None:
    clock = SystemClock(floor=datetime.now(UTC) + 50 * YEAR)
    assert clock.trusted
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_floor_in_the_past_changes_nothing(undisciplined: None) -> None:
    clock = SystemClock(floor=datetime.now(UTC) - YEAR)
    assert clock.behind == timedelta()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


class Wall:
    """The system's clock, which somebody can step."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


class Bench:
    def __init__(self) -> None:
        self.wall = Wall()
        self.steps: list[float] = []
        self.rang: list[str] = []
        self.scheduler = Scheduler(self.steps.append, self.wall.now)

    def at(self, name: str, seconds: float, label: str | None = None) -> None:
        async def ring() -> None:
            self.rang.append(label or name)

        self.scheduler.at(name, self.wall.now() + timedelta(seconds=seconds), ring)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    task = asyncio.create_task(made.scheduler.run())
    await asyncio.sleep(0)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_alarms_ring_once_in_their_order(bench: Bench) -> None:
    for name, seconds in (("c", 0.15), ("a", -5), ("b", 0.05)):
        bench.at(name, seconds)
    await until(lambda: len(bench.rang) == 3)
    await asyncio.sleep(0.1)
    assert bench.rang == ["a", "b", "c"]


async def test_the_same_name_replaces_and_a_cancelled_one_is_silent(bench: Bench) -> None:
    bench.at("a", 0.02, "old")
    bench.at("a", 0.1, "new")
    bench.at("b", 0.05)
    bench.scheduler.cancel("b")
    bench.scheduler.cancel("never")
    bench.at("c", 0.15)
    await until(lambda: "c" in bench.rang)
    assert bench.rang == ["new", "c"]


async def test_an_earlier_alarm_does_not_wait_for_a_later_one(bench: Bench) -> None:
    bench.at("late", 3600)
    bench.at("soon", 0.05)
    await until(lambda: bench.rang == ["soon"])


async def test_a_failing_alarm_harms_no_other_and_one_may_set_itself_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError("alarm")

    async def again() -> None:
        bench.rang.append("again")
        if len(bench.rang) < 3:
            bench.scheduler.at("again", bench.wall.now(), again)

    bench.scheduler.at("broken", bench.wall.now(), broken)
    bench.scheduler.at("again", bench.wall.now(), again)
    await until(lambda: bench.rang == ["again"] * 3)
    assert "alarm broken failed" in caplog.text


async def test_a_slow_alarm_does_not_hold_up_others(bench: Bench) -> None:
    async def slow() -> None:
        await asyncio.sleep(3600)

    bench.scheduler.at("slow", bench.wall.now(), slow)
    bench.at("other", 0.05)
    await until(lambda: bench.rang == ["other"])


async def test_a_step_forward_rings_what_was_passed_over(bench: Bench) -> None:
    bench.at("in an hour", 3600)
    bench.at("in a day", 86_400)
    await asyncio.sleep(0.05)
    bench.wall.offset += timedelta(hours=2)
    await until(lambda: bench.rang == ["in an hour"])
    assert len(bench.steps) == 1 and abs(bench.steps[0] - 7200) < 1


async def test_a_step_back_waits_for_the_wall_clock(bench: Bench) -> None:
    bench.at("soon", 0.3)
    bench.wall.offset -= timedelta(hours=1)
    await until(lambda: bench.steps)
    assert bench.rang == []
    bench.wall.offset += timedelta(hours=1)
    await until(lambda: bench.rang == ["soon"])
    assert len(bench.steps) == 2


async def test_begun_again_after_a_failure_it_remembers_its_alarms() -> None:
    bench = Bench()
    bench.at("early", 0.0)
    bench.at("late", 0.3)
    for _ in range(2):
        task = asyncio.create_task(bench.scheduler.run())
        await until(lambda: "early" in bench.rang)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task = asyncio.create_task(bench.scheduler.run())
    await until(lambda: bench.rang == ["early", "late"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_simulated_time_rings_and_wakes_in_order() -> None:
    clock, seen = SimulatedClock(START), list[tuple[str, float]]()

    async def sleeper() -> None:
        for _ in range(3):
            await clock.sleep(25)
            seen.append(("slept", clock.monotonic()))

    async def ring() -> None:
        seen.append(("rang", clock.monotonic()))

    task = asyncio.create_task(sleeper())
    clock.at("a", START + timedelta(seconds=60), ring)
    clock.at("b", START - timedelta(seconds=60), ring)
    clock.at("c", START + timedelta(seconds=70), ring)
    clock.cancel("c")
    await clock.advance(timedelta(seconds=90))
    await task
    assert seen == [("rang", 0), ("slept", 25), ("slept", 50), ("rang", 60), ("slept", 75)]
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=90), 90)


async def test_simulated_steps_move_only_the_wall_clock() -> None:
    clock, seen = SimulatedClock(START), list[datetime]()

    async def ring() -> None:
        seen.append(clock.now())

    clock.at("a", START + timedelta(minutes=30), ring)
    clock.step(timedelta(hours=1))
    assert clock.monotonic() == 0
    await clock.advance(timedelta())
    assert seen == [START + timedelta(hours=1)]

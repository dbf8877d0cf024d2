"""A part that fails is told and started again with patience, and stops no other."""

import asyncio
from datetime import timedelta

import pytest
from core_rig import START

from edge_agent.clock import SimulatedClock
from edge_agent.contract.errors import Fault
from edge_agent.supervisor import Supervisor

HOUR = timedelta(hours=1)


class Service:
    """Fails as often as it is told to, then runs."""

    def __init__(self, clock: SimulatedClock, *ends: BaseException | None, lasts: float = 0) -> None:
        self.clock = clock
        self.ends = list(ends)
        self.lasts = lasts
        self.begun: list[float] = []

    async def run(self) -> None:
        self.begun.append(self.clock.monotonic())
        if self.lasts:
            await self.clock.sleep(self.lasts)
        if self.ends:
            end = self.ends.pop(0)
            if end is not None:
                raise end
            return
        await asyncio.Event().wait()


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


async def test_a_failing_service_is_begun_again_and_told(clock: SimulatedClock) -> None:
    told: list[tuple[str, Fault | None]] = []
    supervisor = Supervisor(clock, lambda name, fault: told.append((name, fault)))
    bad = Service(clock, RuntimeError("x"), None, asyncio.CancelledError(), OSError(5, "I/O"))
    good = Service(clock)
    supervisor.start("bad", bad.run)
    supervisor.start("good", good.run)
    await clock.advance(HOUR)
    assert len(bad.begun) == 5 and len(good.begun) == 1
    assert [fault.code if fault else None for name, fault in told] == ["service.failed"] * 4 + [None]
    first = told[0][1]
    assert first is not None and first.params == {"name": "bad", "detail": "RuntimeError: x"}
    assert told[1][1] is not None and "ended by itself" in told[1][1].en
    await supervisor.stop()


async def test_it_waits_longer_and_longer_but_not_for_ever(clock: SimulatedClock) -> None:
    supervisor = Supervisor(clock, lambda _name, _fault: None)
    bad = Service(clock, *[RuntimeError("x")] * 1000)
    supervisor.start("bad", bad.run)
    await clock.advance(HOUR)
    waits = [later - before for before, later in zip(bad.begun, bad.begun[1:], strict=False)]
    assert all(0.099 <= wait <= 60.001 for wait in waits)
    assert max(waits[:3]) <= 4 and 50 < len(waits) < 300
    await supervisor.stop()


async def test_it_is_well_only_after_half_a_minute(clock: SimulatedClock) -> None:
    told: list[Fault | None] = []
    supervisor = Supervisor(clock, lambda _name, fault: told.append(fault))
    flapping = Service(clock, *[RuntimeError("x")] * 5, lasts=20)
    supervisor.start("flapping", flapping.run)
    while len(told) < 5:
        await clock.advance(timedelta(seconds=10))
    assert None not in told
    await clock.advance(timedelta(minutes=5))
    assert told[-1] is None and len(told) == 6
    await supervisor.stop()


async def test_who_listens_badly_does_not_end_the_service(clock: SimulatedClock) -> None:
    def broken(_name: str, _fault: Fault | None) -> None:
        raise RuntimeError("listener")

    supervisor = Supervisor(clock, broken)
    bad = Service(clock, RuntimeError("x"))
    supervisor.start("bad", bad.run)
    await clock.advance(HOUR)
    assert len(bad.begun) == 2
    await supervisor.stop()


async def test_the_end_is_in_reverse_and_waits_for_each(clock: SimulatedClock) -> None:
    ended: list[str] = []

    def service(name: str):
        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                ended.append(name)

        return run

    supervisor = Supervisor(clock, lambda _name, _fault: None)
    for name in ("first", "second", "third"):
        supervisor.start(name, service(name))
    await asyncio.sleep(0)
    await supervisor.stop()
    assert ended == ["third", "second", "first"]
    await supervisor.stop()


async def test_a_service_that_will_not_end_is_given_up(
    clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge_agent.supervisor._END_LIMIT_S", 0.05)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor = Supervisor(clock, lambda _name, _fault: None)
    supervisor.start("stubborn", stubborn)
    await asyncio.sleep(0)
    await supervisor.stop()
    assert "stubborn did not end" in caplog.text
    release.set()
    await asyncio.sleep(0.01)

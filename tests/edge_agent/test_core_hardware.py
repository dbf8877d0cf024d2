"""Drivers are foreign code: one that cannot load, open, answer or close stops no other, and comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from core_rig import START
from pydantic import BaseModel

from drivers import registry
from drivers.contract import Check, DriverFault
from edge_agent import hardware as module
from edge_agent.clock import SimulatedClock
from edge_agent.config.model import Driver
from edge_agent.contract.reports import DriverState
from edge_agent.hardware import Hardware


class Odd:
    """A driver whose behaviour tests choose: what each of its steps does, by name."""

    class Config(BaseModel):
        port: int = 1

    does: ClassVar[dict[str, Any]] = {}
    steps: ClassVar[list[str]] = []

    def __init__(self, config: Any, context: Any) -> None:
        self._step("init")

    async def check(self) -> Check:
        await self._act("check")
        return self.does.get("verdict", Check(ok=True))

    def capabilities(self) -> list[Any]:
        return []

    async def __aenter__(self) -> Self:
        await self._act("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._act("close")

    async def switch(self, line: str, on: bool) -> None: ...

    async def read(self, line: str) -> bool:
        return True

    def _step(self, name: str) -> None:
        self.steps.append(name)
        what = self.does.get(name)
        if isinstance(what, BaseException):
            raise what

    async def _act(self, name: str) -> None:
        self._step(name)
        if self.does.get(name) == "hang":
            await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> type[Odd]:
    real = registry.load
    monkeypatch.setattr(registry, "load", lambda name: Odd if name == "odd" else real(name))
    monkeypatch.setattr(Odd, "does", {})
    monkeypatch.setattr(Odd, "steps", [])
    monkeypatch.setattr(module, "_OPEN_LIMIT_S", 0.05)
    monkeypatch.setattr(module, "_CLOSE_LIMIT_S", 0.05)
    return Odd


GOOD = Driver.model_validate({"id": "good", "driver": "simulated-relay", "lines": {"1": {}}})


class Rig:
    def __init__(self, folder: Path, *entries: Driver) -> None:
        self.clock = SimulatedClock(START)
        self.posts: list[DriverState] = []
        self.hardware = Hardware(entries, self.clock, folder, post=self.posts.append)

    def state(self, name: str = "odd") -> DriverState:
        return [post for post in self.posts if post.id == name][-1]

    def code(self, name: str = "odd") -> str | None:
        fault = self.state(name).fault
        return fault.code if fault else None


@asynccontextmanager
async def opened(folder: Path, *entries: Driver) -> AsyncIterator[Rig]:
    rig = Rig(folder, *(entries or (Driver(id="odd", driver="odd"), GOOD)))
    try:
        await rig.hardware.start(0.3)
        yield rig
    finally:
        async with asyncio.timeout(5):
            await rig.hardware.stop()


async def test_good_drivers_are_open_after_the_start_and_closed_at_the_end(tmp_path: Path, odd: type[Odd]) -> None:
    async with opened(tmp_path) as rig:
        assert rig.hardware.lines("good") is not None and rig.hardware.lines("odd") is not None
        assert rig.hardware.speaker("good") is None and rig.hardware.lines("none") is None
        assert [rig.state(name).actual for name in ("odd", "good")] == ["ok", "ok"]
        assert (tmp_path / "good").is_dir()
    assert odd.steps == ["init", "check", "open", "close"]
    assert rig.hardware.lines("odd") is None


@pytest.mark.parametrize("step", ["init", "check", "open"])
@pytest.mark.parametrize(
    ("what", "code"),
    [
        (RuntimeError("foreign"), "driver.failed"),
        (DriverFault("driver.no_device", "no /dev/x"), "driver.no_device"),
        (DriverFault("acme.unknown_code", "something of theirs"), "acme.unknown_code"),
        (KeyError("x"), "driver.failed"),
        (SystemExit(3), "driver.failed"),
        (asyncio.CancelledError(), "driver.failed"),
    ],
    ids=repr,
)
async def test_whatever_a_driver_raises_stops_no_other_and_it_comes_back(
    tmp_path: Path, odd: type[Odd], step: str, what: BaseException, code: str
) -> None:
    odd.does[step] = what
    changes: list[str] = []
    async with opened(tmp_path) as rig:
        rig.hardware.on_change = changes.append
        assert (rig.state().actual, rig.code()) == ("faulty", code)
        fault = rig.state().fault
        assert fault is not None and fault.vi and (code != "acme.unknown_code" or "of theirs" in fault.vi)
        assert rig.hardware.lines("odd") is None and rig.hardware.lines("good") is not None
        await rig.clock.advance(timedelta(minutes=5))
        assert len(rig.posts) == 2, "the same fault is not said again and again"
        odd.does.clear()
        await rig.clock.advance(timedelta(minutes=2))
        assert (rig.state().actual, rig.code()) == ("ok", None)
        assert rig.hardware.lines("odd") is not None and changes == ["odd"]


@pytest.mark.parametrize("step", ["check", "open"])
async def test_a_driver_that_hangs_holds_nobody_up(tmp_path: Path, odd: type[Odd], step: str) -> None:
    odd.does[step] = "hang"
    async with opened(tmp_path) as rig:
        assert rig.code() == "driver.io"
        assert rig.hardware.lines("good") is not None


async def test_a_check_that_says_no(tmp_path: Path, odd: type[Odd]) -> None:
    odd.does["verdict"] = Check(ok=False, code="driver.no_permission", detail="join the group gpio")
    async with opened(tmp_path) as rig:
        assert rig.code() == "driver.no_permission"
        odd.does["verdict"] = None  # not even a verdict
        await rig.clock.advance(timedelta(minutes=2))
        assert rig.code() == "driver.failed"
        odd.does.clear()
        await rig.clock.advance(timedelta(minutes=2))
        assert rig.state().actual == "ok"
        odd.does["verdict"] = Check(ok=False, code="driver.no_device", detail="unplugged")
        await rig.clock.advance(timedelta(minutes=2))
        assert rig.code() == "driver.no_device"
        assert rig.hardware.lines("odd") is not None, "it stays open: the device may come back"


async def test_a_driver_that_stops_answering_is_opened_anew(tmp_path: Path, odd: type[Odd]) -> None:
    async with opened(tmp_path) as rig:
        odd.does["check"] = "hang"
        await rig.clock.advance(timedelta(seconds=31))
        await asyncio.sleep(0.2)
        await rig.clock.advance(timedelta())
        assert rig.code() == "driver.io"
        assert rig.hardware.lines("odd") is None
        odd.does.clear()
        await rig.clock.advance(timedelta(minutes=2))
        assert rig.state().actual == "ok"


@pytest.mark.parametrize("what", [RuntimeError("close"), "hang"], ids=repr)
async def test_a_driver_that_does_not_close_does_not_hold_up_the_end(tmp_path: Path, odd: type[Odd], what: Any) -> None:
    odd.does["close"] = what
    async with opened(tmp_path):
        pass
    assert odd.steps[-1] == "close"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"driver": "no-such-driver"}, "driver.unknown"),
        ({"driver": "odd", "port": "many"}, "driver.bad_config"),
        ({"driver": "simulated-relay"}, "driver.bad_config"),
    ],
    ids=str,
)
async def test_a_driver_that_cannot_be_made(tmp_path: Path, entry: dict[str, Any], code: str) -> None:
    async with opened(tmp_path, Driver.model_validate({"id": "odd", **entry}), GOOD) as rig:
        assert rig.code() == code
        assert rig.hardware.lines("good") is not None


async def test_a_folder_that_cannot_be_made_is_that_drivers_fault(tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("in the way")
    async with opened(tmp_path) as rig:
        assert rig.code() == "driver.failed"
        assert rig.hardware.lines("good") is not None

"""The lines behind things: set, read back, each with a limit of time, and whatever a driver raises contained."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from drivers.contract import Dimmable, DriverFault, Switchable
from edge_agent.contract.errors import Fault

log = logging.getLogger(__name__)
LIMIT_S = 5.0
"""A line that takes longer does not answer."""
_EXACT = 2.0
"""Per cent that a dimmed line may differ from what it was told: drivers count in coarse steps."""

Drivers = Callable[[str], Switchable | None]


class Outcome(NamedTuple):
    """What a line is (per cent; None: unknown), why it does not answer, and whether it did not follow."""

    level: float | None
    fault: Fault | None = None
    stuck: bool = False


_WORDS = {"driver.unclaimed": Outcome(None), "driver.stuck": Outcome(None, stuck=True)}
"""What a driver raises that is no fault of the line."""


def follows(level: float | None, goal: float) -> bool:
    """Whether a line is as it was told."""
    if level is None or (level > 0) is not (goal > 0):
        return False
    return abs(level - goal) <= _EXACT


class Line:
    """The line of one thing."""

    def __init__(self, line: str, drivers: Drivers, *, dimmable: bool) -> None:
        """`line` is driver id / name; `drivers` gives the open driver of an id, or None."""
        self._dimmable = dimmable
        self._drivers = drivers
        self.driver, _, self.name = line.partition("/")

    async def read(self) -> Outcome:
        """What it is; of a line that nobody has switched yet the level is None, without a fault."""
        return await self._ask(self._read)

    async def set(self, goal: float) -> Outcome:
        """Set it and read it back."""

        async def work(driver: Switchable) -> float:
            if self._dimmable and isinstance(driver, Dimmable):
                await driver.dim(self.name, goal)
            else:
                await driver.switch(self.name, goal > 0)
            return await self._read(driver)

        outcome = await self._ask(work)
        if outcome.stuck and self._dimmable:  # it may have stayed at any level
            found = await self.read()
            return found if found.fault is not None else found._replace(stuck=True)
        if outcome.stuck:
            return outcome._replace(level=0.0 if goal > 0 else 100.0)  # the driver looked: it stayed as it was
        if outcome.level is not None and not follows(outcome.level, goal if self._dimmable else 100.0 * (goal > 0)):
            return outcome._replace(stuck=True)
        return outcome

    async def _read(self, driver: Switchable) -> float:
        if self._dimmable and isinstance(driver, Dimmable):
            return await driver.level(self.name)
        return 100.0 if await driver.read(self.name) else 0.0

    async def _ask(self, work: Callable[[Switchable], Awaitable[float]]) -> Outcome:
        driver = self._drivers(self.driver)
        if driver is None:
            return _silent("driver.closed", f"driver {self.driver} is not working")
        try:
            async with asyncio.timeout(LIMIT_S):
                return Outcome(await work(driver))
        except DriverFault as fault:
            return _WORDS.get(fault.code) or _silent(fault.code, fault.detail)
        except TimeoutError:
            return _silent("driver.silent", f"no answer within {LIMIT_S:g} s")
        except Exception as error:  # a driver is foreign code: it must not stop the other things
            log.exception("driver %s failed", self.driver)
            return _silent("driver.failed", f"{type(error).__name__}: {error}"[:200])


def _silent(code: str, detail: str) -> Outcome:
    return Outcome(None, Fault.of(code, detail=detail))

"""The node's drivers: found, checked, opened; one that fails is told and tried again, and stops nothing else."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from drivers import registry
from drivers.contract import Driver as DriverInterface
from drivers.contract import DriverContext, DriverFault, Measuring, Microphone, Speaker, Switchable, Watching
from edge_agent import calibration
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.config.model import Driver
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import DriverState

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 30
_OPEN_LIMIT_S = 15
_CLOSE_LIMIT_S = 5


def make(entry: Driver, clock: Clock, folder: Path) -> DriverInterface:
    """Load a driver and give it its settings. Raises DriverFault."""
    kind = registry.load(entry.driver)
    try:
        given = calibration.applied(entry.settings(), kind.Config, folder / entry.id)
        settings = kind.Config.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DriverFault("driver.bad_config", f"{where}: {first['msg']}") from error
    directory = folder / entry.id
    directory.mkdir(parents=True, exist_ok=True)
    return kind(settings, DriverContext(entry.id, clock, logging.getLogger(f"driver.{entry.id}"), directory))


class Hardware:
    """All drivers of the node, each kept open by a task of its own."""

    def __init__(
        self, entries: Sequence[Driver], clock: Clock, folder: Path, *, post: Callable[[DriverState], None]
    ) -> None:
        """`post` publishes a driver's state; `folder` holds one folder a driver."""
        self._entries = {entry.id: entry for entry in entries}
        self._clock = clock
        self._folder = folder
        self._post = post
        self._open: dict[str, DriverInterface] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._tried: dict[str, asyncio.Event] = {entry.id: asyncio.Event() for entry in entries}
        self.states: dict[str, DriverState] = {}
        self.on_change: Callable[[str], None] = lambda _name: None

    async def start(self, settle_s: float = 2.0, trying: Callable[[str | None], None] | None = None) -> None:
        """Open all drivers; waits until each was tried once, a slow one no longer than `settle_s`.

        With `trying`, one after the other: it hears of each before, and None when all were tried.
        """
        for name in self._entries:
            if trying is not None:
                trying(name)
            self._tasks.append(asyncio.create_task(self._keep(name), name=f"driver-{name}"))
            if trying is not None:
                await _within(self._tried[name], settle_s)
        if trying is not None:
            trying(None)
        await asyncio.gather(*(_within(event, settle_s) for event in self._tried.values()))

    async def stop(self) -> None:
        """Close all drivers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reopen(self, name: str) -> None:
        """Close a driver and open it with the settings of now; whoever uses it is disturbed."""
        place = list(self._entries).index(name)
        self._tasks[place].cancel()
        await asyncio.gather(self._tasks[place], return_exceptions=True)
        self._tried[name].clear()
        self._tasks[place] = asyncio.create_task(self._keep(name), name=f"driver-{name}")
        await _within(self._tried[name], _OPEN_LIMIT_S)

    @property
    def names(self) -> tuple[str, ...]:
        """All drivers of the configuration."""
        return tuple(self._entries)

    def lines(self, name: str) -> Switchable | None:
        """The open relay driver of that name, or None."""
        driver = self._open.get(name)
        return driver if isinstance(driver, Switchable) else None

    def measuring(self, name: str) -> Measuring | None:
        """The open driver of that name that measures, or None."""
        driver = self._open.get(name)
        return driver if isinstance(driver, Measuring) else None

    def watching(self, name: str) -> Watching | None:
        """The open driver of that name that tells changes by itself, or None."""
        driver = self._open.get(name)
        return driver if isinstance(driver, Watching) else None

    def speaker(self, name: str) -> Speaker | None:
        """The open speaker driver of that name, or None."""
        driver = self._open.get(name)
        return driver if isinstance(driver, Speaker) else None

    def microphone(self, name: str) -> Microphone | None:
        """The open microphone driver of that name, or None."""
        driver = self._open.get(name)
        return driver if isinstance(driver, Microphone) else None

    async def _keep(self, name: str) -> None:
        backoff = Backoff()
        while True:
            began = self._clock.monotonic()
            try:
                await self._serve(name)
            except DriverFault as fault:
                self._say(name, Fault.of(fault.code, detail=fault.detail, driver=self._entries[name].driver, guess="-"))
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                log.exception("driver %s was cancelled by something inside it", name)
                self._say(name, Fault.of("driver.failed", detail="cancelled from inside"))
            except (Exception, SystemExit) as error:  # a driver is foreign code: whatever it raises is its own fault
                log.exception("driver %s failed", name)
                self._say(name, Fault.of("driver.failed", detail=f"{type(error).__name__}: {error}"[:200]))
            self._tried[name].set()
            await self._clock.sleep(backoff.after(self._clock.monotonic() - began))

    async def _serve(self, name: str) -> None:
        """Open the driver and watch it. Raises when it cannot work."""
        driver = make(self._entries[name], self._clock, self._folder)
        try:
            async with asyncio.timeout(_OPEN_LIMIT_S):
                check = await driver.check()
                if not check.ok:
                    raise DriverFault(check.code, check.detail, retry=True)
                await driver.__aenter__()
        except TimeoutError as error:
            raise DriverFault("driver.io", f"no answer within {_OPEN_LIMIT_S} s", retry=True) from error
        try:
            self._open[name] = driver
            self._say(name, None)
            self._tried[name].set()
            await self._watch(name, driver)
        finally:
            self._open.pop(name, None)
            await self._close(name, driver)

    async def _close(self, name: str, driver: DriverInterface) -> None:
        try:
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await driver.__aexit__(None, None, None)
        except Exception:  # it is given up anyhow; why it was matters more
            log.exception("driver %s did not close", name)

    async def _watch(self, name: str, driver: DriverInterface) -> None:
        """Look again and again whether it could still work; a bad word is shown, and it stays open."""
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            try:
                async with asyncio.timeout(_OPEN_LIMIT_S):
                    check = await driver.check()
            except TimeoutError as error:
                raise DriverFault("driver.io", f"no answer within {_OPEN_LIMIT_S} s", retry=True) from error
            self._say(name, None if check.ok else Fault.of(check.code, detail=check.detail))

    def _say(self, name: str, fault: Fault | None) -> None:
        entry = self._entries[name]
        actual = "faulty" if fault else "ok"
        before = self.states.get(name)
        if before is not None and before.actual == actual and before.fault == fault:
            return
        state = DriverState(id=name, at=self._clock.now(), actual=actual, driver=entry.driver, fault=fault)
        self.states[name] = state
        if fault is not None:
            log.warning("driver %s: %s", name, fault.en)
        self._post(state)
        self.on_change(name)


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return

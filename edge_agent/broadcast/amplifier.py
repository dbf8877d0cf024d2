"""The relay of an amplifier: on only around sound, so that an idle speaker cannot hiss."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from drivers.contract import DriverFault, Switchable
from edge_agent.clock import Clock
from edge_agent.config.model import Amplifier as Settings
from edge_agent.contract.errors import Fault

log = logging.getLogger(__name__)
_LIMIT_S = 2.0


class Amplifier:
    """One relay line; speakers that share it share this. A relay that fails is told and stops no sound."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        lines: Callable[[str], Switchable | None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`lines` gives an open relay driver; `changed` hears that `on` or `fault` is another one."""
        self._settings = settings
        self._clock = clock
        self._lines = lines
        self.changed = changed
        self._users: set[object] = set()
        self._switching = asyncio.Lock()
        self._hold: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted = False
        self._warm_at = 0.0
        self.on: bool | None = None
        """As it was switched; None: not known."""
        self.fault: Fault | None = None

    @property
    def warm_up_s(self) -> float:
        """Seconds from switching on to the first sound."""
        return self._settings.warm_up_s

    @property
    def cold_s(self) -> float:
        """Seconds until it is warm; the whole warm-up while it is off."""
        if not self._wanted:
            return self.warm_up_s
        return max(0.0, self._warm_at - self._clock.monotonic())

    def acquire(self, user: object) -> None:
        """On, for as long as anybody uses it."""
        self._users.add(user)
        self._drop_hold()
        if not self._wanted:
            self._wanted = True
            self._warm_at = self._clock.monotonic() + self.warm_up_s
            self._spawn(self.refresh())

    def release(self, user: object) -> None:
        """The last one to leave switches it off, `hold_s` later."""
        if user not in self._users:
            return
        self._users.discard(user)
        if not self._users and self._hold is None:
            self._hold = self._spawn(self._off_later())

    async def refresh(self) -> None:
        """Switch the line as it should be: at the start (off), and when its driver is back. Never raises."""
        async with self._switching:
            wanted = self._wanted
            fault = await self._switch(wanted)
            on = wanted if fault is None else None
            news = (on, fault) != (self.on, self.fault)
            self.on, self.fault = on, fault
        if news:
            self.changed()

    async def stop(self) -> None:
        """Off, at the end of the agent."""
        self._users.clear()
        self._wanted = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.refresh()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name="amplifier")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _drop_hold(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.cancel()

    async def _off_later(self) -> None:
        await self._clock.sleep(self._settings.hold_s)
        self._hold = None  # from here on it is not to be cancelled half-way
        if not self._users:
            self._wanted = False
            await self.refresh()

    async def _switch(self, on: bool) -> Fault | None:
        driver, _, line = self._settings.line.partition("/")
        lines = self._lines(driver)
        if lines is None:
            return Fault.of("speaker.amplifier", line=self._settings.line, detail=f"driver {driver} is not working")
        try:
            async with asyncio.timeout(_LIMIT_S):
                await lines.switch(line, on)
        except DriverFault as fault:
            detail = f"{fault.code}: {fault.detail}"
        except TimeoutError:
            detail = f"no answer within {_LIMIT_S:g} s"
        except Exception as error:  # a driver is foreign code: whatever it raises is its own fault
            log.exception("the amplifier's relay %s failed", self._settings.line)
            detail = f"{type(error).__name__}: {error}"[:200]
        else:
            return None
        log.warning("the amplifier's relay %s does not switch: %s", self._settings.line, detail)
        return Fault.of("speaker.amplifier", line=self._settings.line, detail=detail)

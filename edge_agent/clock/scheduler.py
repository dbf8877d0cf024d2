"""Alarms by APScheduler. It only wakes; what is due is decided from our own tables, so nothing is pickled."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)
_STEP_S = 0.5
"""A jump of the wall clock against the monotonic clock by more than this is a step, not NTP's slewing."""


class Scheduler:
    """Alarms on the wall clock that notice when somebody steps it.

    Many alarms share one job of APScheduler, armed for the earliest: setting an alarm costs next to nothing.
    """

    def __init__(self, on_step: Callable[[float], None], now: Callable[[], datetime] | None = None) -> None:
        """`on_step` is told by how many seconds the wall clock jumped; `now` is that clock (the system's)."""
        self._on_step = on_step
        self._now = now or _system_time
        self._alarms: dict[str, tuple[datetime, Callable[[], Awaitable[None]]]] = {}
        self._armed: datetime | None = None
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._ringing: set[asyncio.Task[None]] = set()
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def at(self, name: str, instant: datetime, call: Callable[[], Awaitable[None]]) -> None:
        self._alarms[name] = (instant, call)
        if self._armed is None or instant < self._armed:
            self._arm(instant)

    def cancel(self, name: str) -> None:
        self._alarms.pop(name, None)  # the job rings once in vain

    def _arm(self, instant: datetime) -> None:
        self._armed = instant
        self._scheduler.add_job(
            self._ring,
            "date",
            run_date=datetime.now(UTC) + (instant - self._now()),  # APScheduler only knows the system's clock
            id="next",
            replace_existing=True,
            misfire_grace_time=None,  # late is decided by who is called
        )

    async def _ring(self) -> None:
        now = self._now()
        self._armed = None
        due = sorted((instant, name) for name, (instant, _) in self._alarms.items() if instant <= now)
        for _, name in due:
            call = self._alarms.pop(name)[1]
            task = asyncio.create_task(_guarded(name, call), name=f"alarm-{name}")
            self._ringing.add(task)
            task.add_done_callback(self._ringing.discard)
        self._arm_earliest()

    def _arm_earliest(self) -> None:
        if self._alarms:
            self._arm(min(instant for instant, _ in self._alarms.values()))

    async def run(self) -> None:
        """Run until cancelled; looks for a stepped clock once a second."""
        self._scheduler.start()
        self._arm_earliest()  # after a failure this is begun again, and APScheduler has forgotten everything
        try:
            offset = self._now().timestamp() - time.monotonic()
            while True:
                await asyncio.sleep(1)
                moved = (self._now().timestamp() - time.monotonic()) - offset
                if abs(moved) > _STEP_S:
                    offset += moved
                    log.warning("the wall clock stepped by %.1f s", moved)
                    self._on_step(moved)
                    self._arm_earliest()
        finally:
            self._scheduler.shutdown(wait=False)


def _system_time() -> datetime:
    return datetime.now(UTC)


async def _guarded(name: str, call: Callable[[], Awaitable[None]]) -> None:
    try:
        await call()
    except Exception:  # the alarm's owner reports; one bad alarm must not end the others
        log.exception("alarm %s failed", name)

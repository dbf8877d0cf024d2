"""Alarms by APScheduler. It only wakes; what is due is decided from our own tables, so nothing is pickled."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)
_STEP_S = 0.5
"""A jump of the wall clock against the monotonic clock by more than this is a step, not NTP's slewing."""


class Scheduler:
    """Alarms on the wall clock that notice when somebody steps it."""

    def __init__(self, on_step: Callable[[float], None]) -> None:
        """`on_step` is told by how many seconds the wall clock jumped."""
        self._on_step = on_step
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def at(self, name: str, instant: datetime, call: Callable[[], Awaitable[None]]) -> None:
        self._scheduler.add_job(
            _guarded,
            "date",
            run_date=instant,
            args=(name, call),
            id=name,
            replace_existing=True,
            misfire_grace_time=None,  # late is decided by who is called
            max_instances=2,
        )

    def cancel(self, name: str) -> None:
        try:
            self._scheduler.remove_job(name)
        except JobLookupError:
            return

    async def run(self) -> None:
        """Run until cancelled; looks for a stepped clock once a second."""
        self._scheduler.start()
        try:
            offset = time.time() - time.monotonic()
            while True:
                await asyncio.sleep(1)
                moved = (time.time() - time.monotonic()) - offset
                if abs(moved) > _STEP_S:
                    offset += moved
                    log.warning("the wall clock stepped by %.1f s", moved)
                    self._on_step(moved)
                    self._scheduler.wakeup()
        finally:
            self._scheduler.shutdown(wait=False)


async def _guarded(name: str, call: Callable[[], Awaitable[None]]) -> None:
    try:
        await call()
    except Exception:  # the alarm's owner reports; one bad alarm must not end the others
        log.exception("alarm %s failed", name)

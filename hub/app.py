"""The hub as one object: its core, the desks behind the pages, the pages; started and stopped together."""

import asyncio
import contextlib
import logging
from pathlib import Path

from hub.clock import Clock, SystemClock
from hub.config import HubConfig
from hub.core import Core
from hub.desks import Desks
from hub.site import Site
from hub.supervise import supervise

logger = logging.getLogger(__name__)

VENDOR = Path(__file__).parent / "static" / "vendor" / "htmx.min.js"


class Hub:
    """All parts. `async with` starts and stops them; `app` serves people and nodes over HTTP."""

    def __init__(self, config: HubConfig, clock: Clock | None = None) -> None:
        """Raises ConfigError when a key or a token file cannot be used."""
        self._core = core = Core(config, clock or SystemClock())
        self._desks = desks = Desks(core)
        self._site = site = Site(core, desks)
        self.app = site.app
        self.proxies = tuple(map(str, config.listen.proxies))
        self._tasks: list[asyncio.Task[None]] = []

        self.store, self.registry, self.ledger, self.media = core.store, core.registry, core.ledger, core.media
        self.people, self.accounts, self.sessions = core.people, core.accounts, core.sessions
        self.areas, self.audit, self.door = core.areas, core.audit, core.door
        self.notice, self.feed, self.link, self.signer = core.notice, core.feed, core.link, core.signer
        self.commands, self.inbox, self.attendance = core.commands, core.inbox, core.attendance
        self.hub_clock, self.voice, self.public_cameras = core.hub_clock, core.voice, core.public_cameras
        self.alerts, self.bulletins, self.notify = desks.alerts, desks.bulletins, desks.notify
        self.live, self.watching, self.lookback = site.live, site.watching, site.lookback
        self.air, self.residents = site.air, site.residents
        self.enrolment = core.enrolment

    async def __aenter__(self) -> "Hub":
        """Open the files, begin to connect. Raises OSError, SQLAlchemyError."""
        await asyncio.to_thread(self._core.config.data.mkdir, mode=0o700, parents=True, exist_ok=True)
        if not VENDOR.exists():
            logger.warning(
                "the page's scripts are missing, so it will not be live; "
                "get them by: npm ci --prefix hub && npm run --prefix hub vendor"
            )
        await self._core.start()
        await self._desks.load()
        await self._site.load()
        await self.voice.__aenter__()
        runs = (*self._core.runs(), *self._desks.runs(), *self._site.runs())
        self._tasks = [asyncio.create_task(supervise(name, run), name=name) for name, run in runs]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect, write what waits."""
        self.close_pages()
        await self._site.stop()
        await self._desks.writing.stop()
        await self.voice.__aexit__(None, None, None)
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.stop()

    def close_pages(self) -> None:
        """End everything that a page is waiting for: live streams, answers of nodes."""
        self._core.close()

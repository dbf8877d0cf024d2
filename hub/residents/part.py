"""The residents' part of the hub: what it is made of, what runs, which addresses it has."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import BaseRoute

from hub.air.emergency import Emergencies
from hub.bulletins.desk import Bulletins
from hub.bulletins.scope import Scope
from hub.cameras.public import PublicCameras
from hub.media_http import MediaRoutes
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door
from hub.residents.announcements import Announcements
from hub.residents.answering import Answering
from hub.residents.answers import Answers
from hub.residents.communes import Communes
from hub.residents.filing import Filing
from hub.residents.fresh import fresh
from hub.residents.guard import LOOKS, LOOKS_S, Often
from hub.residents.notice_pages import NoticePages
from hub.residents.notices import Notices
from hub.residents.noticing import Noticing
from hub.residents.places import Places
from hub.residents.poster_pages import PosterPages
from hub.residents.public import PublicPages
from hub.residents.receiving import Receiver
from hub.residents.reporting import Reporting
from hub.residents.reports import Reports
from hub.residents.settings import Residents
from hub.residents.site import Site
from hub.residents.sounding import Sounding
from hub.shown import Shown
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

CLEAN_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the hub that this one stands on."""

    store: Store
    shown: Shown
    areas: Areas
    audit: Audit
    desk: Bulletins
    emergencies: Emergencies
    cameras: PublicCameras
    folder: Path


class ResidentsPart:
    """`load` before, `run` while the hub runs; `routes` for the application."""

    def __init__(self, hub: Parts, settings: Residents, site: Site) -> None:
        self._hub = hub
        self._settings = settings
        self._site = site
        self.notices = Notices(hub.store, site.clock)
        self.reports = Reports(hub.store, hub.folder, site.clock)
        self.reports.on_change.append(hub.shown.notice.bump)
        self.told = fresh(self.reports, hub.areas)
        self.places = Places(hub.areas)
        self.communes = Communes(hub.areas, self.places, settings)
        self.answers = Answers(self.reports, self.places, hub.areas, hub.audit, hub.desk)
        self.noticing = Noticing(
            self.notices, self.places, hub.areas, hub.audit, hub.desk, site.clock, site.config.zone
        )
        scope = Scope(hub.areas)
        self.filing = Filing(self.reports, self.places, settings, site.clock)
        self.receiver = Receiver(hub.folder)
        self.posters = PosterPages(site, self.notices, self.places, hub.areas)
        self.looks = Often(site.clock, LOOKS, LOOKS_S)
        self.sounding = Sounding(hub.shown, hub.emergencies, hub.desk)
        self.announcements = Announcements(hub.store, hub.desk, scope, hub.shown.media, site.clock, site.zone)

    async def load(self) -> None:
        """Read what is kept. Raises SQLAlchemyError."""
        await self.notices.load()
        await self.reports.load()

    def routes(self, door: Door, media: MediaRoutes) -> list[BaseRoute]:
        """Each address is tried in this order. `media`: gives everybody the sounds that are on the page."""
        hub, site, settings = self._hub, self._site, self._settings
        if settings.public:
            media.public.append(self.announcements.is_public)
            site.renderer.offer_to_all("/xa")
        places = (self.places, self.communes)
        board = (self.announcements, self.notices, self.sounding)
        reports = (self.reports, self.looks)
        pages = PublicPages(site, hub.shown, board, reports, hub.cameras, places, settings.public)
        return [
            *Reporting(site, self.filing, places, self.receiver, pages).routes(door),
            *pages.routes(door),
            *NoticePages(site, self.noticing).routes(door),
            *self.posters.routes(door),
            *Answering(site, self.answers).routes(door),
        ]

    async def run(self) -> None:
        """Delete what is too old to be kept, until cancelled."""
        private, whole = timedelta(days=self._settings.private_days), timedelta(days=self._settings.keep_days)
        while True:
            try:
                await self.clean(private, whole)
            except (SQLAlchemyError, StoreFull, OSError) as error:
                logger.error("old reports of residents cannot be deleted: %s", error)
            await asyncio.sleep(CLEAN_S)

    async def clean(self, private: timedelta, whole: timedelta) -> None:
        """Photos and phone numbers, then whole reports. Raises SQLAlchemyError, StoreFull, OSError."""
        left = await self.reports.forget(private, whole)
        await asyncio.to_thread(_sweep, self.reports.folder, frozenset(left), self._site.clock.now().timestamp() - 3600)


def _sweep(folder: Path, left: Iterable[str], before: float) -> None:
    """Delete photos that belong to no report; not the newest: their reports may be on their way."""
    if not folder.is_dir():
        return
    for file in folder.glob("*.jpg"):
        with contextlib.suppress(FileNotFoundError):
            if file.name not in left and file.stat().st_mtime < before:
                file.unlink()

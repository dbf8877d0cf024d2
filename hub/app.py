"""Puts the hub together: one object per part, each given only what it needs."""

import asyncio
import contextlib
import logging
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from edge_agent.contract.records import Event, Sample
from edge_agent.contract.sentences import Language
from edge_agent.contract.signature import Signer
from hub.actions import Actions
from hub.air.desk import AirDesk
from hub.air.desk import Needs as AirNeeds
from hub.aired.keeping import AiredLog
from hub.aired.naming import Naming
from hub.aired.pages import AiredPages
from hub.alerts import part as notify
from hub.announcing import Announcing
from hub.api import app as api
from hub.api.parts import Parts
from hub.bulletins import part as bulletins
from hub.bulletins.hours import policy_of
from hub.bulletins.web import Web
from hub.cameras.live import LiveDesk
from hub.cameras.lookback import LookBack
from hub.cameras.lookback_rows import MovedLog
from hub.cameras.looks import Looks
from hub.cameras.overview import CameraOverview
from hub.cameras.page import CameraPages
from hub.cameras.public import PublicCameras
from hub.cameras.socket import LiveSocket
from hub.cameras.words import why_no_picture
from hub.cap import wiring
from hub.cap.intake import Intake, Stands
from hub.clock import Clock, SystemClock
from hub.commands import Commands
from hub.compressing import Compressing
from hub.config import MB, HubConfig
from hub.feed import Feed
from hub.followup import FollowUp
from hub.home.pages import HomePages
from hub.home.waiting import waiting
from hub.inbox import Inbox
from hub.keys import Tokens, signer
from hub.ledger import Ledger
from hub.link import Link, OnMessage
from hub.live import Live
from hub.media import MediaStore
from hub.media_http import MediaRoutes
from hub.monthly.attending import Attendance
from hub.monthly.counting import MonthLog, basis_of
from hub.monthly.pages import MonthlyPages
from hub.nodes.grounds import Grounds
from hub.nodes.map_pages import MapPages
from hub.nodes.pages import NodePages
from hub.notice import Notice
from hub.pages import Pages, language_of
from hub.people.areas import Areas
from hub.people.asked import Asked
from hub.people.door import Refused, WhoAsks, unguarded
from hub.people.house import House
from hub.people.refusing import Refusing
from hub.pictures import Pictures
from hub.presence import Presence
from hub.previews import Previews
from hub.readingdesk import ReadingDesk
from hub.records import Note
from hub.registry import Registry
from hub.render import Renderer, Shown
from hub.residents import part as residents
from hub.residents.site import Site as ResidentsSite
from hub.security import Guard
from hub.sentences import Speaker
from hub.store import Store
from hub.supervise import supervise
from hub.things.campaigns import Campaigns
from hub.things.pages import LightPages
from hub.toasts import Toasts
from hub.views import node_zone
from hub.voice import Voice
from hub.writing.wiring import Writing

logger = logging.getLogger(__name__)

VENDOR = Path(__file__).parent / "static" / "vendor" / "htmx.min.js"


class Hub:
    """All parts. `async with` starts and stops them; `app` serves people and nodes over HTTP."""

    def __init__(self, config: HubConfig, clock: Clock | None = None) -> None:
        """Raises ConfigError when a key or a token file cannot be used."""
        clock = clock or SystemClock()
        self.closing = asyncio.Event()
        self.notice = Notice()
        self._store = Store(config.database_address)
        self._presence = Presence(self._store)
        self.registry = Registry(self._presence, self.notice, clock, config.limits.nodes)
        self.areas = Areas(self.registry)
        self.people = House(self._store, clock, self.areas)
        self.accounts, self.sessions = self.people.accounts, self.people.sessions
        self.audit, self.door = self.people.audit, self.people.door
        months = MonthLog(config.zone, basis_of(self.registry), clock)
        self._store.on_rollback.append(months.forget)
        self.ledger = Ledger(self._store, self.notice, config.limits.records, _notes(config, months, clock))
        self.media = MediaStore(config.data / "media", config.limits.media_mb * MB)
        self.signer: Signer = signer(config.signing_key)
        self.commands = Commands(self.signer, self._publish, clock)
        asked = Asked(self.audit)
        self.commands.on_one.append(asked.one)
        self.commands.on_many.append(asked.many)
        self.feed = Feed(self.registry.nodes.values, config.limits.viewers, self.closing)
        self.inbox = Inbox(self.registry, self.ledger, self.commands, Naming(self._store), self.feed, clock)
        self.link = _link(config, clock, self._take, self.notice)
        self.attendance = Attendance(self.registry, self.link, self._store, clock, config.zone)
        self._followup = FollowUp(self.ledger, self.commands, self._can_reach, clock)
        self._pictures = Pictures(self.commands, self.media, clock)
        self._looks = Looks(self._store, self.audit, clock)
        self._pictures.on_look.append(lambda address, camera: self._looks.often(address, camera, "still"))
        self.public_cameras = PublicCameras(self._store, self.registry, self._pictures, self.audit, clock)
        self.voice = Voice(config.voice, config.dictionary)
        self._previews = Previews(config.data / "previews", clock)
        self.alerts = self._alerts(config, clock)
        self.bulletins = self._bulletins(config, clock)
        self.notify = self._notify(config, clock)
        self._writing = Writing(config, self._store, self.areas, self.bulletins.desk, self.audit)
        self.live: Live
        self.watching: LiveDesk
        self.lookback: LookBack
        self.residents: residents.ResidentsPart
        self.app = self._application(config, clock)
        self.proxies = tuple(map(str, config.listen.proxies))
        self._data = config.data
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Hub":
        """Open the files, begin to connect. Raises OSError, SQLAlchemyError."""
        await asyncio.to_thread(self._data.mkdir, parents=True, exist_ok=True)
        if not VENDOR.exists():
            logger.warning(
                "the page's scripts are missing, so it will not be live; "
                "get them by: npm ci --prefix hub && npm run --prefix hub vendor"
            )
        await self._store.start()
        await self.people.start()
        await self._presence.load()
        await self.ledger.load()
        await self.public_cameras.load()
        await self.media.start()
        await self._previews.start()
        await self.air.load()
        await self._writing.start()
        await self.bulletins.load()
        await self.notify.load()
        await self.residents.load()
        await self.voice.__aenter__()
        self._tasks = [
            asyncio.create_task(supervise("link", self.link.run), name="link"),
            asyncio.create_task(supervise("follow-up", self._followup.run), name="follow-up"),
            *self.bulletins.tasks(),
            asyncio.create_task(supervise("people", self.people.run), name="people"),
            asyncio.create_task(supervise("attendance", self.attendance.run), name="attendance"),
            asyncio.create_task(supervise("air", self.air.run), name="air"),
            asyncio.create_task(supervise("residents", self.residents.run), name="residents"),
            *(
                asyncio.create_task(supervise(name, part), name=name)
                for name, part in (*self.alerts.tasks(), *self.notify.tasks())
            ),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect, write what waits."""
        self.close_pages()
        await self.watching.stop()
        await self._pictures.stop()
        await self.lookback.stop()
        await self.voice.__aexit__(None, None, None)
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.stop()

    def close_pages(self) -> None:
        """End everything that a page is waiting for: live streams, answers of nodes."""
        self.closing.set()
        self.notice.bump()
        self.feed.close()
        self.commands.stop()

    def _take(self, topic: str, body: bytes, retained: bool) -> None:
        """Video goes its own way: there is much of it, and it is no report."""
        if "/live/" in topic:
            self.watching.take(topic, body)
        else:
            self.inbox.take(topic, body, retained)

    async def _publish(self, topic: str, body: bytes) -> None:
        await self.link.publish(topic, body)

    def _can_reach(self, address: str) -> bool:
        return self.link.connected and self.registry.is_online(address)

    def _why_out_of_reach(self, address: str) -> str:
        if not self.link.connected:
            return "camera.live_hub_away"
        return "" if self.registry.is_online(address) else "camera.live_node_away"

    def _alerts(self, config: HubConfig, clock: Clock) -> Intake:
        parts = (self._store, self.registry, self.commands, self._can_reach, self.voice, self.audit, self.notice, clock)
        return Intake(config.cap, Stands(*parts))

    def _notify(self, config: HubConfig, clock: Clock) -> notify.NotifyPart:
        here = notify.Local(config.language, config.zone, config.name, config.address)
        made = notify.NotifyPart(config.notify, self._store, self.registry, lambda: self.link.connected, clock, here)
        self.alerts.desk.on_waiting.append(made.wake)
        return made

    def _bulletins(self, config: HubConfig, clock: Clock) -> bulletins.BulletinPart:
        parts = bulletins.Parts(
            store=self._store,
            notice=self.notice,
            audit=self.audit,
            accounts=self.accounts,
            areas=self.areas,
            registry=self.registry,
            commands=self.commands,
            media=self.media,
            voice=self.voice,
            clock=clock,
        )
        return bulletins.BulletinPart(parts, bulletins.Rules(config.approval, config.hours, config.zone, config.name))

    def _residents(self, config: HubConfig, shown: Shown, site: ResidentsSite) -> residents.ResidentsPart:
        parts = residents.Parts(
            store=self._store,
            shown=shown,
            areas=self.areas,
            audit=self.audit,
            desk=self.bulletins.desk,
            cameras=self.public_cameras,
            folder=config.data / "residents",
        )
        return residents.ResidentsPart(parts, config.residents, site)

    def _desk(self, config: HubConfig, clock: Clock) -> LiveDesk:
        def speaker(address: str, language: Language) -> Speaker:
            node = self.registry.nodes.get(address)
            return Speaker(language, node_zone(node, config.zone) if node else config.zone, clock.now())

        return LiveDesk(
            self.commands,
            self.link,
            self._why_out_of_reach,
            speaker,
            lambda address, camera: why_no_picture(self.registry.nodes.get(address), camera),
            clock,
            config.limits.viewers,
        )

    def _api(self, campaigns: Campaigns, config: HubConfig, clock: Clock) -> Mount:
        return api.mounted(
            Parts(
                registry=self.registry,
                areas=self.areas,
                door=self.door,
                commands=self.commands,
                campaigns=campaigns,
                feed=self.feed,
                store=self._store,
                tokens=self.people.tokens,
                audit=self.audit,
                clock=clock,
                zone=config.zone,
                voice=self.voice,
                lookback=self.lookback.asking,
                bulletins=self.bulletins.desk,
            )
        )

    def _application(self, config: HubConfig, clock: Clock) -> Starlette:
        shown = Shown(
            registry=self.registry,
            ledger=self.ledger,
            media=self.media,
            link=self.link,
            notice=self.notice,
            clock=clock,
            zone=config.zone,
            name=config.name,
            broker=config.broker.url,
            authorities=config.authorities,
            areas=self.areas,
        )
        campaigns = Campaigns(self.registry, self.commands, self.notice, clock)
        renderer, toasts, language = Renderer(shown, campaigns), Toasts(), language_of(config.language)
        self.live = Live(renderer, self.notice, config.limits.viewers, self.closing)
        pages = Pages(shown, renderer, self.live, self._pictures, language)
        approving = waiting(self.bulletins.desk, self.bulletins.scope)
        home = HomePages(shown, renderer, self.live, toasts, language, approving)
        nodes = NodePages(shown, renderer, self.live, self._store, toasts, language)
        maps = MapPages(shown, renderer, self.live, Grounds(self._store), self.audit, toasts, language)
        announcing = Announcing(shown, self.commands, self.voice, self._previews, clock)
        actions = Actions(shown, self.commands, announcing, renderer, toasts, campaigns)
        switching = (actions.things, campaigns)
        lights = LightPages(shown, renderer, self.live, self._store, toasts, switching, language)
        media = MediaRoutes(self.media, Tokens.load(config.upload_tokens), self.notice)
        mine = (*config.listen.names, config.listen.host, urlsplit(config.address).hostname or "")
        names = frozenset(name.lower() for name in mine if name)
        self.watching = self._desk(config, clock)
        public, notes = self.public_cameras, (self.audit, self._looks, self.notice)
        cameras = CameraPages(shown, renderer, self.live, language, (self.watching, self._looks, public))
        looking = LiveSocket(self.watching, cameras.has, language, self.closing, clock, notes)
        tiles = CameraOverview(shown, renderer, self.live, self._store, self.watching, public, language)
        aired = AiredPages(shown, renderer, self._store, language)
        self.lookback = LookBack(
            shown, renderer, self.commands, self._store, language, self.media.progress, self._looks
        )
        door, reading = self.door, ReadingDesk(self.voice, self._previews)
        self.air = AirDesk(
            AirNeeds(
                shown=shown,
                renderer=renderer,
                live=self.live,
                toasts=toasts,
                commands=self.commands,
                can_reach=self._can_reach,
                voice=self.voice,
                reading=reading,
                media=self.media,
                areas=self.areas,
                audit=self.audit,
                store=self._store,
                language=language,
                closing=self.closing,
            )
        )
        self.residents = self._residents(config, shown, ResidentsSite(renderer, toasts, language, clock, config))
        routes = [  # each address is tried in this order
            self._api(campaigns, config, clock),
            *self.people.routes(renderer, toasts, language, config.zone, config.name, config.address, config.demo),
            *self.notify.routes(door, self.people.kit),
            *home.routes(door),
            *nodes.routes(door),
            *maps.routes(door),
            *lights.routes(door),
            *pages.routes(door),
            *self.air.routes(door),
            *aired.routes(door),
            *MonthlyPages(shown, renderer, self._store, language).routes(door),
            *looking.routes(door),
            *self.lookback.routes(door),
            *cameras.routes(door),
            *tiles.routes(door),
            *wiring.routes(door, self.alerts, shown, renderer, self.live, reading, toasts, language),
            *self._writing.routes(door, shown, renderer, reading, language, policy_of(config.hours).session_s),
            *self.residents.routes(door, media),
            *self.bulletins.routes(door, shown, Web(renderer, self.live, toasts, language)),
            *actions.routes(door, language),
            *media.routes(door),
            self._previews.route(door),
        ]
        if open_to_all := unguarded(routes):
            raise AssertionError(f"made without the door: {open_to_all}")
        renderer.pages = frozenset(str(getattr(route, "path", "")) for route in routes)
        return Starlette(
            routes=routes,
            middleware=[
                Middleware(Compressing),
                Middleware(Guard, names=names),
                Middleware(WhoAsks, sessions=self.sessions),
            ],
            exception_handlers={404: pages.not_found, Refused: Refusing(renderer, language, self.sessions).answer},
        )


def _notes(config: HubConfig, months: MonthLog, clock: Clock) -> Note:
    """What is kept of new records besides themselves."""
    aired, moved = AiredLog(config.limits.airings), MovedLog()
    news = notify.News(config.notify.night, config.zone, clock)

    def note(connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        aired.note(connection, address, epoch, record)
        moved.note(connection, address, epoch, record)
        months.note(connection, address, epoch, record)
        news.note(connection, address, epoch, record)

    return note


def _link(config: HubConfig, clock: Clock, take: OnMessage, notice: Notice) -> Link:
    secret = config.broker.password.read() if config.broker.password else None
    identity: Path = config.data / "client-id"
    return Link(config.broker, identity, clock, take, notice.bump, secret)

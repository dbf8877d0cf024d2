"""All pages, streams and the HTTP API, put together to one application behind one door."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from hub.actions import Actions
from hub.air.desk import AirDesk
from hub.air.desk import Needs as AirNeeds
from hub.aired.book import AiredBook
from hub.aired.pages import AiredPages
from hub.announcing import Announcing
from hub.api import app as api
from hub.api.more import More
from hub.api.once import Once
from hub.api.parts import Parts
from hub.births.book import Births
from hub.births.pages import BirthPages
from hub.bulletins.hours import policy_of
from hub.bulletins.web import Web
from hub.cameras.lookback import LookBack
from hub.cameras.overview import CameraOverview
from hub.cameras.page import CameraPages
from hub.cameras.socket import LiveSocket
from hub.cap import wiring
from hub.cap.acts import CapActs
from hub.cap.looking import Looking
from hub.compressing import Compressing
from hub.core import Core
from hub.desks import Desks
from hub.enrolment.pages import TrustPages
from hub.home.pages import HomePages
from hub.home.waiting import missed, waiting
from hub.keys import Tokens
from hub.live import Live
from hub.media_http import MediaRoutes
from hub.monthly.book import Book
from hub.monthly.pages import MonthlyPages
from hub.nodes.forget_pages import ForgetPages
from hub.nodes.forgetting import Forgetting
from hub.nodes.grounds import Grounds
from hub.nodes.map_pages import MapPages
from hub.nodes.mapping import Mapping
from hub.nodes.pages import NodePages
from hub.nodes.restoring import Restoring
from hub.nodes.tiles import Tiles
from hub.pages import Pages, language_of
from hub.people.door import Refused, WhoAsks, unguarded
from hub.people.refusing import Refusing
from hub.readingdesk import ReadingDesk
from hub.render import Renderer
from hub.residents import part as residents
from hub.residents.site import Site as ResidentsSite
from hub.security import Guard
from hub.things.campaigns import Campaigns
from hub.things.pages import LightPages
from hub.toasts import Toasts
from hub.unkept import Unkept
from hub.updates.serving import Updates
from hub.wiring import names_of, shown_of, watching_of


class Site:
    """What people and programs open. `app` is the ASGI application."""

    def __init__(self, core: Core, desks: Desks) -> None:
        """Raises ConfigError when the file of the nodes' tokens cannot be used."""
        self._core, self._desks = core, desks
        config = core.config
        self._shown = shown_of(core)
        self._campaigns = Campaigns(core.registry, core.commands, core.notice, core.clock)
        self._renderer, self._toasts = Renderer(self._shown, self._campaigns, config.data / "compiled"), Toasts()
        self._language = language_of(config.language)
        self._reading = ReadingDesk(core.voice, core.previews)
        looking = Looking(desks.alerts, core.registry, desks.alerts.areas, core.clock)
        self._alerts = CapActs(desks.alerts, looking, core.areas, self._reading)
        self.live = Live(self._renderer, core.notice, config.limits.viewers, core.closing)
        self.watching = watching_of(core)
        core.on_video = self.watching.take
        self.lookback = LookBack(
            self._shown, self._renderer, core.commands, core.store, self._language, core.media.progress, core.looks
        )
        self.air = self._air()
        self.residents = self._residents()
        self._pages = Pages(self._shown, self._renderer, self.live, core.pictures, self._language)
        announcing = Announcing(self._shown, core.commands, core.voice, core.previews, core.clock)
        self._actions = Actions(self._shown, core.commands, announcing, self._renderer, self._toasts, self._campaigns)
        self._months, self._aired = Book(self._shown, core.store), AiredBook(self._shown, core.store)
        self._births = Births(self._shown, core.store)
        names = {code: commune.name for code, commune in config.residents.communes.items()}
        self._mapping = Mapping(self._shown, Grounds(core.store), core.audit, names)
        self._forgetting = Forgetting(self._shown, core.audit)
        self._restoring = Restoring(core.store, core.registry, core.commands, core.clock)
        self._forgetting.on_forget.append(self._restoring.forgotten)
        if core.enrolment:
            self._forgetting.on_forget.append(core.enrolment.forgotten)
        self.app = self._application()

    async def load(self) -> None:
        """Read what is kept. Raises SQLAlchemyError, StoreFull."""
        await self.air.load()
        await self.residents.load()
        await self._restoring.load()

    def runs(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs as long as the hub: name, the function."""
        restoring = [("stores", self._restoring.run), ("restoring", self._restoring.deliver)]
        return [("air", self.air.run), ("residents", self.residents.run), *restoring, *self._updates.runs()]

    async def stop(self) -> None:
        """End what was asked of cameras."""
        await self.watching.stop()
        await self._core.pictures.stop()
        await self.lookback.stop()

    def _air(self) -> AirDesk:
        core = self._core
        return AirDesk(
            AirNeeds(
                shown=self._shown,
                renderer=self._renderer,
                live=self.live,
                toasts=self._toasts,
                commands=core.commands,
                can_reach=core.can_reach,
                voice=core.voice,
                reading=self._reading,
                media=core.media,
                areas=core.areas,
                audit=core.audit,
                store=core.store,
                language=self._language,
                closing=core.closing,
            )
        )

    def _residents(self) -> residents.ResidentsPart:
        core = self._core
        parts = residents.Parts(
            store=core.store,
            shown=self._shown,
            areas=core.areas,
            audit=core.audit,
            desk=self._desks.bulletins.desk,
            emergencies=self.air.emergencies,
            cameras=core.public_cameras,
            folder=core.config.data / "residents",
        )
        site = ResidentsSite(self._renderer, self._toasts, self._language, core.clock, core.config)
        return residents.ResidentsPart(parts, core.config.residents, site)

    def _api(self) -> Mount:
        core, bulletins = self._core, self._desks.bulletins
        return api.mounted(
            Parts(
                registry=core.registry,
                areas=core.areas,
                door=core.door,
                commands=core.commands,
                campaigns=self._campaigns,
                feed=core.feed,
                store=core.store,
                tokens=core.people.tokens,
                audit=core.audit,
                clock=core.clock,
                zone=core.config.zone,
                voice=core.voice,
                lookback=self.lookback.asking,
                more=self._more(),
                once=Once(core.store, core.clock),
                planning=bulletins.for_programs(self._shown),
                bulletins=bulletins.desk,
            )
        )

    def _more(self) -> More:
        core = self._core
        return More(
            shown=self._shown,
            house=core.people,
            residents=self.residents,
            notify=self._desks.notify,
            months=self._months,
            aired=self._aired,
            looks=core.looks,
            public=core.public_cameras,
            pictures=core.pictures,
            lookback=self.lookback,
            watching=self.watching,
            things=self._actions.things,
            forgetting=self._forgetting,
            horns=self._actions.air,
            air=self.air,
            births=self._births,
            mapping=self._mapping,
            trust=core.enrolment.desk if core.enrolment else None,
            alerts=self._alerts,
            writing=self._desks.writing,
        )

    def _about_nodes(self) -> list[BaseRoute]:
        core, shown, renderer, language = self._core, self._shown, self._renderer, self._language
        bulletins = self._desks.bulletins
        approving = waiting(bulletins.desk, bulletins.scope)
        lists = (self.residents.told, missed(bulletins.desk, bulletins.scope, bulletins.for_programs(shown).showing))
        switching = (self._actions.things, self._campaigns)
        parts = (
            HomePages(shown, renderer, self.live, self._toasts, language, approving, lists),
            TrustPages(shown, renderer, core.enrolment, self._toasts, language),
            ForgetPages(shown, renderer, self._forgetting, self._toasts, language),
            self._node_pages(),
            BirthPages(self._births, renderer, language),
            MapPages(shown, renderer, self.live, self._mapping, Tiles(core.config.map), self._toasts, language),
            LightPages(shown, renderer, self.live, core.store, self._toasts, switching, language),
            self._pages,
        )
        return [route for part in parts for route in part.routes(core.door)]

    def _node_pages(self) -> NodePages:
        core, shown = self._core, self._shown
        pages = NodePages(shown, self._renderer, self.live, core.store, self._toasts, self._language, self._forgetting)
        if core.enrolment:
            pages.facts, pages.boxes = core.enrolment.known.facts, core.enrolment.known.told
        return pages

    def _about_cameras(self) -> list[BaseRoute]:
        core, shown, renderer, language = self._core, self._shown, self._renderer, self._language
        public, watching = core.public_cameras, self.watching
        cameras = CameraPages(shown, renderer, self.live, language, (watching, core.looks, public))
        notes = (core.audit, core.looks, core.notice)
        parts = (
            LiveSocket(watching, cameras.has, language, core.closing, core.clock, notes),
            self.lookback,
            cameras,
            CameraOverview(shown, renderer, self.live, core.store, watching, public, language),
        )
        return [route for part in parts for route in part.routes(core.door)]

    def _about_bulletins(self, media: MediaRoutes) -> list[BaseRoute]:
        core, desks, shown, renderer = self._core, self._desks, self._shown, self._renderer
        door, toasts, language, reading = core.door, self._toasts, self._language, self._reading
        longest_s = policy_of(core.config.hours).session_s
        return [
            *wiring.routes(door, self._alerts, shown, renderer, self.live, toasts, language),
            *desks.writing.routes(door, shown, renderer, reading, language, longest_s),
            *self.residents.routes(door, media),
            *desks.bulletins.routes(door, shown, Web(renderer, self.live, toasts, language)),
        ]

    def _routes(self) -> list[BaseRoute]:
        """Each address is tried in this order."""
        core, desks, config, language = self._core, self._desks, self._core.config, self._language
        door, renderer, toasts = core.door, self._renderer, self._toasts
        tokens = Tokens.load(config.upload_tokens)
        media = MediaRoutes(core.media, tokens, core.notice)
        self._updates = Updates(config.data, tokens)
        if core.enrolment:
            tokens.also.append(core.enrolment.uploads.allow)
            core.enrolment.listener.more += [*media.for_nodes(), *self._updates.for_nodes()]
        people = core.people.routes(renderer, toasts, language, config.zone, config.name, config.address, config.demo)
        told = desks.notify.routes(door, core.people.kit)  # before the API, which shares the desk of the channels
        return [
            self._api(),
            *people,
            *told,
            *self._about_nodes(),
            *self.air.routes(door),
            *AiredPages(self._shown, renderer, core.store, language, self._aired).routes(door),
            *MonthlyPages(self._months, renderer, language).routes(door),
            *self._about_cameras(),
            *self._about_bulletins(media),
            *self._actions.routes(door, language),
            *media.routes(door),
            *self._updates.routes(door),
            core.previews.route(door),
        ]

    def _application(self) -> Starlette:
        core, renderer, language = self._core, self._renderer, self._language
        routes = self._routes()
        if open_to_all := unguarded(routes):
            raise AssertionError(f"made without the door: {open_to_all}")
        renderer.pages = frozenset(str(getattr(route, "path", "")) for route in routes)
        return Starlette(
            routes=routes,
            middleware=[
                Middleware(Compressing),
                Middleware(Guard, names=names_of(core)),
                Middleware(WhoAsks, sessions=core.sessions),
            ],
            exception_handlers={
                404: self._pages.not_found,
                Refused: Refusing(renderer, language, core.sessions).answer,
                **Unkept(renderer, language).handlers(),
            },
        )

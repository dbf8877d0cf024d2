"""The bulletins of the commune as one part of the hub: what it is made of, what runs, which addresses it has."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.routing import BaseRoute

from hub.bulletins.acts import BulletinActs
from hub.bulletins.desk import Bulletins
from hub.bulletins.dispatch import Dispatch
from hub.bulletins.feed import Feed
from hub.bulletins.hours import policy_of
from hub.bulletins.move import MovePages
from hub.bulletins.pages import BulletinPages
from hub.bulletins.planpage import PlanPage
from hub.bulletins.planview import PlanDrawing
from hub.bulletins.scope import Scope
from hub.bulletins.settings import Approval, Hours
from hub.bulletins.showing import Showing
from hub.bulletins.sounds import Rendering
from hub.bulletins.web import Web
from hub.bulletins.week import WeekPages
from hub.clock import Clock
from hub.commands import Commands
from hub.media import MediaStore
from hub.notice import Notice
from hub.people.accounts import Accounts
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door
from hub.registry import Registry
from hub.render import Shown
from hub.store import Store
from hub.voice import Voice


@dataclass(frozen=True, slots=True)
class Rules:
    """What the commune has decided."""

    approval: Approval
    hours: Hours
    zone: ZoneInfo
    name: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the hub that bulletins stand on."""

    store: Store
    notice: Notice
    audit: Audit
    accounts: Accounts
    areas: Areas
    registry: Registry
    commands: Commands
    media: MediaStore
    voice: Voice
    clock: Clock


@dataclass(frozen=True, slots=True)
class ForPrograms:
    """What the API needs to do what the pages do."""

    desk: Bulletins
    dispatch: Dispatch
    showing: Showing
    drawing: PlanDrawing
    approval: Approval


class BulletinPart:
    """`desk` for who writes; `load` before, `tasks` while the hub runs; `routes` for the application."""

    def __init__(self, hub: Parts, rules: Rules) -> None:
        self._hub = hub
        self._rules = rules
        self.scope = Scope(hub.areas)
        self.desk = Bulletins(hub.store, hub.notice, hub.audit, hub.clock)
        self.dispatch = Dispatch(
            self.desk, hub.store, self.scope, hub.registry, hub.commands, hub.notice, rules.zone, hub.clock
        )
        self.rendering = Rendering(self.desk, hub.voice, hub.media, rules.approval, hub.clock)

    async def load(self) -> None:
        """Read what was known before the last stop. Raises SQLAlchemyError."""
        await self.desk.load()
        await self.dispatch.load()

    def tasks(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        """Name and body of each task."""
        return (("bulletins", self.dispatch.run), ("sounds of bulletins", self.rendering.run))

    def for_programs(self, shown: Shown) -> ForPrograms:
        """The same rules as on the pages."""
        showing = Showing(shown, self.scope, self.dispatch, self._rules.approval)
        drawing = PlanDrawing(self.desk, self.scope, showing, policy_of(self._rules.hours))
        return ForPrograms(self.desk, self.dispatch, showing, drawing, self._rules.approval)

    def routes(self, door: Door, shown: Shown, web: Web) -> list[BaseRoute]:
        """Each address is tried in this order."""
        hub, rules = self._hub, self._rules
        showing = Showing(shown, self.scope, self.dispatch, rules.approval)
        pages = BulletinPages(self.desk, self.dispatch, self.scope, showing, web)
        drawing = PlanDrawing(self.desk, self.scope, showing, policy_of(rules.hours))
        return [
            *Feed(hub.store, self.desk, self.scope, showing, hub.accounts, rules.name, web).routes(door),
            *WeekPages(self.desk, self.dispatch, self.scope, showing, web).routes(door),
            *PlanPage(self.desk, self.scope, showing, pages, drawing, web).routes(door),
            *MovePages(self.desk, showing, pages, web).routes(door),
            *BulletinActs(self.desk, self.scope, showing, drawing, pages, rules.approval, web).routes(door),
            *pages.routes(door),
        ]

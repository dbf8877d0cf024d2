"""All about people in one place: what the application starts, runs and serves of it."""

import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.clock import Clock
from hub.people.accounts import Accounts
from hub.people.administering import Administering
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.audit_pages import AuditPages
from hub.people.beside import Beside
from hub.people.demo import DemoPage
from hub.people.demo_settings import Demo
from hub.people.devices import Devices
from hub.people.door import Door
from hub.people.factors import Factors
from hub.people.first_run import FirstRun
from hub.people.invitations import Invitations
from hub.people.kit import Kit
from hub.people.own import OwnPages
from hub.people.pages import PeoplePages
from hub.people.passwords import Passwords
from hub.people.sessions import Sessions
from hub.people.sign_in import SignIn
from hub.people.token_pages import TokenPages
from hub.people.tokens import Tokens
from hub.people.waits import Waits
from hub.render import Renderer
from hub.sealed import Seal
from hub.store import Store
from hub.toasts import Toasts

logger = logging.getLogger(__name__)


class House:
    """Accounts, sessions, the audit log, and their pages."""

    def __init__(self, store: Store, clock: Clock, areas: Areas, seal: Seal) -> None:
        """`seal`: closes secrets before they are written."""
        self._store = store
        self._clock = clock
        self._seal = seal
        self._factors = Factors(store, clock, seal)
        self.areas = areas
        self.accounts = Accounts(store, clock)
        self.sessions = Sessions(store, self.accounts, clock)
        self.audit = Audit(store, clock)
        self.door = Door(areas, self.audit)
        self.waits = Waits(store, clock)
        self.tokens = Tokens(store, clock)
        self._beside = Beside(store, self._load)
        self._first: FirstRun
        self.kit: Kit
        """For pages elsewhere that choose people's places; there once `routes` was called."""
        self.acts: Administering
        self.invitations: Invitations
        """What the pages do with people, for the API; there once `routes` was called."""
        self._demo: DemoPage
        self.first_code = ""
        """What the terminal prints at the start when there is no administrator."""

    def routes(
        self,
        renderer: Renderer,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
        zone: ZoneInfo,
        name: str,
        address: str,
        demo: Demo | None,
    ) -> list[BaseRoute]:
        """For the application, which calls this before `start`."""
        kit = Kit(
            store=self._store,
            clock=self._clock,
            accounts=self.accounts,
            sessions=self.sessions,
            audit=self.audit,
            areas=self.areas,
            passwords=Passwords(),
            factors=self._factors,
            waits=self.waits,
            devices=Devices(self._seal),
            renderer=renderer,
            toasts=toasts,
            language=language,
            zone=zone,
            name=name,
            address=address,
            demo=demo is not None,
        )
        self.kit = kit
        self.invitations, self.acts = Invitations(kit), Administering(kit)
        self._first, self._demo = FirstRun(kit), DemoPage(kit, demo)
        pages = (
            SignIn(kit),
            self._first,
            self.invitations,
            PeoplePages(kit, self.invitations, self.acts),
            OwnPages(kit),
            AuditPages(kit),
            TokenPages(kit, self.tokens),
            self._demo,
        )
        return [route for part in pages for route in part.routes(self.door)]

    async def start(self) -> None:
        """Read what is kept. Raises SQLAlchemyError, StoreFull."""
        await self._load()
        await self._factors.seal_all(self.accounts)
        await self._beside.start()
        await self._demo.start()
        self.first_code = await self._first.announce()

    async def run(self) -> None:
        """Follow what the command line changes, until cancelled."""
        await self._beside.run()

    async def _load(self) -> None:
        await self.accounts.load()
        await self.sessions.load()
        await self.waits.load()
        await self.tokens.load()

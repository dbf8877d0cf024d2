"""Everything of alert intake in one object: what the hub starts, stops and shows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from hub.cap import rows
from hub.cap.again import Again
from hub.cap.airing import Airing, CanReach
from hub.cap.deciding import Decisions
from hub.cap.desk import Desk, parsed
from hub.cap.feeds import Feeds
from hub.cap.settings import CapSettings
from hub.clock import Clock
from hub.commands import Commands
from hub.notice import Notice
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.rights import Place
from hub.registry import Registry
from hub.store import Store
from hub.voice import Voice

SWEEP_S = 20.0
SETTLE_S = 3.0
"""So long after a start nothing is judged: the nodes must be known first, which the broker tells in a moment."""


@dataclass(frozen=True)
class Stands:
    """The parts of the hub that it stands on. `can_reach`: whether a node can be reached now, by its address."""

    store: Store
    registry: Registry
    commands: Commands
    can_reach: CanReach
    voice: Voice
    audit: Audit
    notice: Notice
    clock: Clock


class Intake:
    """The parts, put together. `tasks` are to be supervised while the hub runs."""

    def __init__(self, settings: CapSettings, on: Stands) -> None:
        self.areas = Areas(on.registry)
        self.store = on.store
        self._registry = on.registry

        def has(address: str, bulletin: str) -> bool:
            node = on.registry.nodes.get(address)
            return node is not None and ("bulletin", bulletin) in node.states

        self.airing = Airing(on.store, on.commands, on.can_reach, has, settings, on.notice, on.clock)
        self.desk = Desk(settings, on.store, on.registry, self.airing, on.voice, on.audit, on.notice, on.clock)
        self.again = Again(self.desk, on.store, self.airing, on.notice, on.clock)
        self.decisions = Decisions(self.desk, on.store, self.airing, on.audit, on.notice, on.clock)
        self.feeds = Feeds(self.desk, on.store, on.notice, on.clock)

    def tasks(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        """Name and body of each task."""
        return (("alerts on air", self.airing.run), ("alerts due", self._sweep), ("alert feeds", self._ask_feeds))

    async def concerns(self, id_: str) -> tuple[Place, ...]:
        """The places of the clusters that an alert means now. Raises SQLAlchemyError."""
        row = await self.store.read(partial(rows.get, id_=id_))
        if row is None:
            return ()
        comes_to = await self.desk.plan(await parsed(row.body))
        known = self._registry.nodes
        return tuple({self.areas.place(known[address]) for address in comes_to.nodes if address in known})

    async def _ask_feeds(self) -> None:
        await asyncio.sleep(SETTLE_S)
        await self.feeds.run()

    async def _sweep(self) -> None:
        await asyncio.sleep(SETTLE_S)
        while True:
            await self.again.look()
            await asyncio.sleep(SWEEP_S)

"""The desk on which the commune's bulletins lie: every change is written before it counts, and tells who looks on."""

import asyncio
from collections.abc import Callable
from functools import partial

from edge_agent.contract.ids import uuid7
from hub.bulletins import machine, table
from hub.bulletins.machine import Conflict, Doing, NotNow
from hub.bulletins.model import Content, HubBulletin, State
from hub.clock import Clock
from hub.notice import Notice
from hub.people.acting import person
from hub.people.audit import Audit
from hub.store import Store

Change = Callable[[HubBulletin], HubBulletin]


class Bulletins:
    """All bulletins. `open`: those that are not over, by id."""

    def __init__(self, store: Store, notice: Notice, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._notice = notice
        self._audit = audit
        self._clock = clock
        self._turn = asyncio.Lock()
        self.open: dict[str, HubBulletin] = {}
        self.on_change: list[Callable[[HubBulletin], None]] = []
        """Told each bulletin after its change was written."""

    async def load(self) -> None:
        """Read what is not over. Raises SQLAlchemyError."""
        found = await self._store.read(partial(table.in_states, states=table.OPEN))
        self.open = {bulletin.id: bulletin for bulletin in found}

    async def get(self, id_: str) -> HubBulletin | None:
        """One of them, also one that is over. Raises SQLAlchemyError."""
        return self.open.get(id_) or await self._store.read(lambda connection: table.one(connection, id_))

    async def past(self, most: int = 500) -> list[HubBulletin]:
        """Those that are over, the last first. Raises SQLAlchemyError."""
        return await self._store.read(partial(table.in_states, states=(State.DONE, State.CANCELLED), most=most))

    def doing(self, seen: int | None, word: str = "") -> Doing:
        """The acting person, now."""
        who = person()
        return Doing(self._clock.now(), seen, who.id, who.name, word)

    async def create(self, content: Content) -> HubBulletin:
        """A new draft of the acting person. Raises SQLAlchemyError, StoreFull."""
        made = machine.draft(f"b-{uuid7()}"[:40], content, self.doing(None))
        await self._store.call(partial(table.insert, bulletin=made))
        self._wrote(made)
        return made

    async def edit(self, id_: str, content: Content, seen: int) -> HubBulletin:
        """Other words. Raises NotNow, Conflict, SQLAlchemyError, StoreFull."""
        return await self.change(id_, lambda bulletin: machine.edit(bulletin, content, self.doing(seen)))

    async def change(self, id_: str, change: Change, act: str = "") -> HubBulletin:
        """Change what stands there, one change after the other. `act`: for the audit.

        Raises NotNow, Conflict, SQLAlchemyError, StoreFull.
        """
        async with self._turn:
            before = await self.get(id_)
            if before is None:
                raise NotNow("bulletins.gone")
            after = change(before)
            if after is before:
                return after
            if not await self._store.call(partial(table.replace, seen=before.number, bulletin=after)):
                raise Conflict(await self._fresh(before))
            self._wrote(after)
        if act:
            places = ", ".join(after.targets.places)
            self._audit.note(f"bulletin.{act}", places, after.content.title, id=id_, number=after.number)
        return after

    async def _fresh(self, known: HubBulletin) -> HubBulletin:
        """As the database has it: a change whose asker went away before its answer came."""
        found = await self._store.read(partial(table.one, id_=known.id)) or known
        self._wrote(found)
        return found

    def _wrote(self, bulletin: HubBulletin) -> None:
        if bulletin.state in table.OPEN:
            self.open[bulletin.id] = bulletin
        else:
            self.open.pop(bulletin.id, None)
        for tell in self.on_change:
            tell(bulletin)
        self._notice.bump()

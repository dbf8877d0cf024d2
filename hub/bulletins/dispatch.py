"""Brings what was let go to every node that shall play it, takes it off again, and follows what the nodes say of it.

A look takes little: only bulletins that changed and nodes that said something new are looked at. All that matters is
in the database, so a hub that was restarted goes on where it was.
"""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.reports import BulletinState
from hub.bulletins import deliveries, emptied, machine, outgoing, table
from hub.bulletins.deliveries import Delivery, Sent
from hub.bulletins.desk import Bulletins, Change
from hub.bulletins.machine import Act, Doing, NotNow
from hub.bulletins.missed import Missed
from hub.bulletins.model import HubBulletin, State
from hub.bulletins.outcome import is_over
from hub.bulletins.scope import Scope
from hub.clock import Clock
from hub.commands import Commands
from hub.node import Node
from hub.notice import Notice
from hub.people.acting import acting
from hub.registry import Registry
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

LOOK_S = 1.0
ALL_S = 60.0
"""So often everything is looked at, whatever changed."""
ANSWER_S = 10.0
PARALLEL = 20
"""Nodes that are sent something at the same time."""
AGAIN_S, AGAIN_MOST_S = 5.0, 300.0
Key = tuple[str, str]


class Dispatch:
    """`run` it supervised; `of` says how far a bulletin has come."""

    def __init__(
        self,
        desk: Bulletins,
        store: Store,
        scope: Scope,
        registry: Registry,
        commands: Commands,
        notice: Notice,
        zone: ZoneInfo,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._store = store
        self._scope = scope
        self._registry = registry
        self._commands = commands
        self._notice = notice
        self._zone = zone
        self._clock = clock
        self._rows: dict[str, dict[str, Delivery]] = {}
        self._released: dict[str, HubBulletin] = {}
        self._fresh: set[str] = set()
        self._dirty: dict[Key, Delivery] = {}
        self._open: set[Key] = set()
        self._versions: dict[str, int] = {}
        self._busy: dict[Key, asyncio.Task[None]] = {}
        self._due: dict[Key, float] = {}
        self._all_at = 0.0
        self._gone = 0
        self._stores = emptied.Stores()
        self.missed = Missed(store, zone)
        desk.on_change.append(self._changed)

    async def load(self) -> None:
        """Read what was promised to nodes. Raises SQLAlchemyError."""
        released = await self._store.read(table.on_nodes)
        self._released = {bulletin.id: bulletin for bulletin in released}
        for row in await self._store.read(deliveries.read):
            if row.bulletin in self._released or not row.is_settled:
                self._rows.setdefault(row.bulletin, {})[row.address] = row
                self._note_open(row)
        self._stores.load(await self._store.read(emptied.read))
        await self.missed.load()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            self._busy.clear()

    def of(self, bulletin: str) -> list[Delivery]:
        """How far it has come, of what is not over; for what is, see `past`."""
        return list(self._rows.get(bulletin, {}).values())

    async def past(self, bulletin: str) -> list[Delivery]:
        """The rows of any bulletin. Raises SQLAlchemyError."""
        return self.of(bulletin) or await self._store.read(partial(deliveries.read, bulletins=[bulletin]))

    async def look(self) -> None:
        """Once: see what is new, write it down, send what is due. Raises SQLAlchemyError, StoreFull."""
        now = self._clock.monotonic()
        gone = self._registry.forgotten.changes
        everything = now >= self._all_at or gone != self._gone
        self._gone = gone
        if everything:
            self._all_at = now + ALL_S
        nodes = self._new_of_nodes(everything)
        fresh, self._fresh = self._fresh, set()
        for id_ in self._released.keys() | self._rows.keys() if everything else fresh:
            self._aim(id_)
        for node in nodes:
            self._see(node, aim=not everything)
        if everything or self.missed.waits:
            await self.missed.look(self._released, self._rows, self._clock.now())
        await self._finish(everything)
        await self._write()
        self._send_due(now)

    def _changed(self, bulletin: HubBulletin) -> None:
        before = self._released.get(bulletin.id)
        if before is not None and before.released != bulletin.released:
            self.missed.over(before, self.of(bulletin.id), self._clock.now())
        if bulletin.released is not None:
            self._released[bulletin.id] = bulletin
        else:
            self._released.pop(bulletin.id, None)
        if bulletin.state is not State.DONE:  # what is over stays with the nodes: they have their own memory of it
            self._fresh.add(bulletin.id)

    def _new_of_nodes(self, everything: bool) -> list[Node]:
        nodes = self._registry.nodes
        if everything:
            self._versions = {address: self._versions[address] for address in nodes if address in self._versions}
        new = [node for address, node in nodes.items() if self._versions.get(address) != node.version]
        for node in new:
            self._versions[node.address] = node.version
        return new

    def _aim(self, id_: str) -> None:
        """Which nodes shall have it: a row for each, and 0 for those that shall no longer."""
        bulletin = self._released.get(id_)
        rows = self._rows.setdefault(id_, {})
        wanted: set[str] = set()
        if bulletin is not None and bulletin.released is not None:
            wanted = {node.address for node in self._scope.nodes(bulletin.released.targets)}
            for address in wanted:
                self._put(rows.get(address, Delivery(id_, address, 0)).wants(bulletin.released.number))
        for address, row in list(rows.items()):
            forgotten = self._registry.forgotten.hides(address)
            known = address in self._registry.nodes or forgotten or bulletin is None
            if address not in wanted and known and row.wanted:
                self._put(row.wants(0))
        if not rows:
            del self._rows[id_]

    def _see(self, node: Node, *, aim: bool) -> None:
        """A node that is new in an area gets what is standing there; what a node says of its bulletins is kept."""
        if self._stores.is_emptied(node):
            self._begin_anew(node.address)
        for id_, bulletin in self._released.items() if aim else ():
            rows = self._rows.get(id_, {})
            let_go = bulletin.released
            if node.address not in rows and let_go is not None and self._scope.holds(let_go.targets, node):
                self._put(Delivery(id_, node.address, 0).wants(let_go.number))
        for (kind, id_), state in node.states.items():
            row = self._rows.get(id_, {}).get(node.address) if kind == "bulletin" else None
            if row is not None and isinstance(state, BulletinState) and row.seen != state:
                self._put(replace(row, seen=state))

    def _begin_anew(self, address: str) -> None:
        """Everything that the node shall have is sent again: it came with a store that has nothing of it."""
        logger.warning("%s has another store than before: it gets all its bulletins again", address)
        for rows in list(self._rows.values()):
            row = rows.get(address)
            if row is not None and row.wanted:
                self._due.pop(row.key, None)
                self._put(emptied.anew(row))

    def _put(self, row: Delivery) -> None:
        rows = self._rows.setdefault(row.bulletin, {})
        if (before := rows.get(row.address)) != row:
            if before is None or row.wanted != before.wanted:
                self._due.pop(row.key, None)
            self.missed.put(self._released.get(row.bulletin), before, row, self._clock.now())
            rows[row.address] = self._dirty[row.key] = row
            self._note_open(row)

    def _note_open(self, row: Delivery) -> None:
        if row.is_settled:
            self._open.discard(row.key)
            self._due.pop(row.key, None)
        else:
            self._open.add(row.key)

    async def _write(self) -> None:
        stores = self._stores.take_dirty()
        if not self._dirty and not stores:
            return
        rows, self._dirty = self._dirty, {}
        now = self._clock.now()

        def work(connection: Connection) -> None:  # together: a store that is known has been answered
            deliveries.write(connection, list(rows.values()), now)
            emptied.write(connection, stores)

        try:
            await self._store.call(work)
        except (SQLAlchemyError, StoreFull):
            self._dirty = {**rows, **self._dirty}  # written when the database is there again
            self._stores.give_back(stores)
            raise
        self._notice.bump()

    def _send_due(self, now: float) -> None:
        self._busy = {key: task for key, task in self._busy.items() if not task.done()}
        for id_, address in list(self._open):
            if len(self._busy) >= PARALLEL:
                return
            row = self._rows.get(id_, {}).get(address)
            if row is None:
                self._open.discard((id_, address))
            elif self._is_due(row, now):
                self._busy[row.key] = asyncio.create_task(self._send(row), name=f"bulletin {row.bulletin}")

    def _is_due(self, row: Delivery, now: float) -> bool:
        if row.is_settled or row.key in self._busy or now < self._due.get(row.key, 0.0):
            return False
        if row.tries and not self._registry.is_online(row.address):
            return False  # the broker keeps what was sent for a node that is away
        node = self._registry.nodes.get(row.address)
        state = node.states.get(("bulletin", row.bulletin)) if node else None
        return not (isinstance(state, BulletinState) and state.actual == "on_air" and row.wanted)

    async def _send(self, row: Delivery) -> None:
        bulletin = self._released.get(row.bulletin)
        node = self._registry.nodes.get(row.address)
        older = node is not None and node.is_older
        message = outgoing.message(row, bulletin.released if bulletin else None, self._clock.now(), older=older)
        self._due[row.key] = self._clock.monotonic() + min(AGAIN_S * 2**row.tries, AGAIN_MOST_S)
        if message is None:
            return
        limit = ANSWER_S if self._registry.is_online(row.address) else 1.0
        with acting(message.by):
            outcome = await self._commands.send(
                row.address, message.args, limit=limit, life=message.life.total_seconds()
            )
        now = self._rows.get(row.bulletin, {}).get(row.address)
        if now is not None and now.wanted == row.wanted:  # else it was changed meanwhile, and is sent again
            self._put(outgoing.answered(now, outcome))
        self._notice.bump()

    async def _finish(self, everything: bool) -> None:
        """Mark what nodes have taken; close what is over. The rows of what was taken off everywhere are forgotten."""
        now = self._clock.now()
        for id_, bulletin in list(self._released.items()):
            taken = any(row.state is Sent.TAKEN and row.wanted for row in self._rows.get(id_, {}).values())
            if taken and machine.can(bulletin, Act.DISTRIBUTE):
                await self._change(id_, machine.distributed)
            elif everything and machine.can(bulletin, Act.FINISH) and is_over(bulletin, self.of(id_), now, self._zone):
                await self._change(id_, lambda b: machine.finished(b, Doing(now, None)))
        for id_ in [id_ for id_ in self._rows if id_ not in self._released]:
            if all(row.is_settled for row in self._rows[id_].values()) and not self._has_dirty(id_):
                del self._rows[id_]

    def _has_dirty(self, id_: str) -> bool:
        return any(bulletin == id_ for bulletin, _ in self._dirty)

    async def _change(self, id_: str, change: Change) -> None:
        try:
            await self._desk.change(id_, change)
        except NotNow as no:
            logger.info("the bulletin %s was changed meanwhile: %s", id_, no)

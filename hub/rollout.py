"""Tells each node the command keys that hold, and signs with the next one when all know it or the overlap is over."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.keys import KeyInForce, UpdateKeys
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.config import ConfigError
from hub.enrolment import grants
from hub.keyring import KeyRing
from hub.registry import Registry
from hub.store import Store, StoreFull
from hub.store_group import OneFailed
from hub.tables import Long, insert_new, metadata

logger = logging.getLogger(__name__)
LOOK_S = 2.0
AGAIN_S = 30.0
AGAIN_MOST_S = 3600.0
"""Seconds before a node that did not confirm is told again; twice as many each time."""
SETTLED_S = 10.0
"""So long after coming to the broker the hub has heard which nodes there are."""
READ_S = 30.0
"""Seconds until the database is asked anew who has not confirmed."""
PARALLEL = 20

told = sa.Table(
    "command_key_nodes",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("number", Long, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)
"""Each node with the number of the keys that it confirmed last; `why` it has not confirmed newer ones: a code."""


def unconfirmed(connection: Connection, number: int, now: datetime) -> dict[str, str]:
    """By address the nodes that have not confirmed the keys of this number, with what they answered.

    Whose certificate is over by `now`, or revoked, is awaited no more.
    """
    rows = {row.address: row for row in connection.execute(sa.select(told))}
    left = {address: row.why for address, row in rows.items() if row.number < number}
    for node in grants.trusted(connection):
        gone = node.revoked is not None or node.ends <= now
        if gone:
            left.pop(node.address, None)
        elif node.address not in rows:
            left[node.address] = ""
    return dict(sorted(left.items()))


@dataclass
class _Pace:
    """When a node is told again, in monotonic seconds."""

    at: float = 0.0
    pause: float = AGAIN_S


class KeyRollout:
    """One for the hub. Does nothing before the first rotation."""

    def __init__(
        self,
        ring: KeyRing,
        store: Store,
        registry: Registry,
        commands: Commands,
        connected: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """`connected`: whether the broker is there."""
        self._ring = ring
        self._store = store
        self._registry = registry
        self._commands = commands
        self._connected = connected
        self._clock = clock
        self._paces: dict[str, _Pace] = {}
        self._since: float | None = None
        self._left_then: tuple[tuple[int, int], float, dict[str, str]] | None = None
        self._wrong = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._look()
                self._wrong = ""
            except (ConfigError, SQLAlchemyError, StoreFull, OneFailed, OSError) as error:
                self._left_then = None
                if str(error) != self._wrong:
                    logger.error("command keys: %s", error)
                self._wrong = str(error)
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        if await asyncio.to_thread(self._ring.reload):
            self._paces.clear()
            logger.info("command keys: number %d, signed by %s", self._ring.state.number, self._ring.key_id)
        now = self._clock.monotonic()
        connected = self._connected()
        self._since = (now if self._since is None else self._since) if connected else None
        number = self._ring.state.number
        if not number:
            return
        left = await self._left(number)
        due = [a for a in left if connected and self._registry.is_online(a) and self._pace(a).at <= now]
        if due:
            await asyncio.gather(*(self._tell(address, number) for address in due[:PARALLEL]))
            self._left_then = None
            left = await self._left(number)
        await self._switch(bool(left))

    async def _left(self, number: int) -> dict[str, str]:
        """Who has not confirmed: as it was read a while ago, where nothing that we know of can have changed it."""
        basis, now = (number, len(self._registry.nodes)), self._clock.monotonic()
        if self._left_then is None or self._left_then[0] != basis or self._left_then[1] <= now:
            self._left_then = basis, now + READ_S, await self._read(number)
        return self._left_then[2]

    async def _read(self, number: int) -> dict[str, str]:
        nodes, now = tuple(self._registry.nodes), self._clock.now()
        known = await self._store.read(lambda c: set(c.execute(sa.select(told.c.address)).scalars()))
        gone = known.difference(nodes) if self._settled else set()
        if gone or not known.issuperset(nodes):
            await self._store.call(partial(_sync, new=[n for n in nodes if n not in known], gone=gone))
        return await self._store.read(partial(unconfirmed, number=number, now=now))

    @property
    def _settled(self) -> bool:
        return self._since is not None and self._clock.monotonic() - self._since >= SETTLED_S

    def _pace(self, address: str) -> _Pace:
        return self._paces.setdefault(address, _Pace())

    async def _tell(self, address: str, number: int) -> None:
        keys = tuple(KeyInForce(id=key.id, public=key.public) for key in self._ring.granted())
        args, by = UpdateKeys(number=number, keys=keys), self._ring.known_signer()
        outcome = await self._commands.send(address, args, limit=10, life=300, signer=by)
        pace = self._pace(address)
        pace.at = self._clock.monotonic() + pace.pause
        pace.pause = min(pace.pause * 2, AGAIN_MOST_S)
        await self._store.call(partial(_note, address=address, number=number, outcome=outcome))

    async def _switch(self, some_left: bool) -> None:
        state = self._ring.state
        if not state.rotating or state.signs == state.keys[-1][0]:
            return
        over = state.until is not None and self._clock.now() >= state.until
        if (over or (not some_left and self._settled)) and await asyncio.to_thread(self._ring.switch):
            why = "the overlap is over" if over else "every node has confirmed it"
            logger.warning("commands are signed by the key %s from now on: %s", self._ring.key_id, why)


def _sync(connection: Connection, new: Collection[str], gone: Collection[str]) -> None:
    insert_new(connection, told, *({"address": address, "number": 0} for address in new))
    if gone:
        connection.execute(told.delete().where(told.c.address.in_(gone)))


def _note(connection: Connection, address: str, number: int, outcome: Outcome) -> None:
    mine = told.update().where(told.c.address == address)
    if outcome.state == "done":
        connection.execute(mine.values(number=number, why=""))
    elif outcome.state != "unsent":
        connection.execute(mine.values(why=outcome.fault.code if outcome.fault else outcome.state))

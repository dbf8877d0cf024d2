"""Gives a node that comes with an empty store again what people had chosen: volumes, armed rules, lights by hand."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.commands import Args, ArmRule, SetVolume, SwitchOverride, SwitchRelease
from edge_agent.contract.switched import LightState
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import NOBODY
from hub.registry import Registry
from hub.store import Store, StoreFull
from hub.tables import metadata, upsert

logger = logging.getLogger(__name__)

LOOK_S = 1.0
ANSWER_S, LIFE_S = 10.0, 30.0
AGAIN_S = 15.0
PARALLEL = 20
"""Nodes that are sent something at the same time."""
SAFE_MODE = "node.safe_mode"

wishes = sa.Table(
    "node_wishes",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("thing", sa.Text, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)
"""What the node said was done. `kind`: `volume`, per cent; `armed`, 1 or 0."""
given = sa.Table(
    "node_given",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("store", sa.Text, nullable=False),
)
"""The store of each node that has them all."""


class Restoring:
    """`look` and `send` are run again and again. Nobody acts: a node's log names the console."""

    def __init__(self, store: Store, registry: Registry, commands: Commands, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._commands = commands
        self._clock = clock
        self._known: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._lit: dict[str, tuple[SwitchOverride, ...]] = {}
        self._pending: set[str] = set()
        self._answered: dict[str, tuple[str, set[str]]] = {}
        self._due: dict[str, float] = {}
        commands.on_one.append(self.one)
        commands.on_many.append(self.many)

    async def load(self) -> None:
        """Read which store each node had. Raises SQLAlchemyError."""
        rows = await self._store.read(lambda c: c.execute(sa.select(given)).fetchall())
        self._known = {row.address: row.store for row in rows}

    async def run(self) -> None:
        """Until cancelled, look who came with another store."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def deliver(self) -> None:
        """Until cancelled, send what is to be sent."""
        while True:
            await self.send()
            await asyncio.sleep(LOOK_S)

    def one(self, address: str, args: Args, outcome: Outcome) -> None:
        """Remember what a node has done."""
        if outcome.state != "done":
            return
        if isinstance(args, SwitchOverride | SwitchRelease) and address in self._pending and person() is not NOBODY:
            self._lit.pop(address, None)  # somebody has decided anew meanwhile
        row = self._wish(address, args)
        if row is None:
            return
        try:
            self._store.offer(lambda c: upsert(c, wishes, row))
        except StoreFull:
            logger.error("not remembered for %s, the database takes nothing: %s", address, args.do)

    def many(self, _commune: str, args: Args, outcomes: Mapping[str, Outcome]) -> None:
        """The same of many nodes."""
        for address, outcome in outcomes.items():
            self.one(address, args, outcome)

    async def forgotten(self, address: str) -> None:
        """A node was taken out of the lists, and with it what was chosen for it. Raises SQLAlchemyError, StoreFull."""
        self._lit.pop(address, None)
        self._known.pop(address, None)
        self._versions.pop(address, None)
        self._pending.discard(address)

        def work(connection: Connection) -> int:
            connection.execute(given.delete().where(given.c.address == address))
            return connection.execute(wishes.delete().where(wishes.c.address == address)).rowcount

        await self._store.call(work)

    async def look(self) -> None:
        """Once. Raises SQLAlchemyError, StoreFull."""
        for address, node in list(self._registry.nodes.items()):
            if self._versions.get(address) == node.version:
                continue
            self._versions[address] = node.version
            store = node.status.store if node.status and node.status.online else None
            if store is not None and address not in self._known:
                await self._keep(address, store)
            if store is not None and store != self._known[address]:
                self._pending.add(address)
            elif address not in self._pending:
                self._lit[address] = _by_hand(node)

    async def send(self) -> None:
        """Once, to whoever is due and there."""
        now = self._clock.monotonic()
        due = [each for each in self._pending if now >= self._due.get(each, 0.0) and self._registry.is_online(each)]
        await asyncio.gather(*map(self._restore, due[:PARALLEL]))

    async def _restore(self, address: str) -> None:
        node = self._registry.nodes.get(address)
        status = node.status if node else None
        if status is None or status.store is None or (status.fault and status.fault.code == SAFE_MODE):
            return  # in safe mode it would refuse
        self._due[address] = self._clock.monotonic() + AGAIN_S
        if self._answered.get(address, ("", set()))[0] != status.store:
            self._answered[address] = status.store, set()
        answered = self._answered[address][1]
        try:
            for args in await self._wanted(address):
                key = args.model_dump_json()
                if key in answered:
                    continue
                outcome = await self._commands.send(address, args, limit=ANSWER_S, life=LIFE_S)
                if outcome.state in ("silent", "unsent"):
                    return
                answered.add(key)
                logger.warning("%s has another store than before: %s again: %s", address, key, outcome.state)
            await self._keep(address, status.store)
        except (SQLAlchemyError, StoreFull) as error:
            logger.error("%s is not given what was chosen for it: %s", address, error)
            return
        self._pending.discard(address)
        for kept in (self._answered, self._due, self._lit, self._versions):
            kept.pop(address, None)

    async def _wanted(self, address: str) -> list[SetVolume | ArmRule | SwitchOverride]:
        chosen = sa.select(wishes).where(wishes.c.address == address).order_by(wishes.c.kind, wishes.c.thing)
        rows = await self._store.read(lambda c: c.execute(chosen).fetchall())
        now = self._clock.now()
        lit = [each for each in self._lit.get(address, ()) if each.until is not None and each.until > now]
        return [*(_command(row.kind, row.thing, row.value) for row in rows), *lit]

    async def _keep(self, address: str, store: str) -> None:
        await self._store.call(partial(upsert, table=given, row={"address": address, "store": store}))
        self._known[address] = store

    def _wish(self, address: str, args: Args) -> dict[str, object] | None:
        if isinstance(args, ArmRule):
            return {"address": address, "kind": "armed", "thing": args.rule, "value": float(args.armed)}
        if not isinstance(args, SetVolume):
            return None
        node = self._registry.nodes.get(address)
        things = node.about.capabilities if node and node.about else ()
        speaker = args.speaker or next((each.id for each in things if each.kind == "speaker"), None)
        if speaker is None:
            return None
        return {"address": address, "kind": "volume", "thing": speaker, "value": args.volume}


def _command(kind: str, thing: str, value: float) -> SetVolume | ArmRule:
    return ArmRule(rule=thing, armed=bool(value)) if kind == "armed" else SetVolume(speaker=thing, volume=value)


def _by_hand(node: Node) -> tuple[SwitchOverride, ...]:
    """Lights that somebody has switched until a time. Pumps and the like are left alone: how much of an amount has
    flowed died with the box, and nothing that moves water starts by itself.
    """
    states: Iterable[LightState] = (state for state in node.states.values() if isinstance(state, LightState))
    return tuple(
        SwitchOverride(thing=state.id, level=state.wanted, until=state.until)
        for state in states
        if state.why == "override" and state.until is not None
    )

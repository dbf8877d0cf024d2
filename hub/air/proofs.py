"""What each node aired last, from the as-aired log; asked again only where a node has told something new."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from hub.air.choosing import by_commune
from hub.air.rounds import Round
from hub.aired.rows import Row, Wanted, rows
from hub.clock import Clock
from hub.ledger import Ledger
from hub.node import Node
from hub.store import Store

BACK = timedelta(days=31)
UNHEARD_MOST = 5000
KEPT = 2000
LATE = timedelta(minutes=5)
"""By so much the clocks of nodes may differ, or words wait for what is on air."""
MOST = 20_000
"""Airings of one commune within that time."""
ROUNDS = 50


class Proofs:
    """The last airing of each node that somebody looks at."""

    def __init__(self, store: Store, ledger: Ledger, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._known: dict[str, tuple[int, Row | None]] = {}
        self._rounds: OrderedDict[str, tuple[tuple[object, ...], dict[str, Row]]] = OrderedDict()

    async def last(self, nodes: Iterable[Node]) -> dict[str, Row | None]:
        """By address. Raises SQLAlchemyError."""
        versions = {node.address: self._version(node.address) for node in nodes}
        wanted = [a for a, version in versions.items() if a not in self._known or self._known[a][0] != version]
        if wanted:
            now = self._clock.now()

            def read(connection: Connection) -> dict[str, Row | None]:
                spans = {a: Wanted(now - BACK, now + timedelta(days=1), a) for a in wanted}
                return {a: next(rows(connection, span, 1, newest=True), None) for a, span in spans.items()}

            if len(self._known) > KEPT:
                self._known.clear()
            for address, row in (await self._store.read(read)).items():
                self._known[address] = versions[address], row
        return {address: self._known[address][1] for address in versions if address in self._known}

    async def of_round(self, made: Round) -> dict[str, Row]:
        """What became of the words of a round, by the address of the node that has told it. Raises SQLAlchemyError."""
        commands = {outcome.command for outcome in made.outcomes.values()} - {""}
        version = (len(made.outcomes), *(self._version(address) for address in made.nodes))
        known = self._rounds.get(made.id)
        if not commands or (known is not None and known[0] == version):
            return known[1] if known is not None else {}
        end = made.at + timedelta(seconds=made.limit + made.life) + LATE
        spans = [Wanted(made.at - LATE, end, commune) for commune in by_commune(made.nodes)]
        wanted = set(made.nodes)

        def read(connection: Connection) -> dict[str, Row]:
            found = (row for span in spans for row in rows(connection, span, MOST))
            return {row.address: row for row in found if row.address in wanted and row.airing.id in commands}

        told = await self._store.read(read)
        self._rounds[made.id] = version, told
        while len(self._rounds) > ROUNDS:
            self._rounds.popitem(last=False)
        return told

    async def unheard(self) -> set[tuple[str, str]]:
        """Address and id of each loudspeaker of which the last airing that was listened to was not heard.

        Raises SQLAlchemyError.
        """
        now = self._clock.now()
        return await self._store.read(lambda c: _unheard(c, now - BACK, now + timedelta(days=1)))

    def _version(self, address: str) -> int:
        account = self._ledger.accounts.get(address)
        return account.version if account else 0


def _unheard(connection: Connection, start: datetime, end: datetime) -> set[tuple[str, str]]:
    last: dict[tuple[str, str], Row] = {}
    for row in rows(connection, Wanted(start, end, show="unheard"), UNHEARD_MOST, newest=True):
        last.setdefault((row.address, row.airing.speaker), row)

    def is_heard_since(row: Row) -> bool:
        later = rows(connection, Wanted(row.at, end, row.address))
        return any(each.heard and each.airing.speaker == row.airing.speaker and each.at > row.at for each in later)

    return {key for key, row in last.items() if not is_heard_since(row)}

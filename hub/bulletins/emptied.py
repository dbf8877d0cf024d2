"""Notices a node whose store is another than it was: a box that was replaced, or lost its card, has nothing more."""

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.bulletins.deliveries import Delivery, Sent
from hub.node import Node
from hub.tables import metadata, upsert

stores = sa.Table(
    "node_stores",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("store", sa.Text, nullable=False),
)


class Stores:
    """Which store each node had when the hub saw it last."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._dirty: dict[str, str] = {}

    def load(self, rows: Iterable[tuple[str, str]]) -> None:
        """What `read` found."""
        self._known = dict(rows)

    def is_emptied(self, node: Node) -> bool:
        """Whether the node came with another store than the one known; said once."""
        status = node.status
        if status is None or not status.online or status.store is None:
            return False  # a last will, or an older node: nothing is known
        before = self._known.get(node.address)
        if status.store == before:
            return False
        self._known[node.address] = self._dirty[node.address] = status.store
        return before is not None

    def take_dirty(self) -> dict[str, str]:
        """What is to be written, together with what follows from it."""
        dirty, self._dirty = self._dirty, {}
        return dirty

    def give_back(self, dirty: dict[str, str]) -> None:
        """It could not be written."""
        self._dirty = {**dirty, **self._dirty}


def anew(row: Delivery) -> Delivery:
    """The same, of a node that has nothing of it."""
    return replace(row, taken=0, state=Sent.WAITING, fault=None, seen=None, tries=0)


def read(connection: Connection) -> list[tuple[str, str]]:
    """Address and store of each node."""
    return [(row.address, row.store) for row in connection.execute(sa.select(stores))]


def write(connection: Connection, dirty: dict[str, str]) -> None:
    """Insert or replace."""
    for address, store in dirty.items():
        upsert(connection, stores, {"address": address, "store": store})

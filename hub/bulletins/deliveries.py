"""Which node has which bulletin: one row each, so that a restart forgets nothing that was promised to a node."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState
from hub.tables import metadata, upsert

deliveries = sa.Table(
    "bulletin_deliveries",
    metadata,
    sa.Column("bulletin", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("fault", sa.Text, nullable=False),
    sa.Column("seen", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("changed", sa.Text, nullable=False),
    sa.Index("bulletin_deliveries_address", "address"),
)
"""`wanted`: the number of the bulletin that the node shall have, 0: none; `taken`: the one it said it has.
`seen`: the node's last own word (BulletinState)."""


class Sent(StrEnum):
    """How far it has come to a node."""

    WAITING = "waiting"
    """Not sent: the broker is away, or it is not its turn."""
    SENT = "sent"
    """On its way; nothing was heard of the node yet."""
    TAKEN = "taken"
    """The node has it on its calendar, or has taken it off if that was wanted."""
    REFUSED = "refused"
    """The node will not have it, and says why."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One bulletin at one node."""

    bulletin: str
    address: str
    wanted: int
    taken: int = 0
    state: Sent = Sent.WAITING
    fault: Fault | None = None
    seen: BulletinState | None = None
    tries: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Bulletin and address."""
        return self.bulletin, self.address

    @property
    def is_settled(self) -> bool:
        """Whether nothing has to be sent: the node has what it shall have, or has refused just that."""
        return self.state is Sent.REFUSED or (self.state is Sent.TAKEN and self.taken == self.wanted)

    def wants(self, number: int) -> "Delivery":
        """The same, with another number to be had."""
        if number == self.wanted:
            return self
        return replace(self, wanted=number, state=Sent.WAITING, fault=None, tries=0)


def standing(delivery: Delivery, online: bool) -> str:
    """In one word what the page says of a node: `away`, `waiting`, `refused`, or what the node itself says."""
    if delivery.state is Sent.REFUSED:
        return "refused"
    if delivery.state is not Sent.TAKEN or delivery.taken != delivery.wanted:
        return "sending" if online else "away"
    seen = delivery.seen
    if seen is None:
        return "taken"
    if seen.actual == "preparing" and seen.fault is not None:
        return "trouble"
    if seen.actual in ("aired", "partly") and seen.heard is False:
        return "unheard"
    return str(seen.actual)


def read(connection: Connection, bulletins: Iterable[str] | None = None) -> list[Delivery]:
    """All rows, or those of these bulletins."""
    query = sa.select(deliveries)
    if bulletins is not None:
        query = query.where(deliveries.c.bulletin.in_(list(bulletins)))
    return [_of(row._mapping) for row in connection.execute(query)]


def write(connection: Connection, rows: Iterable[Delivery], now: datetime) -> None:
    """Insert or replace."""
    for each in rows:
        upsert(
            connection,
            deliveries,
            {
                "bulletin": each.bulletin,
                "address": each.address,
                "wanted": each.wanted,
                "taken": each.taken,
                "state": str(each.state),
                "fault": each.fault.model_dump_json() if each.fault else "",
                "seen": each.seen.body().decode() if each.seen else "",
                "tries": each.tries,
                "changed": iso(now),
            },
        )


def _of(row: "sa.RowMapping") -> Delivery:
    return Delivery(
        row["bulletin"],
        row["address"],
        row["wanted"],
        row["taken"],
        Sent(row["state"]),
        Fault.model_validate_json(row["fault"]) if row["fault"] else None,
        _seen(row["seen"]),
        row["tries"],
    )


def _seen(body: str) -> BulletinState | None:
    try:
        return BulletinState.model_validate_json(body) if body else None
    except ValidationError:  # an older hub's
        return None

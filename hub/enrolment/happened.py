"""What became of the boxes of a node: replaced by another, or two at once under its name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.enrolment.tables import certificates, clones

Kind = Literal["replaced", "cloned"]


@dataclass(frozen=True, slots=True)
class Happened:
    """`board` was there first, `other` came; by the marks that their statuses tell. `serial`: the certificate then."""

    commune: str
    name: str
    kind: Kind
    at: datetime
    board: str
    other: str
    model: str = ""
    other_model: str = ""
    serial: str = ""

    @property
    def address(self) -> str:
        """Commune and name."""
        return f"{self.commune}/{self.name}"


def read(connection: Connection) -> dict[str, tuple[Happened, ...]]:
    """By address, the oldest first."""
    found: dict[str, list[Happened]] = {}
    for each in [*_replaced(connection), *_cloned(connection)]:
        found.setdefault(each.address, []).append(each)
    return {address: tuple(sorted(all_, key=lambda each: each.at)) for address, all_ in found.items()}


def write(connection: Connection, noted: Iterable[Happened]) -> int:
    """Keep clones that were noticed; how many. Boxes that were replaced are known by their certificates."""
    rows = [
        {
            "commune": each.commune,
            "name": each.name,
            "serial": each.serial,
            "at": iso(each.at),
            "board": each.board,
            "other": each.other,
        }
        for each in noted
    ]
    if rows:
        connection.execute(clones.insert(), rows)
    return len(rows)


def _replaced(connection: Connection) -> Iterator[Happened]:
    """Where a name has a certificate for another board, and its earlier one was revoked by then.

    A renewal revokes nothing: what it says of its board makes no other box of it.
    """
    columns = ("commune", "name", "serial", "made", "revoked", "mark", "model")
    chosen = sa.select(*(certificates.c[column] for column in columns)).where(certificates.c.mark != "")
    rows = connection.execute(chosen.order_by("commune", "name", "made", "serial"))
    for _, of_node in groupby(rows, key=lambda row: (row.commune, row.name)):
        yield from (_one(before, row) for before, row in pairwise(of_node) if _follows(before, row))


def _follows(before: Any, row: Any) -> bool:
    if before.mark == row.mark or not before.revoked:
        return False
    return datetime.fromisoformat(before.revoked) <= datetime.fromisoformat(row.made)


def _one(before: Any, row: Any) -> Happened:
    made = datetime.fromisoformat(row.made)
    boards = (before.mark, row.mark, before.model, row.model)
    return Happened(row.commune, row.name, "replaced", made, *boards, serial=row.serial)


def _cloned(connection: Connection) -> Iterator[Happened]:
    for row in connection.execute(sa.select(clones).order_by(clones.c.id)):
        at = datetime.fromisoformat(row.at)
        yield Happened(row.commune, row.name, "cloned", at, row.board, row.other, serial=row.serial)

"""Rows of the as-aired log: what there is, and how it is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.airings import Airing
from hub.tables import Long, metadata

airings = sa.Table(
    "airings",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("epoch", Long, primary_key=True),
    sa.Column("seq", Long, primary_key=True),
    sa.Column("at", Long, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("started", Long),
    sa.Column("class", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("heard", sa.Integer),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("airings_at", "at"),
    sa.Index("airings_item", "address", "item", "at"),
)
hearings = sa.Table(
    "hearings",
    metadata,
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("started", Long, nullable=False),
    sa.Column("heard", sa.Integer, nullable=False),
    sa.Column("score", sa.Double),
    sa.UniqueConstraint("address", "item", "started"),
)
"""They stand apart: they may come before the airing that they tell of. Times in microseconds since 1970."""
node_names = sa.Table(
    "node_names",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
)

Show = Literal["all", "aired", "partly", "missed", "unheard"]
SHOWS: tuple[Show, ...] = get_args(Show)
CLASSES = ("ordinary", "priority", "emergency")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANCES = "instances"
"""Among the `params` of an airing: for how many instances the row stands, where the node told them in one event."""
UNDELIVERED = "hub.undelivered"
"""In the place of a node's code, where the hub itself knows it: the bulletin never came to the node."""
UNREACHED = "hub.unreached"
"""The same of an emergency, of which there may have been no answer either."""
_SANE = 2**52
"""Microseconds beyond which a time is a mistake (the year 2112)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: from `start` on and before `end`. `where`: a commune, or `{commune}/{node}`; empty: all.

    `within`: only of these, written as `where`, whatever else is wanted: all that the reader may see; None: everything.
    """

    start: datetime
    end: datetime
    where: str = ""
    show: Show = "all"
    class_: str = ""
    within: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An airing at one node. `at`: when it was meant to begin, or did."""

    address: str
    at: datetime
    airing: Airing
    heard: bool | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a month, whatever is filtered by result."""

    all: int = 0
    aired: int = 0
    partly: int = 0
    missed: int = 0
    heard: int = 0
    unheard: int = 0
    seconds: float = 0

    @property
    def unknown(self) -> int:
        """On air, and nobody listened."""
        return self.aired + self.partly - self.heard - self.unheard


Place = tuple[int, int, str, int, int]
"""Where a row stands in the order of the log."""


def names(connection: Connection) -> dict[str, str]:
    """Address -> what the node is called; of every node that is in the log, the address where no name is known."""
    known = dict.fromkeys(connection.execute(sa.select(airings.c.address).distinct()).scalars(), "")
    known |= {address: title for address, title, _ in connection.execute(sa.select(node_names))}
    return {address: title.strip() or address.partition("/")[2] for address, title in known.items()}


def rows(
    connection: Connection, wanted: Wanted, most: int | None = None, skip: int = 0, *, newest: bool = False
) -> Iterator[Row]:
    """The rows in the order in which they began, or the newest first; at most `most` after the first `skip`.

    What was missed stands at the instant it was meant for.
    """
    order = [part.desc() if newest else part.asc() for part in _ORDER[:2]]
    query = _QUERY.where(*_conditions(wanted, wanted.show)).order_by(*order, *_ORDER[2:]).limit(most).offset(skip)
    for found in connection.execute(query.execution_options(yield_per=1000)):
        if row := _row(tuple(found)):
            yield row


def chunk(connection: Connection, wanted: Wanted, after: Place | None, most: int) -> tuple[list[Row], Place | None]:
    """The next rows in the order in which they began, and where the last of them stands; None: that was all."""
    query = _QUERY.where(*_conditions(wanted, wanted.show)).order_by(*_ORDER).limit(most)
    if after is not None:
        query = query.where(sa.tuple_(*_ORDER) > sa.tuple_(*(sa.literal(value) for value in after)))
    found = connection.execute(query).fetchall()
    last: Place | None = None if len(found) < most else tuple(found[-1][5:])
    return [row for each in found if (row := _row(tuple(each)))], last


def count(connection: Connection, wanted: Wanted) -> int:
    """How many rows there are."""
    query = sa.select(sa.func.count()).select_from(_JOINED).where(*_conditions(wanted, wanted.show))
    return int(connection.execute(query).scalar_one())


def totals(connection: Connection, wanted: Wanted) -> Totals:
    """What it comes to."""
    conditions = _conditions(wanted, "all")
    state, on_air = airings.c.state, airings.c.state != "missed"
    query = sa.select(
        sa.func.count(),
        *(_sum(state == one) for one in ("aired", "partly", "missed")),
        _sum(on_air & (_HEARD == 1)),
        _sum(on_air & (_HEARD == 0)),
        sa.func.coalesce(sa.func.sum(airings.c.seconds), 0.0),
    )
    *numbers, seconds = connection.execute(query.select_from(_JOINED).where(*conditions)).one()
    every, aired, partly, missed, heard, unheard = map(int, numbers)
    further = [0, 0]
    several = sa.select(state, airings.c.body).where(*conditions, airings.c.body.contains(f'"{INSTANCES}":'))
    for was, body in connection.execute(several.select_from(_JOINED)):
        more = _instances(body) - 1
        further[0] += more
        further[1] += more if was == "missed" else 0
    return Totals(every + further[0], aired, partly, missed + further[1], heard, unheard, float(seconds))


_JOINED = airings.outerjoin(
    hearings,
    sa.and_(
        hearings.c.address == airings.c.address,
        hearings.c.item == airings.c.item,
        hearings.c.started == airings.c.started,
    ),
)
_HEARD = sa.func.coalesce(hearings.c.heard, airings.c.heard)
_BEGAN = (
    sa.case((airings.c.state != "missed", sa.func.coalesce(airings.c.started, airings.c.at)), else_=airings.c.at)
    // 1_000_000
)
"""To the second, as it is shown."""
_ORDER = (_BEGAN, airings.c.at, airings.c.address, airings.c.seq, airings.c.epoch)
_QUERY = sa.select(
    airings.c.address, airings.c.at, airings.c.body, _HEARD.label("is_heard"), hearings.c.score, *_ORDER
).select_from(_JOINED)


def _row(found: Sequence[Any]) -> Row | None:
    address, at, body, heard, score = found[:5]
    try:
        airing = Airing.model_validate_json(body)
    except ValidationError:
        return None  # written by another version of the hub
    return Row(address, _instant(at), airing, None if heard is None else bool(heard), score or airing.heard_score)


def _sum(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _instances(body: str) -> int:
    """For how many instances a row stands."""
    try:
        told = Airing.model_validate_json(body).params.get(INSTANCES, 1)
    except ValidationError:
        return 1
    return told if isinstance(told, int) and told > 0 else 1


def _conditions(wanted: Wanted, show: Show) -> list[sa.ColumnElement[bool]]:
    at, address = airings.c.at, airings.c.address
    parts: list[sa.ColumnElement[bool]] = [at >= micros(wanted.start), at < micros(wanted.end)]
    if wanted.where:
        parts.append(_inside(wanted.where))
    if wanted.within is not None:
        nodes = [place for place in wanted.within if "/" in place]
        parts.append(sa.or_(address.in_(nodes), *(_inside(place) for place in wanted.within if "/" not in place)))
    if wanted.class_:
        parts.append(airings.c["class"] == wanted.class_)
    if show == "unheard":
        parts.append((airings.c.state != "missed") & (_HEARD == 0))
    elif show != "all":
        parts.append(airings.c.state == show)
    return parts


def _inside(where: str) -> sa.ColumnElement[bool]:
    address = airings.c.address
    return address == where if "/" in where else sa.func.substr(address, 1, len(where) + 1) == f"{where}/"


def seen(address: str, wanted: Wanted) -> bool:
    """Whether a node lies within what the reader may see."""
    return wanted.within is None or address in wanted.within or address.partition("/")[0] in wanted.within


def zones(connection: Connection) -> dict[str, str]:
    """Address -> area as the node called it, also of nodes that are no more there."""
    found = connection.execute(sa.select(node_names.c.address, node_names.c.zone))
    return {row.address: row.zone for row in found}


def said_by_hub(code: str) -> str:
    """The key of the sentence of one of the hub's own codes."""
    return "aired.undelivered" if code == UNDELIVERED else "aired.unreached"


def started_at(airing: Airing) -> datetime | None:
    """When its first sample was heard."""
    micros = sane(airing.started_us)
    return None if micros is None else _instant(micros)


def sane(micros: int | None) -> int | None:
    """Microseconds that can be a time; None for others, which nodes may send too."""
    return micros if micros is not None and 0 < micros < _SANE else None


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)

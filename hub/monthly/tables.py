"""What is kept of each month: sums by node and thing, where counters stood, and faults with their length.

Raw records are trimmed, and nobody adds up those of ten thousand nodes while a page waits; so sums are kept.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.tables import Long, inserting, metadata

month_sums = sa.Table(
    "month_sums",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("family", sa.Text, primary_key=True),
    sa.Column("thing", sa.Text, primary_key=True),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
)
"""`family`: `kwh_measured`, `kwh_estimated`, `kwh_unclear`, `kwh_cabinet`, `hours`, `litres`; in seconds `online`,
`offline`, `recorded`, `missed`; `absences`. `thing`: its id; empty for the node itself."""
month_counters = sa.Table(
    "month_counters",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", Long, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
)
"""Where a counter of telemetry stood when it was read last; `at` in ms since 1970."""
month_faults = sa.Table(
    "month_faults",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("thing", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("since", Long, primary_key=True),
    sa.Column("until", Long, nullable=False),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Index("month_faults_until", "until"),
)
"""`thing`: `kind/id`; `since` and `until` in ms since 1970; `OPEN`: it is not over."""
OPEN = 2**52
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Sum = tuple[str, str, str, str]
"""Month, address, family, thing."""


def millis(instant: datetime) -> int:
    """Milliseconds since 1970."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant_of(ms: int) -> datetime:
    """The instant of so many milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


def month_of(ms: int, zone: ZoneInfo) -> str:
    """`2026-11`, local time."""
    return f"{instant_of(ms).astimezone(zone):%Y-%m}"


def bounds(month: str, zone: ZoneInfo) -> tuple[int, int]:
    """First and last instant of a month, ms since 1970; the last one is outside."""
    year, number = map(int, month.split("-"))
    begin = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return millis(begin), millis(end)


def add(connection: Connection, sums: Mapping[Sum, float]) -> None:
    """Add to what is there. Runs in the store's thread."""
    rows = [
        {
            **dict(zip(("month", "address", "family", "thing"), key, strict=True)),
            "commune": key[1].partition("/")[0],
            "value": value,
        }
        for key, value in sums.items()
        if value
    ]
    if not rows:
        return
    insert = inserting(connection.dialect.name, month_sums)
    more = {"value": month_sums.c.value + insert.excluded.value}
    connection.execute(insert.on_conflict_do_update(index_elements=list(month_sums.primary_key), set_=more), rows)


def inside(table: sa.Table, within: Iterable[str] | None) -> list[sa.ColumnElement[bool]]:
    """Only rows of these communes and addresses; None: all."""
    if within is None:
        return []
    places = tuple(within)
    nodes = [place for place in places if "/" in place]
    return [sa.or_(table.c.address.in_(nodes), table.c.commune.in_([p for p in places if "/" not in p]))]

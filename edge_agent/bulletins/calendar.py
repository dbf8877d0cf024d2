"""When a bulletin is due, as bare instants; what was moved or changed is told by `edge_agent.calendar`."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent import calendar
from edge_agent.contract.bulletins import Bulletin


def occurrences(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Instants on air strictly after an instant, in UTC, earliest first, some years ahead."""
    return (each.at for each in calendar.occurrences(bulletin, after, zone))


def next_after(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The next instant on air after an instant, if there is one."""
    return next(occurrences(bulletin, after, zone), None)

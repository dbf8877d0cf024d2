"""When a bulletin is due. Pure: RFC 5545 by dateutil, in the node's local time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil import rrule

from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.recurrence import parts_of

_HORIZON = timedelta(days=5 * 366)
_PERIODS = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}


def occurrences(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Instants on air strictly after an instant, in UTC, earliest first, up to five years ahead.

    For a rule that never matches (30 February) dateutil looks until the year 9999, which takes seconds: whoever asks
    for the first time should not ask in the event loop.
    """
    if bulletin.recurrence is None:
        if bulletin.at > after:
            yield bulletin.at
        return
    left_out = set(bulletin.recurrence.except_)
    for local in _locals(bulletin, after, zone):
        instant = local.replace(tzinfo=zone).astimezone(UTC)
        if instant > after and instant not in left_out:
            yield instant


def next_after(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The next instant on air after an instant, if there is one."""
    return next(occurrences(bulletin, after, zone), None)


def _locals(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The rule runs in local wall time without offset: 05:30 stays 05:30. Also yields some before `after`."""
    assert bulletin.recurrence is not None  # noqa: S101 - the caller looked
    parts = parts_of(bulletin.recurrence.rule or "")
    first = bulletin.at.astimezone(zone).replace(tzinfo=None)
    start = after.astimezone(zone).replace(tzinfo=None)
    end = max(first, start) + _HORIZON
    if "UNTIL" in parts:  # RFC 5545 writes it in UTC when the start has a zone
        until = datetime.strptime(parts.pop("UNTIL"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        end = min(end, until.astimezone(zone).replace(tzinfo=None))
    count = int(parts.pop("COUNT", "0"))
    if not count and parts["FREQ"] in _PERIODS:
        # whole periods change nothing but the time it takes: an hourly rule of last year has thousands behind it
        period = _PERIODS[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
        first += max(0, (start - first) // period - 1) * period
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        rule = rrule.rrulestr(f"{text};UNTIL={end:%Y%m%dT%H%M%S}", dtstart=first)
    except ValueError:  # dateutil sees by itself that, say, every 24 hours at another hour never comes
        return
    for number, local in enumerate(rule):
        if count and number >= count:
            return
        yield local

"""When a bulletin is due. Pure: RFC 5545 by dateutil, in the node's local time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dateutil import rrule

from edge_agent.contract.bulletins import Bulletin


def occurrences(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Instants on air strictly after an instant, in UTC, earliest first; may never end."""
    if bulletin.recurrence is None:
        if bulletin.at > after:
            yield bulletin.at
        return
    # the rule runs in local wall time without offset: 05:30 stays 05:30
    first = bulletin.at.astimezone(zone).replace(tzinfo=None)
    rule = rrule.rrulestr(_with_local_until(bulletin.recurrence.rule, zone), dtstart=first)
    left_out = set(bulletin.recurrence.except_)
    for local in rule.xafter(after.astimezone(zone).replace(tzinfo=None), inc=True):
        instant = local.replace(tzinfo=zone).astimezone(UTC)
        if instant > after and instant not in left_out:
            yield instant


def next_after(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The next instant on air after an instant, if there is one."""
    return next(occurrences(bulletin, after, zone), None)


def _with_local_until(rule: str, zone: ZoneInfo) -> str:
    """RFC 5545 writes UNTIL in UTC when the start has a zone; our start is local, so UNTIL must be too."""
    parts = []
    for part in rule.removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name.upper() == "UNTIL" and value.upper().endswith("Z"):
            until = datetime.strptime(value.upper(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            value = until.astimezone(zone).strftime("%Y%m%dT%H%M%S")
        parts.append(f"{name}={value}")
    return ";".join(parts)

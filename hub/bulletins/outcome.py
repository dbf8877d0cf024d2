"""What came of a bulletin that was to be heard, as soon as its nodes say so."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.bulletins.deliveries import Delivery
from hub.bulletins.instants import coming
from hub.bulletins.model import HubBulletin, State

SILENCE = timedelta(minutes=6)
"""So long after its instant a node that is late may still begin; what nobody began then was missed."""
OVER = timedelta(minutes=30)
"""So long after the last instance its proof is waited for; then the bulletin is over."""
GIVEN_UP = timedelta(hours=24)
"""So long one that nobody aired stays before people's eyes."""
_LET_GO = (State.APPROVED, State.DISTRIBUTED)


def outcome(bulletin: HubBulletin, count: Mapping[str, int], now: datetime) -> str:
    """`aired`, `partly`, `missed`, `refused` (by all); empty while something may still come.

    `count`: how many nodes stand so (deliveries.standing). Of a series only that all refused it is known here.
    """
    all_, whole, some = sum(count.values()), count.get("aired", 0) + count.get("unheard", 0), count.get("partly", 0)
    came = "aired" if all_ and whole == all_ else "partly" if whole or some else "missed"
    if bulletin.state is State.DONE:
        return came
    if bulletin.state not in _LET_GO or bulletin.released is None:
        return ""
    if all_ and count.get("refused", 0) == all_:
        return "refused"
    told = all_ and whole + some + count.get("missed", 0) + count.get("refused", 0) == all_
    schedule = bulletin.released.schedule
    open_ = not told and (count.get("on_air", 0) or now < schedule.at + SILENCE)
    return "" if open_ or schedule.recurrence is not None else came


def is_over(bulletin: HubBulletin, rows: Iterable[Delivery], now: datetime, zone: ZoneInfo) -> bool:
    """Whether nothing of one that was let go is to come any more. `rows`: how far it has come to nodes."""
    assert bulletin.released is not None  # noqa: S101 - the caller looked
    schedule = bulletin.released.schedule
    if schedule.recurrence is None:
        told = [row.seen.actual for row in rows if row.wanted and row.seen is not None]
        aired = any(actual in ("aired", "partly") for actual in told)
        return now >= schedule.at + (OVER if aired else GIVEN_UP)
    return not coming(schedule, now - OVER, zone, 1)

"""What came of a bulletin that was to be heard, as soon as its nodes say so."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from hub.bulletins.model import HubBulletin, State

SILENCE = timedelta(minutes=6)
"""So long after its instant a node that is late may still begin; what nobody began then was missed."""
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

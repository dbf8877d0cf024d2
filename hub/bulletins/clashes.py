"""What stands in the way of a plan: the hours of the law, and other bulletins on the same loudspeakers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.bulletins.hours import Planned, Policy, Unlawful, unlawful
from hub.bulletins.instants import instances
from hub.bulletins.listening import seconds_of
from hub.bulletins.model import HubBulletin, Targets
from hub.bulletins.scope import Scope

AHEAD = timedelta(days=30)
MOST = 5


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another bulletin that is on air then. `free`: when that is over, rounded up to the next five minutes."""

    at: datetime
    title: str
    id: str
    free: datetime


@dataclass(frozen=True, slots=True)
class Against:
    """All that stands in the way."""

    unlawful: tuple[Unlawful, ...] = ()
    overlaps: tuple[Overlap, ...] = ()


def against(
    planned: Planned,
    others: Iterable[HubBulletin],
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Against:
    """What the coming 30 days bring. `others`: those on the same loudspeakers."""
    beside = [(other, of_released(other)) for other in others if other.id != planned.id]
    known = [(other, plan) for other, plan in beside if plan is not None]
    law = unlawful(policy, planned, [plan for _, plan in known], now, zone)
    own = [each for each in law if each.id == planned.id]
    return Against(tuple(own[:MOST]), tuple(_overlaps(planned, known, now, zone))[:MOST])


def of_released(bulletin: HubBulletin) -> Planned | None:
    """What is on the nodes of it, as the hours look at it."""
    let_go = bulletin.released
    if let_go is None:
        return None
    return Planned(bulletin.id, let_go.content.class_, let_go.schedule, seconds_of(bulletin))


def beside(bulletin: HubBulletin, targets: Targets, all_: Iterable[HubBulletin], scope: Scope) -> list[HubBulletin]:
    """Those that are heard from a loudspeaker that this one is heard from too."""
    mine = scope.places(targets)
    found = []
    for other in all_:
        theirs = scope.places(other.released.targets) if other.released and other.id != bulletin.id else ()
        if any(a.holds(b) or b.holds(a) for a in mine for b in theirs):
            found.append(other)
    return found


def _overlaps(
    planned: Planned, others: list[tuple[HubBulletin, Planned]], now: datetime, zone: ZoneInfo
) -> Iterable[Overlap]:
    if planned.class_ == "emergency":
        return
    length = timedelta(seconds=max(1.0, planned.seconds))
    mine = [each.at for each in instances(planned.schedule, now, now + AHEAD, zone)]
    for other, plan in others:
        lasts = timedelta(seconds=max(1.0, plan.seconds))
        theirs = [each.at for each in instances(plan.schedule, now - lasts, now + AHEAD, zone)]
        for at in mine:
            hit = next((begin for begin in theirs if begin < at + length and at < begin + lasts), None)
            if hit is not None:
                yield Overlap(at, other.content.title, other.id, _rounded(hit + lasts))
                break


def _rounded(at: datetime) -> datetime:
    """The next whole five minutes."""
    over = timedelta(minutes=at.minute % 5, seconds=at.second, microseconds=at.microsecond)
    return at if not over else at - over + timedelta(minutes=5)

"""Whether a plan can still be kept: what is signed must reach the loudspeakers before its instant."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.bulletins.instants import coming
from hub.bulletins.machine import NotNow
from hub.bulletins.model import Schedule

LEAD = timedelta(seconds=15)
"""So long before its instant a bulletin must be let go: nodes refuse what comes to them after it."""
DELIVERY = timedelta(seconds=45)
"""Plenty to bring a bulletin and its sound to every node."""
APPROVAL = timedelta(minutes=1)
"""Beside its own length, which is listened to: so long it takes who waits for it to sign. Who comes later signs with
one tap for the soonest instant then, so nobody else has to wait for the slowest."""


def is_late(schedule: Schedule, now: datetime, zone: ZoneInfo) -> bool:
    """Whether it has no instant left that nodes could keep."""
    return not coming(schedule, now + LEAD, zone, 1)


def check(schedule: Schedule | None, now: datetime, zone: ZoneInfo) -> None:
    """Raises NotNow for a plan that nobody could keep."""
    if schedule is not None and is_late(schedule, now, zone):
        raise NotNow("plan.too_late", at=f"{schedule.at.astimezone(zone):%H:%M %d/%m/%Y}")


def soonest(now: datetime, seconds: float = 0.0, *, signed: bool = False) -> datetime:
    """The first whole minute that leaves time to deliver; unless it is `signed`, also to hear its seconds and sign."""
    needed = DELIVERY if signed else DELIVERY + APPROVAL + timedelta(seconds=seconds)
    return (now + needed + timedelta(minutes=1) - timedelta.resolution).replace(second=0, microsecond=0)

"""Local days: the instants of their clock times and of the sun, as whole seconds since 1970 (UTC)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.timetable import sun
from edge_agent.timetable.place import Place

_KEPT = 1000
_DAY_S = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds(local: datetime, zone: ZoneInfo) -> int:
    """The instant of a local time without zone.

    A time that clocks leave out is the instant at which they jump; of one that comes twice it is the first. So what is
    earlier on the clock is never later in truth.
    """
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    high = int(first.timestamp())
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return high
    low = int(local.replace(tzinfo=zone, fold=1).timestamp())  # before the jump, and `high` after it
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _offset(at: int, zone: ZoneInfo) -> timedelta | None:
    return (EPOCH + timedelta(seconds=at)).astimezone(zone).utcoffset()


class _Day:
    __slots__ = ("length", "midnight", "sun")

    def __init__(self, midnight: int, length: int) -> None:
        self.midnight = midnight
        self.length = length
        self.sun: dict[sun.Event, int] = {}


class Days:
    """The days of a place, by their ordinals. What was worked out is kept for a while."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.zone = place.zone
        self._days: dict[int, _Day] = {}

    def clock(self, day: int, minutes: int) -> int:
        """The instant at which the clocks of a day show so many minutes since midnight."""
        known = self._days.get(day) or self._day(day)
        if known.length == _DAY_S:
            return known.midnight + minutes * 60
        return seconds(datetime.fromordinal(day) + timedelta(minutes=minutes), self.zone)

    def sun(self, day: int, event: sun.Event) -> int:
        """The instant of an event of the sun. Raises NoSun."""
        known = self._days.get(day) or self._day(day)
        at = known.sun.get(event)
        if at is None:
            at = known.sun[event] = int(sun.event(event, self.place, date.fromordinal(day)).timestamp())
        return at

    def begin(self, day: int, noon: bool) -> int:
        """The instant at which a day begins, at noon or at midnight."""
        return self.clock(day, 720) if noon else self._day(day).midnight

    def containing(self, now: datetime, noon: bool) -> int:
        """The day to which an instant belongs."""
        local = now.astimezone(self.zone)
        day, at = local.toordinal(), now.timestamp()
        if self.begin(day, noon) > at:
            return day - 1
        return day if at < self.begin(day + 1, noon) else day + 1

    def _day(self, day: int) -> _Day:
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _KEPT:
                self._days.clear()
            midnight = datetime.fromordinal(day)
            at = seconds(midnight, self.zone)
            known = self._days[day] = _Day(at, seconds(midnight + timedelta(days=1), self.zone) - at)
        return known

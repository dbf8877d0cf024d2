"""When a rule may act, and the moments at which it begins: local time, or the sun's. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import cast

from edge_agent.config.rules import Rule
from edge_agent.config.timetable import MOMENT, Weekday
from edge_agent.timetable.days import seconds
from edge_agent.timetable.place import Place
from edge_agent.timetable.sun import Event, NoSun, event

CATCH_UP = timedelta(minutes=5)
"""A moment that the node slept through is made up for within this; later it is left out."""
_DAY = timedelta(days=1)
_KEPT = 20
_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Due:
    """A moment of a rule: as the configuration writes it, and as an instant."""

    at: datetime
    written: str


def instant_of(moment: str, day: date, place: Place) -> datetime | None:
    """The instant (UTC) of a moment on a local day; None where the sun neither rises nor sets then."""
    match = MOMENT.match(moment)
    if match is None:
        return None
    if match[3] is not None:
        clock = datetime(day.year, day.month, day.day, int(match[3]), int(match[4]))
        return datetime.fromtimestamp(seconds(clock, place.zone), UTC)
    try:
        return event(cast(Event, match[1]), place, day) + timedelta(minutes=int((match[2] or "0m")[:-1]))
    except NoSun:
        return None


class Hours:
    """The times of one rule at one place."""

    def __init__(self, rule: Rule, place: Place) -> None:
        self._rule = rule
        self._place = place
        self._bounded = rule.hours is not None or bool(rule.weekdays and not rule.at)
        self._kept: dict[date, tuple[list[tuple[datetime, datetime]], list[Due]]] = {}

    @property
    def by_clock(self) -> bool:
        """Whether the wall clock matters at all."""
        return bool(self._rule.at or self._rule.hours or self._rule.weekdays)

    def open(self, now: datetime) -> bool:
        """Whether the rule may act now. Hours over midnight belong to the day on which they begin.

        Of a rule with moments the weekdays are those of the moments: what began at 23:50 goes on after midnight.
        """
        return not self._bounded or any(begin <= now < end for begin, end in self._days(now)[0])

    def due(self, now: datetime, after: datetime | None) -> Due | None:
        """The newest moment that has come, not long ago and after the one that was dealt with last."""
        past = [each for each in self._days(now)[1] if each.at <= now < each.at + CATCH_UP]
        past = [each for each in past if after is None or each.at > after]
        return max(past, key=lambda each: each.at, default=None)

    def next(self, now: datetime) -> Due | None:
        """The next moment that will come, within a week and a day."""
        for ahead in range(9):
            coming = [each for each in self._days(now + ahead * _DAY)[1] if each.at > now]
            if coming:
                return min(coming, key=lambda each: each.at)
        return None

    def wait_s(self, now: datetime) -> float | None:
        """Seconds of the wall clock until something here changes; None: not within a day."""
        spans, moments = self._days(now)
        edges = [edge for span in spans for edge in span] if self._bounded else []
        edges += [each.at for each in moments] + [each.at + CATCH_UP for each in moments]
        return min(((edge - now).total_seconds() for edge in edges if edge > now), default=None)

    def _days(self, now: datetime) -> tuple[list[tuple[datetime, datetime]], list[Due]]:
        """Open spans and moments of yesterday, today and tomorrow, worked out once a day."""
        today = now.astimezone(self._place.zone).date()
        found = self._kept.get(today)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            days = [today + shift * _DAY for shift in (-1, 0, 1)]
            mine = [day for day in days if self._on(day)]
            spans = [span for day in (days if self._rule.at else mine) if (span := self._span(day)) is not None]
            found = self._kept[today] = spans, [due for day in mine for due in self._moments(day)]
        return found

    def _on(self, day: date) -> bool:
        return not self._rule.weekdays or _WEEKDAYS[day.weekday()] in self._rule.weekdays

    def _span(self, day: date) -> tuple[datetime, datetime] | None:
        hours = self._rule.hours
        begin = instant_of("00:00" if hours is None else hours.from_, day, self._place)
        end = instant_of("00:00" if hours is None else hours.to, day, self._place)
        if begin is not None and end is not None and end <= begin:
            end = instant_of("00:00" if hours is None else hours.to, day + _DAY, self._place)
        return (begin, end) if begin is not None and end is not None else None

    def _moments(self, day: date) -> Iterator[Due]:
        for written in self._rule.at:
            at = instant_of(written, day, self._place)
            if at is not None:
                yield Due(at, written)

"""Day after day of one programme or calendar: the level at any instant, since when, and until when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from edge_agent.timetable.days import EPOCH, Days
from edge_agent.timetable.nights import Change, Pattern, Span, lay

_LOOK_DAYS = 400
_KEPT = 6
_NONE_DARK: frozenset[str] = frozenset()


class Choosing(NamedTuple):
    """The programme of a day and its id; no pattern: off. A programme without an id has none."""

    pattern: Pattern | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Phase:
    """A level (per cent), since when and until when. Instants are aware UTC."""

    level: float
    began: datetime
    ramp_s: float
    level_before: float
    until: datetime
    programme: str | None
    """Its id, also while it is off; `off` on a day on which the calendar says so; None: it has no id."""
    photocell: bool
    """On only because a photocell says that it is dark."""

    def level_at(self, now: datetime) -> float:
        """The level on the way from `level_before`: it rises or falls evenly in `ramp_s` seconds."""
        gone = (now - self.began).total_seconds()
        if gone >= self.ramp_s:
            return self.level
        return self.level_before + (self.level - self.level_before) * max(0.0, gone) / self.ramp_s


class Timeline:
    """All days of one programme or calendar. Things that follow the same one share it."""

    def __init__(self, choose: Callable[[date], Choosing], days: Days, *, noon: bool) -> None:
        """`choose` gives the programme of a day; all of them begin their days alike, at noon or at midnight."""
        self._choose = choose
        self._days = days
        self._noon = noon
        self._kept: dict[int, list[Change]] = {}
        self._last: tuple[datetime, datetime, Phase] | None = None
        self._coming: tuple[int, float, int] | None = None
        """From which day on, and at which level, a change was looked for in later nights, and when it comes."""

    def now(self, now: datetime) -> Phase:
        """The phase of an instant, by the sun and the clock alone. Raises NoSun."""
        last = self._last
        if last is not None and last[0] <= now < last[1]:
            return last[2]
        self._last = last = self.find(now)
        return last[2]

    def find(self, now: datetime, dark: frozenset[str] = _NONE_DARK) -> tuple[datetime, datetime, Phase]:
        """The phase of an instant, and from when to when this answer holds while these sensors say that it is dark.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        at = now.timestamp()
        today = self._days.containing(now, self._noon)
        laid = [*self._laid(today - 1, dark, at), *self._laid(today, dark, at)]
        here, before = laid[0], laid[0].level
        active = here
        for change in laid[1:]:
            if change.at > at:
                break
            active = change
            if change.level != here.level:
                before, here = _on_the_way(here, before, change.at), change
        coming = [change for change in laid if change.at > at]
        other = next((change.at for change in coming if change.level != here.level), None)
        until = self._next(today + 1, here.level, dark, at) if other is None else other
        holds = min([until, self._begin(today + 1), *(change.at for change in coming[:1])])
        began = _instant(here.at)
        choosing = self._choose(date.fromordinal(today))
        phase = Phase(here.level, began, here.ramp_s, before, _instant(until), choosing.name, active.photocell)
        return (
            max(_instant(active.at), _instant(self._begin(today))),
            _instant(holds),
            phase,
        )

    def changes(self, first: date, last: date) -> Iterator[Change]:
        """All changes of the nights of these days, each with another level than before it. Raises NoSun."""
        level: float | None = None
        for day in range(first.toordinal(), last.toordinal() + 1):
            for change in self._laid_out(day):
                if change.level != level:
                    level = change.level
                    yield change

    def night(self, day: date) -> tuple[str | None, list[Change]]:
        """The programme of a day and the levels of its night; the first is that with which it begins."""
        return self._choose(day).name, self._laid_out(day.toordinal())

    def day_of(self, now: datetime) -> date:
        """The day that an instant belongs to."""
        return date.fromordinal(self._days.containing(now, self._noon))

    def begin(self, day: date) -> datetime:
        """The instant at which a day begins."""
        return _instant(self._begin(day.toordinal()))

    def _next(self, day: int, level: float, dark: frozenset[str], at: float) -> int:
        """The instant of the next other level from a day on. After a year of the same: how far was looked."""
        known = self._coming
        if known is not None and not dark and known[0] <= day and known[1] == level and self._begin(day) <= known[2]:
            return known[2]
        found = self._begin(day + _LOOK_DAYS)
        for later in range(day, day + _LOOK_DAYS):
            laid = self._laid(later, dark, at) if later == day else self._laid_out(later, dark, at)
            other = next((change.at for change in laid if change.level != level), None)
            if other is not None:
                found = other
                break
        if not dark:
            self._coming = day, level, found
        return found

    def _begin(self, day: int) -> int:
        return self._days.begin(day, self._noon)

    def _laid(self, day: int, dark: frozenset[str], at: float) -> list[Change]:
        if dark:
            return self._laid_out(day, dark, at)
        known = self._kept.get(day)
        if known is None:
            while len(self._kept) >= _KEPT:
                del self._kept[min(self._kept)]
            known = self._kept[day] = self._laid_out(day)
        return known

    def _laid_out(self, day: int, dark: frozenset[str] = _NONE_DARK, at: float = 0) -> list[Change]:
        begin = self._begin(day)
        pattern = self._choose(date.fromordinal(day)).pattern
        if pattern is None:
            return [Change(begin, 0.0, 0.0)]
        end = self._begin(day + 1)
        spans = pattern.spans(day, self._days, (begin, end))
        if pattern.photocells:
            spans = [span for span in spans if span.sensor is None or _counts(span, dark, at)]
        return lay(spans, begin, end)


def _counts(span: Span, dark: frozenset[str], at: float) -> bool:
    """Whether darkness counts: that it will still be dark at the end of a period is not expected before."""
    return span.sensor in dark and (not span.after or span.start <= at)


def _on_the_way(here: Change, before: float, at: int) -> float:
    """The level reached when the next change comes, perhaps before this one's ramp has ended."""
    gone = at - here.at
    return here.level if gone >= here.ramp_s else before + (here.level - before) * gone / here.ramp_s


def _instant(at: int) -> datetime:
    return EPOCH + timedelta(seconds=at)

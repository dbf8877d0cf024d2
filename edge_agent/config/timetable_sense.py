"""Programmes that are never on, suns that never set, and rules that never match: tried, day by day."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from pydantic import ValidationError

from edge_agent.config.finding import Finding, Path
from edge_agent.config.timetable import Calendar, CalendarRule, Period, Programme
from edge_agent.contract.reports import Position
from edge_agent.timetable import sun
from edge_agent.timetable.calendar import matcher
from edge_agent.timetable.days import Days
from edge_agent.timetable.nights import Pattern
from edge_agent.timetable.place import Place

_YEAR = range(date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal())
_SOONER = [*_YEAR[::9], *_YEAR]
_FROM, _TO = date(2025, 1, 1).toordinal(), date(2060, 12, 31).toordinal()
_ALWAYS = 60.0
"""Between these latitudes the sun sets every day, and its twilight ends."""
_Told = tuple[int, str, dict[str, str | int | float]]


class Sense:
    """Tries programmes for a year, where the node stands."""

    def __init__(self, node: Any) -> None:
        """`node`: the raw section; where it has no usable position or zone, nothing is tried."""
        node = node if isinstance(node, dict) else {}
        try:
            position = Position.model_validate(node.get("position"))
            place = Place(position.latitude, position.longitude, str(node.get("timezone", "Asia/Ho_Chi_Minh")))
            self._days: Days | None = Days(place)
        except (ValidationError, ValueError, OSError):  # told with its place by the model of the whole file
            self._days = None

    def of(self, path: Path, programme: Programme) -> Iterator[Finding]:
        """What is wrong with a programme."""
        if self._days is None:
            return
        missing = self._no_sun(programme, self._days)
        if missing is not None:
            yield Finding(path, "config.no_sun", missing)
            return
        for where, part in parts_of(path, programme):
            yield from self._never(where, part, programme.begins, self._days)

    def _no_sun(self, programme: Programme, days: Days) -> dict[str, str | int | float] | None:
        if abs(days.place.latitude) <= _ALWAYS:
            return None
        for event in sorted(Pattern(programme).events):
            for day in _YEAR:
                try:
                    days.sun(day, event)
                except sun.NoSun:
                    when = date.fromordinal(day).strftime("%d/%m")
                    return {"event": event, "latitude": days.place.latitude, "day": when}
        return None

    def _never(self, path: Path, part: Period, begins: Any, days: Days) -> Iterator[Finding]:
        """A period that is on in no night of the year, and steps that never change anything."""
        pattern = Pattern(Programme(periods=(_plain(part),), begins=begins))
        if not self._ever_on(pattern, days):
            other = "midnight" if begins == "noon" else "noon"
            turned = Pattern(Programme(periods=(_plain(part),), begins=other))
            code = "config.never_on_begins" if self._ever_on(turned, days) else "config.never_on"
            level = max(part.level, *(step.level for step in part.steps)) if part.steps else part.level
            if level == 0:
                yield Finding((*path, "level"), "config.never_on_level")
            else:
                yield Finding(path, code, {"on": part.on, "off": part.off, "begins": begins, "other": other})
            return
        for place, step in enumerate(part.steps):
            alone = _plain(part).model_copy(update={"level": 1.0, "steps": (step.model_copy(update={"level": 2.0}),)})
            tried = Pattern(Programme(periods=(alone,), begins=begins))
            if not any(span.changes[-1].level == 2 for day in _SOONER for span in tried.spans(day, days)):
                yield Finding((*path, "steps", place, "at"), "config.step_never", {"at": step.at, "on": part.on})

    def _ever_on(self, pattern: Pattern, days: Days) -> bool:
        return any(change.level for day in _SOONER for span in pattern.spans(day, days) for change in span.changes)


def parts_of(path: Path, programme: Programme) -> list[tuple[Path, Period]]:
    """The periods of a programme, each with its place."""
    if not programme.periods:
        return [(path, programme)]
    return [((*path, "periods", place), part) for place, part in enumerate(programme.periods)]


def _plain(part: Period) -> Period:
    """A period alone: without photocell, and without what a programme has besides."""
    return Period(on=part.on, off=part.off, level=part.level, steps=part.steps)


def never_matching(calendar: Calendar) -> Iterator[_Told]:
    """Rules that no day matches until 2060, or only days that rules above take: place, code and gaps of the sentence.

    A rule for days of years that are over is none of them: it matched once.
    """
    tests = [matcher(rule) for rule in calendar.rules]
    for place, rule in enumerate(calendar.rules):
        if _always(rule):
            yield place, "config.rule_always", {}
        matched = False
        for day in _candidates(rule):
            if not tests[place](day):
                continue
            matched = True
            if not any(test(day) for test in tests[:place]):
                break
        else:
            yield place, "config.rule_hidden" if matched else "config.rule_never", {}


def _always(rule: CalendarRule) -> bool:
    return not (rule.dates or rule.from_ or rule.weekdays or rule.lunar or rule.tet)


def _candidates(rule: CalendarRule) -> Iterator[date]:
    """The days that a rule can match at all."""
    if rule.dates and all(len(text) == 10 for text in rule.dates):
        yield from map(date.fromisoformat, rule.dates)
    elif rule.from_ and rule.to and len(rule.from_) == 10:
        first, last = date.fromisoformat(rule.from_), date.fromisoformat(rule.to)
        yield from map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    else:
        yield from map(date.fromordinal, range(_FROM, _TO + 1))

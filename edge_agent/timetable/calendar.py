"""Which programme is that of a day: a calendar's rules, the first that matches."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from edge_agent.calendar import lunar
from edge_agent.config.timetable import Calendar, CalendarRule
from edge_agent.contract.bulletins import LunarDays

OFF = "off"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_Test = Callable[[date], bool]


class Choice:
    """A calendar that was read."""

    def __init__(self, calendar: Calendar) -> None:
        self._rules = tuple((matcher(rule), rule.programme) for rule in calendar.rules)
        self._otherwise: str = calendar.otherwise
        self.names = tuple(dict.fromkeys([*(rule.programme for rule in calendar.rules), calendar.otherwise]))
        """What it may choose, `off` too."""

    def rule_of(self, day: date) -> int | None:
        """The place of the rule that matches a day; None: none does."""
        return next((place for place, (matches, _) in enumerate(self._rules) if matches(day)), None)

    def of(self, day: date) -> str:
        """Id of the programme of a day, or `off`. It is that of the whole night which begins on that day."""
        for matches, programme in self._rules:
            if matches(day):
                return programme
        return self._otherwise


def matcher(rule: CalendarRule) -> _Test:
    """Whether a day matches a rule: all that the rule says."""
    tests: list[_Test] = []
    if rule.dates:
        tests.append(_dates(rule.dates))
    if rule.from_ is not None and rule.to is not None:
        tests.append(_span(rule.from_, rule.to))
    if rule.weekdays:
        numbers = frozenset(_WEEKDAYS.index(name) for name in rule.weekdays)
        tests.append(lambda day: day.weekday() in numbers)
    if rule.occurrences:
        tests.append(_occurrence(rule.occurrences))
    if rule.lunar is not None:
        tests.append(_lunar(rule.lunar))
    if rule.tet is not None:
        tests.append(_around_tet(*rule.tet))
    if len(tests) == 1:
        return tests[0]

    def matches(day: date) -> bool:
        for test in tests:  # noqa: SIM110 - asked for each night of each light: `all` takes twice as long
            if not test(day):
                return False
        return True

    return matches


def _dates(written: Iterable[str]) -> _Test:
    once = frozenset(date.fromisoformat(text) for text in written if len(text) == 10)
    yearly = frozenset(_of_year(text) for text in written if len(text) == 5)
    return lambda day: day in once or day.month * 100 + day.day in yearly


def _of_year(text: str) -> int:
    month, day = text.split("-")
    return int(month) * 100 + int(day)


def _span(first: str, last: str) -> _Test:
    if len(first) == 10:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
        return lambda day: begin <= day <= end
    low, high = _of_year(first), _of_year(last)
    if low <= high:
        return lambda day: low <= day.month * 100 + day.day <= high
    return lambda day: not high < day.month * 100 + day.day < low  # over the new year


def _occurrence(wanted: Iterable[int | str]) -> _Test:
    numbers = frozenset(wanted)

    def matches(day: date) -> bool:
        if (day.day - 1) // 7 + 1 in numbers:
            return True
        return "last" in numbers and (day + timedelta(days=7)).month != day.month

    return matches


def _lunar(wanted: LunarDays) -> _Test:
    known: dict[int, frozenset[int]] = {}

    def matches(day: date) -> bool:
        if day.year not in known:
            known.clear()  # it asks for one year, then for the next
            low, high = date(day.year, 1, 1).toordinal(), date(day.year, 12, 31).toordinal()
            known[day.year] = frozenset(lunar.days(wanted, low, high))
        return day.toordinal() in known[day.year]

    return matches


def _around_tet(before: int, after: int) -> _Test:
    known: dict[int, tuple[date, ...]] = {}

    def matches(day: date) -> bool:
        if day.year not in known:
            years = (year for year in (day.year, day.year + 1) if lunar.FIRST_YEAR <= year <= lunar.LAST_YEAR)
            known.clear()
            known[day.year] = tuple(map(lunar.tet, years))
        return any(-before <= (day - first).days <= after for first in known[day.year])

    return matches

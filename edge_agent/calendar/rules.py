"""RFC 5545 rules in local wall time, by plain arithmetic on days: no rule, however odd, takes long to say "never".

All times here are naive and local; days are proleptic ordinals.
"""

from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from edge_agent.contract.recurrence import parts_of

_WEEKDAYS = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_END = datetime(2199, 12, 31, 23, 59, 59)
Numbers = frozenset[int]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in which what its first instant leaves to be understood is filled in. Weekdays: Monday is 0."""

    freq: str
    first: datetime
    interval: int
    count: int | None
    until: datetime
    months: Numbers
    month_days: Numbers
    year_days: Numbers
    weeks: Numbers
    weekdays: Numbers
    nth: frozenset[tuple[int, int]]
    """(n, weekday): the n-th of the month, or of the year; below zero from its end."""
    positions: tuple[int, ...]
    week_start: int
    hours: Numbers
    times: tuple[timedelta, ...]
    """Times of day, sorted; HOURLY has the minute of the hour alone."""


@lru_cache(maxsize=2048)
def rule_of(text: str, first: datetime, zone: ZoneInfo) -> Rule:
    """The rule (in the plain form that the contract keeps) that begins with a local instant."""
    parts = parts_of(text)
    freq, hourly = parts["FREQ"], parts["FREQ"] == "HOURLY"
    weekdays, nth = _weekdays(parts.get("BYDAY", ""), counted=freq in ("MONTHLY", "YEARLY"))
    months, month_days = _numbers(parts, "BYMONTH"), _numbers(parts, "BYMONTHDAY")
    if not (month_days or weekdays or nth or parts.keys() & {"BYYEARDAY", "BYWEEKNO"}):
        if freq in ("YEARLY", "MONTHLY"):
            month_days = frozenset({first.day})
        if freq == "YEARLY" and not months:
            months = frozenset({first.month})
        if freq == "WEEKLY":
            weekdays = frozenset({first.weekday()})
    hours = _numbers(parts, "BYHOUR")
    rest = timedelta(
        minutes=int(parts.get("BYMINUTE", first.minute)), seconds=first.second, microseconds=first.microsecond
    )
    return Rule(
        freq=freq,
        first=first,
        interval=int(parts.get("INTERVAL", "1")),
        count=int(parts["COUNT"]) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], zone) if "UNTIL" in parts else _END,
        months=months,
        month_days=month_days,
        year_days=_numbers(parts, "BYYEARDAY"),
        weeks=_numbers(parts, "BYWEEKNO"),
        weekdays=weekdays,
        nth=nth,
        positions=tuple(_numbers(parts, "BYSETPOS")),
        week_start=_WEEKDAYS[parts.get("WKST", "MO")],
        hours=hours,
        times=(rest,) if hourly else tuple(timedelta(hours=hour) + rest for hour in sorted(hours or {first.hour})),
    )


def instants(rule: Rule, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants from `start` on and before `end`, earliest first."""
    start, last = max(start, rule.first), min(rule.until, end - timedelta.resolution)
    if rule.count is not None:
        last = min(last, last_of(rule))
    if start > last:
        return
    every = _every_hour if rule.freq == "HOURLY" else _every_period
    for instant in every(rule, start.toordinal(), last.toordinal()):
        if instant > last:
            return
        if instant >= start:
            yield instant


@lru_cache(maxsize=2048)
def last_of(rule: Rule) -> datetime:
    """The last of a counted rule; those before are counted once in the life of the program."""
    assert rule.count is not None  # noqa: S101 - the caller looked
    last = min(rule.until, _END)
    every = _every_hour if rule.freq == "HOURLY" else _every_period
    counted = (at for at in every(rule, rule.first.toordinal(), last.toordinal()) if at >= rule.first)
    return next(islice(counted, rule.count - 1, None), last)


def _every_hour(rule: Rule, low: int, high: int) -> Iterator[datetime]:
    if rule.positions and not {1, -1} & {*rule.positions}:
        return  # one instant an hour is both the first and the last of its hour
    zero = rule.first.toordinal() * 24 + rule.first.hour
    plain = not (rule.months or rule.month_days or rule.year_days or rule.weeks or rule.weekdays)
    for day in range(low, high + 1):
        if plain or _matches(rule, day):
            for hour in range((zero - day * 24) % rule.interval, 24, rule.interval):
                if not rule.hours or hour in rule.hours:
                    yield datetime.fromordinal(day) + timedelta(hours=hour) + rule.times[0]


def _every_period(rule: Rule, low: int, high: int) -> Iterator[datetime]:
    days_of = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}[rule.freq]
    times = rule.times
    for days in days_of(rule, low, high):
        if rule.positions:
            yield from _picked([datetime.fromordinal(day) + time for day in days for time in times], rule.positions)
            continue
        for day in days:
            midnight = datetime.fromordinal(day)
            for time in times:
                yield midnight + time


def _picked(instants: Sequence[datetime], positions: Sequence[int]) -> list[datetime]:
    size = len(instants)
    places = {place - 1 if place > 0 else size + place for place in positions}
    return [instants[place] for place in sorted(places) if 0 <= place < size]


def _daily(rule: Rule, low: int, high: int) -> Iterator[Sequence[int]]:
    first = rule.first.toordinal()
    begin = first + max(0, -((first - low) // rule.interval)) * rule.interval
    plain = not (rule.months or rule.month_days or rule.year_days or rule.weeks or rule.weekdays)
    for day in range(begin, high + 1, rule.interval):
        if plain or _matches(rule, day):
            yield (day,)


def _weekly(rule: Rule, low: int, high: int) -> Iterator[Sequence[int]]:
    first = rule.first.toordinal() - (rule.first.weekday() - rule.week_start) % 7
    step = 7 * rule.interval
    offsets = sorted((day - rule.week_start) % 7 for day in rule.weekdays or range(7))
    plain = not (rule.months or rule.month_days or rule.year_days or rule.weeks)
    for week in range(first + max(0, (low - first) // step) * step, high + 1, step):
        days = [week + offset for offset in offsets]
        yield days if plain else [day for day in days if _matches(rule, day)]


def _monthly(rule: Rule, low: int, high: int) -> Iterator[Sequence[int]]:
    first = rule.first.year * 12 + rule.first.month - 1
    before = date.fromordinal(low)
    passed = max(0, (before.year * 12 + before.month - 1 - first) // rule.interval)
    until = date.fromordinal(high)
    last = until.year * 12 + until.month - 1
    for number in range(first + passed * rule.interval, last + 1, rule.interval):
        year, month = divmod(number, 12)
        if not rule.months or month + 1 in rule.months:
            yield _of_month(rule, year, month + 1)


def _yearly(rule: Rule, low: int, high: int) -> Iterator[Sequence[int]]:
    first, last = rule.first.year, date.fromordinal(high).year
    passed = max(0, (date.fromordinal(low).year - first) // rule.interval)
    for year in range(first + passed * rule.interval, last + 1, rule.interval):
        if rule.months:
            yield [day for month in sorted(rule.months) for day in _of_month(rule, year, month)]
        else:
            begin = date(year, 1, 1).toordinal()
            yield [day for day in range(begin, begin + 365 + isleap(year)) if _matches(rule, day)]


def _of_month(rule: Rule, year: int, month: int) -> list[int]:
    weekday, length = monthrange(year, month)
    before = date(year, month, 1).toordinal() - 1
    if rule.year_days or rule.weeks or rule.weekdays or (rule.month_days and rule.nth):
        return [before + day for day in range(1, length + 1) if _matches(rule, before + day)]
    if rule.month_days:
        days = {day if day > 0 else length + 1 + day for day in rule.month_days}
    else:
        days = {_nth_day(n, day, weekday, length) for n, day in rule.nth}
    return [before + day for day in sorted(days) if 1 <= day <= length]


def _nth_day(n: int, wanted: int, first_weekday: int, length: int) -> int:
    """Day of the month; beyond it where the month has no such day."""
    first = 1 + (wanted - first_weekday) % 7
    return first + 7 * (n - 1) if n > 0 else first + 7 * ((length - first) // 7 + 1 + n)


def _matches(rule: Rule, ordinal: int) -> bool:
    """Whether a day passes what the rule says about days (RFC 5545, section 3.3.10)."""
    day = date.fromordinal(ordinal)
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and rule.month_days.isdisjoint((day.day, day.day - monthrange(day.year, day.month)[1] - 1)):
        return False
    in_year = ordinal - date(day.year, 1, 1).toordinal() + 1
    if rule.year_days and rule.year_days.isdisjoint((in_year, in_year - 366 - isleap(day.year))):
        return False
    if rule.weeks and rule.weeks.isdisjoint(_week(day, rule.week_start)):
        return False
    return not (rule.weekdays or rule.nth) or day.weekday() in rule.weekdays or _is_nth(rule, day, in_year)


def _is_nth(rule: Rule, day: date, in_year: int) -> bool:
    if not rule.nth:
        return False
    of_month = rule.freq == "MONTHLY" or bool(rule.months)
    place = day.day if of_month else in_year
    length = monthrange(day.year, day.month)[1] if of_month else 365 + isleap(day.year)
    return bool(rule.nth & {((place - 1) // 7 + 1, day.weekday()), (-((length - place) // 7) - 1, day.weekday())})


def _week(day: date, week_start: int) -> tuple[int, int]:
    """Number of the week, from the beginning and from the end of its year; week 1 is the first with four days."""
    middle = date.fromordinal(day.toordinal() - (day.weekday() - week_start) % 7 + 3)
    number = (middle.timetuple().tm_yday - 1) // 7 + 1
    end = date(middle.year, 12, 28)  # always in the last week
    last = date.fromordinal(end.toordinal() - (end.weekday() - week_start) % 7 + 3)
    return number, number - ((last.timetuple().tm_yday - 1) // 7 + 1) - 1


def _weekdays(text: str, *, counted: bool) -> tuple[Numbers, frozenset[tuple[int, int]]]:
    plain, nth = set(), set()
    for part in filter(None, text.split(",")):
        number, day = part[:-2], _WEEKDAYS[part[-2:]]
        if counted and number.strip("+-0"):
            nth.add((int(number), day))
        else:
            plain.add(day)
    return frozenset(plain), frozenset(nth)


def _numbers(parts: dict[str, str], name: str) -> Numbers:
    return frozenset(int(number) for number in parts[name].split(",")) if name in parts else frozenset()


def _until(text: str, zone: ZoneInfo) -> datetime:
    """RFC 5545 writes it in UTC when the start has a zone. A year beyond all calendars has no local time."""
    if not 1970 <= int(text[:4]) <= _END.year:
        return _END if int(text[:4]) > _END.year else datetime(1970, 1, 1)
    instant = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return min(_END, instant.astimezone(zone).replace(tzinfo=None))

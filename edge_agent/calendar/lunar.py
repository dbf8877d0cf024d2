"""The Vietnamese lunar calendar: days <-> lunar dates, and the days that a bulletin asks for.

From the tables of the library vnlunar, which are Hồ Ngọc Đức's; years 1968 to 2199.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

from edge_agent.contract.bulletins import LunarDays

FIRST_YEAR, LAST_YEAR = 1968, 2199
_JULIAN = 1_721_425  # Julian day number of ordinal 0, counted at noon


class LunarMonth(NamedTuple):
    """A month: its first day (proleptic ordinal), number, whether it is the second of its number, and its length."""

    first: int
    number: int
    leap: bool
    length: int


@dataclass(frozen=True, slots=True)
class LunarDate:
    """A day of the lunar calendar; `year` is the solar year in which the lunar year begins."""

    day: int
    month: int
    year: int
    leap: bool
    length: int
    """Days of the month, 29 or 30."""


@cache
def months(year: int) -> tuple[LunarMonth, ...]:
    """The months of a lunar year, first to last.

    Raises:
        ValueError: outside 1968 to 2199.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"the lunar calendar is known from {FIRST_YEAR} to {LAST_YEAR}")
    from vnlunar.core import get_year_info

    begun = get_year_info(year)
    # the last month of the table ends in 2200, of which nobody asks
    after = get_year_info(year + 1)[0]["jd"] if year < LAST_YEAR else begun[-1]["jd"] + 30
    ends = [*(month["jd"] for month in begun[1:]), after]
    return tuple(
        LunarMonth(month["jd"] - _JULIAN, month["month"], bool(month["leap"]), end - month["jd"])
        for month, end in zip(begun, ends, strict=True)
    )


def tet(year: int) -> date:
    """The first day of a lunar year. Raises ValueError outside 1968 to 2199."""
    return date.fromordinal(months(year)[0].first)


def lunar_date(day: date) -> LunarDate:
    """The lunar date of a solar one. Raises ValueError before Tet 1968 and after 2199."""
    ordinal = day.toordinal()
    year = day.year if ordinal >= months(day.year)[0].first else day.year - 1
    known = months(year)
    month = known[bisect_right(known, ordinal, key=lambda each: each.first) - 1]
    return LunarDate(ordinal - month.first + 1, month.number, year, month.leap, month.length)


def days(wanted: LunarDays, low: int, high: int) -> Iterator[int]:
    """The days (ordinals) asked for from `low` to `high`, earliest first, as far as the calendar is known."""
    first = max(FIRST_YEAR, date.fromordinal(low).year - 1)
    for year in range(first, min(LAST_YEAR, date.fromordinal(high).year + 1) + 1):
        for day in _of_year(wanted, year):
            if day > high:
                return
            if day >= low:
                yield day


@lru_cache(maxsize=4096)
def _of_year(wanted: LunarDays, year: int) -> tuple[int, ...]:
    if wanted.before_tet is not None:
        return (months(year)[0].first - wanted.before_tet,)
    found: set[int] = set()
    leap = wanted.in_leap_months
    for month in months(year):
        if wanted.month in (None, month.number) and (leap == "also" or month.leap == (leap == "only")):
            found |= {month.first + min(day, month.length) - 1 for day in wanted.days}
    return tuple(sorted(found))

"""Sun and moon as PyEphem has them: times of a day, and the Vietnamese lunar calendar worked out from the sky."""

import functools
import itertools
import math
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import ephem

_VIET_NAM = timedelta(hours=7)
"""The lunar calendar of Viet Nam since 1968 is reckoned by this offset, wherever the node stands."""


class Lunar(NamedTuple):
    """A day of the lunar calendar."""

    day: int
    month: int
    leap: bool
    last: bool


class Sky:
    """The sun over one place."""

    def __init__(self, latitude: float, longitude: float, zone: ZoneInfo) -> None:
        self.zone = zone
        self._where = str(latitude), str(longitude)
        self._found: dict[tuple[str, date], datetime] = {}

    def event(self, name: str, day: date) -> datetime:
        """sunset, sunrise, dusk or dawn of a local day."""
        key = name, day
        if key not in self._found:
            self._found[key] = self._find(name, day)
        return self._found[key]

    def _find(self, name: str, day: date) -> datetime:
        observer = ephem.Observer()
        observer.lat, observer.lon = self._where
        observer.elevation, observer.pressure = 0, 0
        twilight = name in ("dusk", "dawn")
        observer.horizon = "-6" if twilight else "-0:50"
        noon = datetime.combine(day, time(12), self.zone).astimezone(UTC)
        observer.date = noon.replace(tzinfo=None)
        find = observer.next_setting if name in ("sunset", "dusk") else observer.previous_rising
        found: datetime = find(ephem.Sun(), use_center=True).datetime()
        return found.replace(tzinfo=UTC)


@functools.cache
def lunar(day: date) -> Lunar:
    """A month begins on the day of the new moon; month 11 holds the winter solstice."""
    year = day.year if day >= _month_11(day.year) else day.year - 1
    for begin, end, month, leap in _months(year):
        if begin <= day < end:
            return Lunar((day - begin).days + 1, month, leap, day + timedelta(days=1) == end)
    raise ValueError(f"no lunar month holds {day}")


@functools.cache
def _months(year: int) -> list[tuple[date, date, int, bool]]:
    """From month 11 of a year to that of the next: of thirteen months the first without a principal term is leap."""
    begins, last = [_month_11(year)], _month_11(year + 1)
    while begins[-1] < last:
        begins.append(_new_moon_after(begins[-1] + timedelta(days=5)))
    leap_year, number = len(begins) == 14, 10
    found: list[tuple[date, date, int, bool]] = []
    for begin, end in itertools.pairwise(begins):
        is_leap = leap_year and _sign(begin) == _sign(end) and not any(each[3] for each in found)
        number += not is_leap
        found.append((begin, end, (number - 1) % 12 + 1, is_leap))
    return found


@functools.cache
def _month_11(year: int) -> date:
    solstice = _local(ephem.next_winter_solstice(f"{year}/12/1"))
    begin = _new_moon_after(solstice - timedelta(days=32))
    while (following := _new_moon_after(begin + timedelta(days=5))) <= solstice:
        begin = following
    return begin


def _new_moon_after(day: date) -> date:
    midnight = datetime.combine(day, time(0)) - _VIET_NAM
    return _local(ephem.next_new_moon(midnight))


def _local(moment: ephem.Date) -> date:
    found: datetime = moment.datetime() + _VIET_NAM
    return found.date()


def _sign(day: date) -> int:
    """Which twelfth of the ecliptic the sun is in as a day begins."""
    sun = ephem.Sun(datetime.combine(day, time(0)) - _VIET_NAM)
    moment = ephem.Date(datetime.combine(day, time(0)) - _VIET_NAM)
    return int(math.degrees(ephem.Ecliptic(sun, epoch=moment).lon) // 30)

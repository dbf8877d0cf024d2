"""When the sun rises and sets. NOAA's equations as astral computes them; the tests hold them against PyEphem."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from math import degrees
from types import ModuleType
from typing import Literal

from edge_agent.timetable.place import Place

Event = Literal["sunrise", "sunset", "dawn", "dusk"]
_HORIZON = 90 + 50 / 60
"""Zenith distance as almanacs have it: 34' of refraction and 16' of the sun's radius."""
_CIVIL = 96.0
_JULIAN, _J2000 = 1_721_424.5, 2_451_545.0
"""Julian date of the midnight of ordinal 0, and of the noon from which NOAA's centuries count."""


class NoSun(ValueError):
    """The sun neither rises nor sets there on that day (or twilight never begins or ends)."""


@cache
def _astral() -> tuple[ModuleType, ModuleType]:
    """Imported when the first sunset is asked for: a node that has only fixed times need not pay for it."""
    import astral
    import astral.sun

    return astral, astral.sun


@lru_cache(maxsize=512)
def event(name: Event, place: Place, day: date) -> datetime:
    """The instant (UTC, whole seconds) on a local day: sunrise and dawn before its noon, sunset and dusk after it.

    Of a day whose sunset is after midnight, as near the polar circle, that is the one.

    Raises:
        NoSun: there is none.
    """
    astral, equations = _astral()
    zenith = _HORIZON if name in ("sunrise", "sunset") else _CIVIL
    direction = astral.SunDirection.RISING if name in ("sunrise", "dawn") else astral.SunDirection.SETTING
    midnight = _solar_day(place, day)
    # Not by astral's own functions for whole days: they lose the days on which an event crosses UTC's midnight.
    minutes = 720.0 - 4 * place.longitude
    for _ in range(3):  # the sun moves on between noon and the event: each turn comes ten times nearer and more
        century = (midnight.toordinal() + _JULIAN + minutes / 1440 - _J2000) / 36_525
        try:
            angle = equations.hour_angle(place.latitude, equations.sun_declination(century), zenith, direction)
        except ValueError as error:
            raise NoSun(f"no {name} at {place.latitude}, {place.longitude} on {day}") from error
        minutes = 720 - 4 * (place.longitude + degrees(angle)) - equations.eq_of_time(century)
    return midnight + timedelta(seconds=round(minutes * 60))


def _solar_day(place: Place, day: date) -> datetime:
    """The midnight of UTC from which NOAA's minutes count, such that solar noon is near the clocks' noon of the day."""
    clocks = datetime(day.year, day.month, day.day, 12, tzinfo=place.zone).astimezone(UTC)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(minutes=4 * place.longitude)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        days=round((clocks - noon) / timedelta(days=1))
    )


def sunrise(place: Place, day: date) -> datetime:
    """Upper limb on the horizon, rising. Raises NoSun."""
    return event("sunrise", place, day)


def sunset(place: Place, day: date) -> datetime:
    """Upper limb on the horizon, setting. Raises NoSun."""
    return event("sunset", place, day)


def dawn(place: Place, day: date) -> datetime:
    """Civil: the sun 6 degrees below the horizon, rising. Raises NoSun."""
    return event("dawn", place, day)


def dusk(place: Place, day: date) -> datetime:
    """Civil: the sun 6 degrees below the horizon, setting. Raises NoSun."""
    return event("dusk", place, day)

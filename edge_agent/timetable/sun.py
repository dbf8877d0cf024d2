"""When the sun rises and sets. NOAA's equations as astral computes them; the tests hold them against PyEphem."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from types import ModuleType
from typing import Literal

from edge_agent.timetable.place import Place

Event = Literal["sunrise", "sunset", "dawn", "dusk"]
_RISING: frozenset[Event] = frozenset({"sunrise", "dawn"})
_QUARTER = timedelta(hours=6)
_HORIZON = 90 + 50 / 60
"""Zenith distance as almanacs have it: 34' of refraction and 16' of the sun's radius."""
_CIVIL = 96.0


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
    # Solar noon nearest to the clocks' noon; the equation of time (16 minutes) does not matter for the choice.
    clock_noon = datetime(day.year, day.month, day.day, 12, tzinfo=place.zone).astimezone(UTC)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(minutes=4 * place.longitude)
    noon += timedelta(days=round((clock_noon - noon) / timedelta(days=1)))
    guess = noon - _QUARTER if name in _RISING else noon + _QUARTER
    for shift in (0, -1, 1):
        found = _transit(name, place, guess.date() + timedelta(days=shift))
        if abs(found - guess) <= _QUARTER + timedelta(minutes=30):
            return found.replace(microsecond=0) + timedelta(seconds=round(found.microsecond / 1e6))
    raise NoSun(f"no {name} at {place.latitude}, {place.longitude} on {day}")


def _transit(name: Event, place: Place, day: date) -> datetime:
    astral, sun = _astral()
    direction = astral.SunDirection.RISING if name in _RISING else astral.SunDirection.SETTING
    zenith = _HORIZON if name in ("sunrise", "sunset") else _CIVIL
    try:
        found: datetime = sun.time_of_transit(
            astral.Observer(place.latitude, place.longitude), day, zenith, direction, with_refraction=False
        )
    except ValueError as error:
        raise NoSun(f"no {name} at {place.latitude}, {place.longitude} on {day}") from error
    return found


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

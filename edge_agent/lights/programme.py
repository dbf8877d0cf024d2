"""When a light should be on: sunset to sunrise with offsets, or fixed times."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from edge_agent.config.timetable import Programme

_MOMENT = re.compile(r"^(sunset|sunrise)([+-]\d{1,3}m)?$|^([01]\d|2[0-3]):([0-5]\d)$")


def _switches(programme: Programme, day: date, place: "Place") -> list[tuple[datetime, float]]:
    """The switches that belong to a calendar day: instant and level in per cent."""
    both = [(_instant(programme.on, day, place), 100.0), (_instant(programme.off, day, place), 0.0)]
    return sorted(both)


class Place(BaseModel):
    """Where and in which time zone: what sunset depends on. Degrees, WGS 84."""

    model_config = ConfigDict(frozen=True)

    latitude: float
    longitude: float
    timezone: str


def level_at(programme: Programme, now: datetime, place: Place) -> tuple[float, datetime]:
    """The level now, and the instant of the next change.

    Raises ValueError where the sun neither rises nor sets.
    """
    today = now.astimezone(ZoneInfo(place.timezone)).date()
    switches = sorted(
        switch for offset in range(-1, 3) for switch in _switches(programme, today + timedelta(days=offset), place)
    )
    before = [level for instant, level in switches if instant <= now]
    level = before[-1]
    coming = next(instant for instant, later in switches if instant > now and later != level)
    return level, coming


@lru_cache(maxsize=4096)
def _instant(moment: str, day: date, place: Place) -> datetime:
    match = _MOMENT.match(moment)
    assert match is not None  # noqa: S101 - the validator saw to it
    zone = ZoneInfo(place.timezone)
    if match[3]:
        return datetime.combine(day, time(int(match[3]), int(match[4])), zone).astimezone(UTC)
    from astral import Observer
    from astral.sun import sunrise, sunset

    event = sunset if match[1] == "sunset" else sunrise
    # NOAA's equations as astral computes them; the tests hold them against published tables
    instant = event(Observer(place.latitude, place.longitude), date=day, tzinfo=zone)
    return instant.astimezone(UTC).replace(microsecond=0) + timedelta(minutes=int((match[2] or "0m")[:-1]))

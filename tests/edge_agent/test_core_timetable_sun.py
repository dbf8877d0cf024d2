"""When the sun rises and sets: as an independent ephemeris has it, and as observatories published it."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import ephem
import pytest

from edge_agent.timetable import sun
from edge_agent.timetable.place import Place

HA_NOI = Place(21.0285, 105.8542, "Asia/Ho_Chi_Minh")
CA_MAU = Place(9.1769, 105.1524, "Asia/Ho_Chi_Minh")
BANGKOK = Place(13.7563, 100.5018, "Asia/Bangkok")
EVENTS: tuple[sun.Event, ...] = ("sunrise", "sunset", "dawn", "dusk")
FAR = {
    "Kiritimati": Place(1.87, -157.4, "Pacific/Kiritimati"),  # fourteen hours before UTC, ten and a half by the sun
    "Apia": Place(-13.83, -171.77, "Pacific/Apia"),
    "Taveuni": Place(-16.8, 179.99, "Pacific/Fiji"),
    "Adak": Place(51.88, -176.66, "America/Adak"),
    "Kashgar by Beijing's clocks": Place(39.47, 75.99, "Asia/Shanghai"),
    "Ushuaia": Place(-54.8, -68.3, "America/Argentina/Ushuaia"),
    "Reykjavik": Place(64.13, -21.9, "Atlantic/Reykjavik"),  # the sun sets after midnight in June
    "London": Place(51.5, -0.12, "Europe/London"),
}


def by_pyephem(name: sun.Event, place: Place, day: date) -> datetime:
    """PyEphem (VSOP87): upper limb at 34' of refraction, or the centre 6 degrees below."""
    observer = ephem.Observer()
    observer.lat, observer.lon, observer.elevation, observer.pressure = str(place.latitude), str(place.longitude), 0, 0
    twilight = name in ("dawn", "dusk")
    observer.horizon = "-6" if twilight else "-0:34"
    clock_noon = datetime.combine(day, time(12), ZoneInfo(place.timezone)).astimezone(UTC)
    observer.date = (clock_noon - timedelta(hours=12)).replace(tzinfo=None)
    transits = [observer.next_transit(ephem.Sun(), start=observer.date + shift) for shift in (-0.5, 0, 0.5)]
    observer.date = min(transits, key=lambda at: abs(at.datetime() - clock_noon.replace(tzinfo=None)))
    find = observer.previous_rising if name in ("sunrise", "dawn") else observer.next_setting
    found: datetime = find(ephem.Sun(), use_center=twilight).datetime()
    return found.replace(tzinfo=UTC)


@pytest.mark.parametrize("place", [HA_NOI, CA_MAU], ids=["Ha Noi", "Ca Mau"])
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("year", [2026, 2027, 2040])
def test_every_day_within_thirty_seconds_of_an_independent_ephemeris(place: Place, event: sun.Event, year: int) -> None:
    days = [date.fromordinal(day) for day in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())]
    apart = {day: abs(sun.event(event, place, day) - by_pyephem(event, place, day)).total_seconds() for day in days}
    worst = max(apart, key=lambda day: apart[day])
    assert apart[worst] <= 30, worst
    for month, day in ((3, 20), (6, 21), (9, 23), (12, 22)):
        assert apart[date(year, month, day)] <= 10, "solstices and equinoxes"


@pytest.mark.parametrize("place", FAR.values(), ids=FAR)
@pytest.mark.parametrize("event", ["sunrise", "sunset"])
def test_far_places_have_one_a_day_and_the_right_one(place: Place, event: sun.Event) -> None:
    before: datetime | None = None
    for ordinal in range(date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        at = sun.event(event, place, day)
        assert abs(at - by_pyephem(event, place, day)) <= timedelta(seconds=60), day
        assert before is None or timedelta(hours=23) < at - before < timedelta(hours=25)
        before = at


def minutes_apart(instant: datetime, zone: str, published: datetime) -> float:
    return abs((instant - published.replace(tzinfo=ZoneInfo(zone))).total_seconds()) / 60


@pytest.mark.parametrize("year", [2019, 2023])
def test_bangkok_as_its_observatory_published(year: int) -> None:
    """National Astronomical Research Institute of Thailand, solstices of 2019 and 2023: 05.51 and 18.47."""
    day = date(year, 6, 21)
    assert minutes_apart(sun.sunrise(BANGKOK, day), BANGKOK.timezone, datetime(year, 6, 21, 5, 51)) <= 2
    assert minutes_apart(sun.sunset(BANGKOK, day), BANGKOK.timezone, datetime(year, 6, 21, 18, 47)) <= 2


@pytest.mark.parametrize(("latitude", "minute"), [(8, 13), (10, 17), (20, 35), (22, 39)])
def test_sunrise_at_new_year_by_latitude(latitude: int, minute: int) -> None:
    """Astronomy Answers (aa.quae.nl), "The Position of the Sun: Tables", table 1; local time is ours at 105° E."""
    rise = sun.sunrise(Place(latitude, 105, "Asia/Ho_Chi_Minh"), date(2026, 1, 1))
    assert minutes_apart(rise, "Asia/Ho_Chi_Minh", datetime(2026, 1, 1, 6, minute)) <= 2


def test_morning_and_evening_in_their_order() -> None:
    day = date(2027, 2, 6)
    times = [sun.dawn(HA_NOI, day), sun.sunrise(HA_NOI, day), sun.sunset(HA_NOI, day), sun.dusk(HA_NOI, day)]
    assert times == sorted(times)
    assert all(at.microsecond == 0 and at.tzinfo is UTC for at in times)


@pytest.mark.parametrize("event", EVENTS)
def test_where_there_is_none(event: sun.Event) -> None:
    north = Place(78.2, 15.6, "Arctic/Longyearbyen")
    for day in (date(2027, 6, 21), date(2027, 12, 21)):
        with pytest.raises(sun.NoSun):
            sun.event(event, north, day)
    assert sun.event(event, north, date(2027, 3, 20))


def test_who_needs_no_sun_does_not_pay_for_astral() -> None:
    code = """
import sys
from datetime import UTC, datetime
from edge_agent.config.switching import Light
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Timetable
times = {"on": "18:00", "off": "22:30"}
light = Light(id="a", name="A", line="r/1", programme=times)
plan = Timetable((), (), Place(21, 105, "Asia/Ho_Chi_Minh")).plan_of(light)
assert plan.at(datetime(2027, 1, 1, 12, tzinfo=UTC), lambda sensor: None).level == 100
assert "astral" not in sys.modules
light = Light(id="a", name="A", line="r/1", programme={})
plan = Timetable((), (), Place(21, 105, "Asia/Ho_Chi_Minh")).plan_of(light)
plan.at(datetime(2027, 1, 1, 12, tzinfo=UTC), lambda sensor: None)
assert "astral" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

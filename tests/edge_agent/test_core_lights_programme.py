"""When lights switch: sunset and sunrise as published, and a year in which no switch is skipped."""

import math
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.lights.decide import Override, decide, override_end
from edge_agent.lights.programme import Place, Programme, level_at

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
HA_NOI = Place(latitude=21.0285, longitude=105.8542, timezone="Asia/Ho_Chi_Minh")
CA_MAU = Place(latitude=9.1769, longitude=105.1524, timezone="Asia/Ho_Chi_Minh")
BANGKOK = Place(latitude=13.7563, longitude=100.5018, timezone="Asia/Bangkok")
SUN = Programme()


def sun(place: Place, day: date) -> tuple[datetime, datetime]:
    """Sunrise and sunset of a local day."""
    switches = {level: instant for instant, level in SUN.switches(day, place)}
    return switches[0.0], switches[100.0]


def minutes_apart(instant: datetime, zone: ZoneInfo, day: date, published: time) -> float:
    return abs((instant - datetime.combine(day, published, zone)).total_seconds()) / 60


@pytest.mark.parametrize("year", [2019, 2023])
def test_bangkok_as_its_observatory_published(year: int) -> None:
    """National Astronomical Research Institute of Thailand, solstices of 2019 and 2023: 05.51 and 18.47."""
    rise, set_ = sun(BANGKOK, date(year, 6, 21))
    zone = ZoneInfo("Asia/Bangkok")
    assert minutes_apart(rise, zone, date(year, 6, 21), time(5, 51)) <= 2
    assert minutes_apart(set_, zone, date(year, 6, 21), time(18, 47)) <= 2


@pytest.mark.parametrize(
    ("latitude", "published"), [(8, time(6, 13)), (10, time(6, 17)), (20, time(6, 35)), (22, time(6, 39))]
)
def test_sunrise_at_new_year_by_latitude(latitude: int, published: time) -> None:
    """Astronomy Answers (aa.quae.nl), "The Position of the Sun: Tables", table 1; local time is ours at 105° E."""
    place = Place(latitude=latitude, longitude=105, timezone="Asia/Ho_Chi_Minh")
    day = date(2026, 1, 1)
    assert minutes_apart(sun(place, day)[0], ZONE, day, published) <= 2


def almanac(place: Place, day: date, rising: bool) -> datetime:
    """Almanac for Computers 1990 (Nautical Almanac Office, US Naval Observatory), zenith 90° 50'; UTC."""
    sin, cos = (lambda x: math.sin(math.radians(x))), (lambda x: math.cos(math.radians(x)))
    hour = place.longitude / 15
    t = day.timetuple().tm_yday + ((6 if rising else 18) - hour) / 24
    anomaly = 0.9856 * t - 3.289
    true = (anomaly + 1.916 * sin(anomaly) + 0.020 * sin(2 * anomaly) + 282.634) % 360
    right = math.degrees(math.atan(0.91764 * math.tan(math.radians(true)))) % 360
    right = (right + (true // 90 * 90 - right // 90 * 90)) / 15
    declination = math.asin(0.39782 * sin(true))
    angle = (cos(90.8333) - math.sin(declination) * sin(place.latitude)) / (math.cos(declination) * cos(place.latitude))
    turned = math.degrees(math.acos(angle))
    local = ((360 - turned if rising else turned) / 15 + right - 0.06571 * t - 6.622) % 24
    noon = datetime.combine(day, time(12), ZoneInfo(place.timezone)).astimezone(UTC)
    found = datetime.combine(day, time(0), UTC) + timedelta(hours=(local - hour) % 24)
    return min((found + timedelta(days=shift) for shift in (-1, 0, 1)), key=lambda at: abs(at - noon))


@pytest.mark.parametrize("place", [HA_NOI, CA_MAU], ids=["Ha Noi", "Ca Mau"])
@pytest.mark.parametrize("year", [2024, 2026, 2030])
def test_every_day_of_the_year_as_the_almanac_has_it(place: Place, year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        rise, set_ = sun(place, day)
        for event, rising in ((rise, True), (set_, False)):
            assert abs(event - almanac(place, day, rising)) <= timedelta(minutes=2), (day, rising)
            assert event.astimezone(ZONE).date() == day, "a sunrise belongs to its own local day"
        assert rise < set_
        day += timedelta(days=1)


PROGRAMMES = [
    Programme(),
    Programme(on="sunset-15m", off="sunrise+10m"),
    Programme(on="sunset", off="22:30"),
    Programme(on="18:00", off="05:30"),
    Programme(on="05:00", off="sunrise"),
    Programme(on="00:00", off="23:59"),
    Programme(on="sunrise", off="sunset"),
]


@pytest.mark.parametrize("programme", PROGRAMMES, ids=str)
def test_a_year_without_a_skipped_switch(programme: Programme) -> None:
    now, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    level, change = level_at(programme, now, HA_NOI)
    switches = 0
    while change < end:
        assert now < change <= now + timedelta(days=1, minutes=5)
        just_before, at = (level_at(programme, change + timedelta(seconds=s), HA_NOI)[0] for s in (-1, 0))
        assert (just_before, at) == (level, 100 - level), change
        now, level = change, at
        change = level_at(programme, now, HA_NOI)[1]
        switches += 1
    assert switches in (729, 730)


@given(st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1)), st.sampled_from(PROGRAMMES))
def test_the_next_change_is_always_ahead(naive: datetime, programme: Programme) -> None:
    now = naive.replace(tzinfo=UTC)
    level, change = level_at(programme, now, CA_MAU)
    assert level in (0, 100) and change > now
    between = now + (change - now) / 2
    assert level_at(programme, between, CA_MAU)[0] == level


@pytest.mark.parametrize("moment", ["sunset", "sunrise", "sunset-15m", "sunrise+120m", "00:00", "23:59"])
def test_moments_that_a_programme_may_have(moment: str) -> None:
    assert Programme(on=moment).on == moment


@pytest.mark.parametrize(
    "moment", ["", "dusk", "sunset-15", "sunset+1000m", "24:00", "18:60", "6:00", "18:00:00", "sunset-m"]
)
def test_moments_that_are_none(moment: str) -> None:
    with pytest.raises(ValueError):
        Programme(on=moment)


NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)  # 20:00 in Viet Nam
OVERRIDE = Override(0, NOW + timedelta(hours=1), "a")


@pytest.mark.parametrize(
    ("facts", "level", "why"),
    [
        ({}, 100, "program"),
        ({"override": OVERRIDE}, 0, "override"),
        ({"override": OVERRIDE, "trusted": False}, 0, "override"),
        ({"override": Override(0, NOW, "a")}, 100, "program"),
        ({"trusted": False, "fail_safe": 0}, 0, "default"),
        ({"trusted": False, "fail_safe": 100}, 100, "default"),
        ({"programme": None, "default": 100}, 100, "default"),
        ({"programme": None, "default": 0, "trusted": False, "fail_safe": 100}, 0, "default"),
        ({"place": Place(latitude=80, longitude=0, timezone="UTC"), "fail_safe": 100}, 100, "default"),
    ],
    ids=str,
)
def test_who_wins(facts: dict, level: float, why: str) -> None:
    usual = {"trusted": True, "override": None, "programme": SUN, "default": 0, "fail_safe": 0, "place": HA_NOI}
    decision = decide(NOW, **{**usual, **facts})
    assert (decision.level, decision.why) == (level, why)
    if why == "override":
        assert (decision.until, decision.by) == (OVERRIDE.until, "a")
    if why == "program":
        assert decision.until == level_at(SUN, NOW, HA_NOI)[1]


def test_every_override_ends() -> None:
    asked = NOW + timedelta(minutes=5)
    assert override_end(NOW, asked, SUN, HA_NOI) == asked
    assert override_end(NOW, None, SUN, HA_NOI) == level_at(SUN, NOW, HA_NOI)[1]
    assert override_end(NOW, None, None, HA_NOI) == NOW + timedelta(hours=12)
    long = Programme(on="19:00", off="20:30")
    assert override_end(NOW + timedelta(hours=1), None, long, HA_NOI) == NOW + timedelta(hours=13), "12 hours at most"
    nowhere = Place(latitude=80, longitude=0, timezone="UTC")
    assert override_end(NOW, None, SUN, nowhere) == NOW + timedelta(hours=12)

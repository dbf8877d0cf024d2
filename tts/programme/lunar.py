"""The Vietnamese lunar calendar: solar date -> lunar date, by the rules that Hồ Ngọc Đức describes.

A month begins on the day of the new moon in UTC+7. The winter solstice lies in month 11; between two months 11 with
thirteen new moons, the first month without a principal term (a multiple of 30 degrees of the sun's longitude) is
doubled. New moons and the sun's longitude: J. Meeus, Astronomical Algorithms, 2nd edition, chapters 49 and 25.
Every day from 1968 to 2199 is as in Hồ Ngọc Đức's tables, but for one month: the new moon of 8 May 2054 comes 23 s
after midnight, which only the earth's future rotation can decide.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from math import floor, radians, sin

FIRST_YEAR, LAST_YEAR = 1968, 2199
"""Since 1968 the calendar is reckoned in UTC+7; beyond 2199 nobody vouches for the earth's rotation."""
_ZONE_DAYS = 7 / 24
_MONTH_DAYS = 29.530588861
_STEMS = ("Giáp", "Ất", "Bính", "Đinh", "Mậu", "Kỷ", "Canh", "Tân", "Nhâm", "Quý")
_BRANCHES = ("Tý", "Sửu", "Dần", "Mão", "Thìn", "Tỵ", "Ngọ", "Mùi", "Thân", "Dậu", "Tuất", "Hợi")
_JULIAN = 1_721_425  # Julian day number of ordinal 0, counted at noon


@dataclass(frozen=True, slots=True)
class LunarDate:
    """A day of the lunar calendar; `year` is the solar year in which the lunar year begins."""

    day: int
    month: int
    year: int
    leap: bool = False

    @property
    def year_name(self) -> str:
        """Stem and branch of the year, for example `Bính Ngọ`."""
        return f"{_STEMS[(self.year + 6) % 10]} {_BRANCHES[(self.year + 8) % 12]}"


def lunar_date(day: date) -> LunarDate:
    """Return the lunar date of a solar one.

    Raises:
        ValueError: outside 1968 to 2199.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"the lunar calendar is known from {FIRST_YEAR} to {LAST_YEAR}")
    number = day.toordinal()
    eleventh = _eleventh_month(day.year)
    if number < _new_moon(eleventh):
        eleventh, year = _eleventh_month(day.year - 1), day.year - 1
    else:
        year = day.year
    months = _eleventh_month(year + 1) - eleventh
    place = floor((number - _new_moon(eleventh)) / _MONTH_DAYS) + 1
    while _new_moon(eleventh + place) > number:
        place -= 1
    doubled = _doubled(eleventh) if months == 13 else 99
    month = 11 + place - (1 if place >= doubled else 0)
    lunar_year = year if month <= 12 else year + 1
    return LunarDate(number - _new_moon(eleventh + place) + 1, (month - 1) % 12 + 1, lunar_year, leap=place == doubled)


def _doubled(eleventh: int) -> int:
    """Place (from month 11, which is 0) of the month that is the second of its number."""
    return next(place for place in range(1, 14) if _term(eleventh + place) == _term(eleventh + place + 1))


@cache
def _eleventh_month(year: int) -> int:
    """Number of the new moon that begins month 11 in the given solar year."""
    moon = floor((date(year, 12, 31).toordinal() - date(2000, 1, 6).toordinal()) / _MONTH_DAYS) + 1
    while _new_moon(moon) > date(year, 12, 31).toordinal() or _term(moon) >= 9:
        moon -= 1
    return moon


@cache
def _term(moon: int) -> int:
    """The sun's longitude, in units of 30 degrees, as the day of a new moon begins in UTC+7."""
    julian = _new_moon(moon) + _JULIAN - 0.5 - _ZONE_DAYS
    return floor(_sun_longitude(julian) / 30)


def _sun_longitude(julian: float) -> float:
    century = (julian - 2_451_545.0) / 36_525
    anomaly = radians(357.52911 + 35_999.05029 * century - 0.0001537 * century**2)
    mean = 280.46646 + 36_000.76983 * century + 0.0003032 * century**2
    centre = (1.914602 - 0.004817 * century - 0.000014 * century**2) * sin(anomaly)
    centre += (0.019993 - 0.000101 * century) * sin(2 * anomaly) + 0.000289 * sin(3 * anomaly)
    node = radians(125.04 - 1934.136 * century)
    return (mean + centre - 0.00569 - 0.00478 * sin(node)) % 360


# Coefficient in days, then the multiples of: sun's anomaly, moon's anomaly, argument of latitude, ascending node.
# The number before them says how often the eccentricity of the earth's orbit enters.
_PERIODIC = (
    (-0.40720, 0, 0, 1, 0, 0), (0.17241, 1, 1, 0, 0, 0), (0.01608, 0, 0, 2, 0, 0), (0.01039, 0, 0, 0, 2, 0),
    (0.00739, 1, -1, 1, 0, 0), (-0.00514, 1, 1, 1, 0, 0), (0.00208, 2, 2, 0, 0, 0), (-0.00111, 0, 0, 1, -2, 0),
    (-0.00057, 0, 0, 1, 2, 0), (0.00056, 1, 1, 2, 0, 0), (-0.00042, 0, 0, 3, 0, 0), (0.00042, 1, 1, 0, 2, 0),
    (0.00038, 1, 1, 0, -2, 0), (-0.00024, 1, -1, 2, 0, 0), (-0.00017, 0, 0, 0, 0, 1), (-0.00007, 0, 2, 1, 0, 0),
    (0.00004, 0, 0, 2, -2, 0), (0.00004, 0, 3, 0, 0, 0), (0.00003, 0, 1, 1, -2, 0), (0.00003, 0, 0, 2, 2, 0),
    (-0.00003, 0, 1, 1, 2, 0), (0.00003, 0, -1, 1, 2, 0), (-0.00002, 0, -1, 1, -2, 0), (-0.00002, 0, 1, 3, 0, 0),
    (0.00002, 0, 0, 4, 0, 0),
)  # fmt: skip
# Coefficient in days, phase in degrees, degrees per lunation: the pull of the planets.
_PLANETS = (
    (0.000325, 299.77, 0.107408), (0.000165, 251.88, 0.016321), (0.000164, 251.83, 26.651886),
    (0.000126, 349.42, 36.412478), (0.000110, 84.66, 18.206239), (0.000062, 141.74, 53.303771),
    (0.000060, 207.14, 2.453732), (0.000056, 154.84, 7.306860), (0.000047, 34.52, 27.261239),
    (0.000042, 207.19, 0.121824), (0.000040, 291.34, 1.844379), (0.000037, 161.72, 24.198154),
    (0.000035, 239.56, 25.513099), (0.000023, 331.55, 3.592518),
)  # fmt: skip


@cache
def _new_moon(moon: int) -> int:
    """Day (proleptic ordinal) in UTC+7 of a new moon, counted from that of 6 January 2000."""
    century = moon / 1236.85
    squared = century**2
    time = 2_451_550.09766 + 29.530588861 * moon + 0.00015437 * squared - 0.00000015 * century**3
    eccentricity = 1 - 0.002516 * century - 0.0000074 * squared
    angles = (
        2.5534 + 29.10535670 * moon - 0.0000014 * squared,
        201.5643 + 385.81693528 * moon + 0.0107582 * squared,
        160.7108 + 390.67050284 * moon - 0.0016118 * squared,
        124.7746 - 1.56375588 * moon + 0.0020672 * squared,
    )
    for size, power, *multiples in _PERIODIC:
        angle = sum(many * each for many, each in zip(multiples, angles, strict=True))
        time += size * eccentricity**power * sin(radians(angle))
    for number, (size, phase, speed) in enumerate(_PLANETS):
        time += size * sin(radians(phase + speed * moon - (0.009173 * squared if number == 0 else 0)))
    time -= _delta_t(2000 + moon / 12.3685) / 86_400
    return floor(time + 0.5 + _ZONE_DAYS) - _JULIAN


def _delta_t(year: float) -> float:
    """Seconds by which the earth's rotation lags (F. Espenak and J. Meeus, polynomials of 2006; for 1961 to 2150)."""
    since = year - 2000
    if year < 1986:
        since = year - 1975
        return 45.45 + 1.067 * since - since**2 / 260 - since**3 / 718
    if year < 2005:
        powers = (63.86, 0.3345, -0.060374, 0.0017275, 0.000651814, 0.00002373599)
        return sum(factor * since**power for power, factor in enumerate(powers))
    if year < 2050:
        return 62.92 + 0.32217 * since + 0.005589 * since**2
    return -20 + 32 * ((year - 1820) / 100) ** 2 - 0.5628 * max(0.0, 2150 - year)

"""The Vietnamese lunar calendar: solar date -> lunar date.

From the tables of the library vnlunar, which are Hồ Ngọc Đức's. Since 1968 the calendar is reckoned in UTC+7.
"""

from dataclasses import dataclass
from datetime import date

FIRST_YEAR, LAST_YEAR = 1968, 2199
_STEMS = ("Giáp", "Ất", "Bính", "Đinh", "Mậu", "Kỷ", "Canh", "Tân", "Nhâm", "Quý")
_BRANCHES = ("Tý", "Sửu", "Dần", "Mão", "Thìn", "Tỵ", "Ngọ", "Mùi", "Thân", "Dậu", "Tuất", "Hợi")


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
    from vnlunar.core import get_lunar_date_from_table

    found = get_lunar_date_from_table(day.day, day.month, day.year)
    return LunarDate(found["day"], found["month"], found["year"], leap=bool(found["leap"]))

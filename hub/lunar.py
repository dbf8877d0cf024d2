"""Lunar dates beside solar ones, from the same tables that the nodes use (Hồ Ngọc Đức's, library vnlunar)."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from vnlunar.core import get_lunar_date

from hub.language import Translate

FIRST_YEAR, LAST_YEAR = 1968, 2199


class LunarDay(NamedTuple):
    """Day and month; `leap`: the second month of its number in that year."""

    day: int
    month: int
    leap: bool


@lru_cache(maxsize=512)
def lunar(day: date) -> LunarDay | None:
    """The lunar date of a solar one; None outside of the years that the tables know."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    found = get_lunar_date(day.day, day.month, day.year)
    return LunarDay(found["day"], found["month"], bool(found["leap"]))


def is_feast(day: date) -> bool:
    """Whether it is the first or the fifteenth of a lunar month."""
    found = lunar(day)
    return found is not None and found.day in (1, 15)


def words(day: date, t: Translate) -> str:
    """`mùng 1 tháng Giêng`, `rằm tháng Mười âm`, `23 tháng Chạp`; empty where it is not known."""
    found = lunar(day)
    if found is None:
        return ""
    key = "lunar.full" if found.day == 15 else "lunar.first_days" if found.day <= 10 else "lunar.days"
    month = t(f"lunar.month_{found.month}")
    return t(key, day=found.day, month=t("lunar.leap", month=month) if found.leap else month)

"""Lunar dates beside solar ones, as a page needs them: for many days, and without a fault for far-off years."""

from datetime import date
from functools import lru_cache

from hub.language import Translate
from tts.lunar import FIRST_YEAR, LAST_YEAR, LunarDate, lunar_date


@lru_cache(maxsize=512)
def lunar(day: date) -> LunarDate | None:
    """The lunar date of a solar one; None outside of the years that the tables know."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    return lunar_date(day)


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

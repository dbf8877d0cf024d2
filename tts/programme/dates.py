"""The day in a greeting: weekday, solar date and lunar date, as a Vietnamese announcer says them."""

import re
from collections.abc import Iterator
from datetime import date

from tts.lunar import LunarDate, lunar_date

PLACEHOLDERS = ("weekday", "date", "lunar", "lunar_year")
_GAP = re.compile(r"\{([^{}\n]{0,40})\}")
_WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


def fill(text: str, day: date) -> str:
    """Return `text` with its placeholders filled; other braces stay.

    Raises:
        ValueError: a lunar date is wanted of a year for which the calendar is not known.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "weekday":
            return _WEEKDAYS[day.weekday()]
        if name == "date":
            return f"ngày {day.day} tháng {day.month} năm {day.year}"
        if name == "lunar":
            return _lunar(lunar_date(day))
        return lunar_date(day).year_name if name == "lunar_year" else match[0]

    return _GAP.sub(value, text)


def unknown(text: str) -> Iterator[str]:
    """Give the placeholders of `text` that do not exist."""
    return (match[1] for match in _GAP.finditer(text) if match[1] not in PLACEHOLDERS)


def _lunar(when: LunarDate) -> str:
    day = "rằm" if when.day == 15 else f"mùng {when.day}" if when.day <= 10 else f"ngày {when.day}"
    month = {1: "Giêng", 12: "Chạp"}.get(when.month, str(when.month))
    leap = " nhuận" if when.leap else ""
    return f"{day} tháng {month}{leap} âm lịch, năm {when.year_name}"

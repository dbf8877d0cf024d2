"""Rewriting rules that run before the reading library, for what it reads wrongly.

A rule turns written text into written text that the library reads right; it must leave everything else alone.
The rules run in the order of `RULES`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rewriting rule; `rewrite` gives the new text of a match (the match itself: leave it)."""

    name: str
    pattern: re.Pattern[str]
    rewrite: Callable[[re.Match[str]], str]

    def apply(self, text: str) -> str:
        """Return `text` with every match rewritten."""
        return self.pattern.sub(self.rewrite, text)


_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")

# "7h30-11h30", "7:30 – 11:30", "7h - 11h", "7-11h". sea-g2p 0.10 drops the dash, or reads it as "minus".
_TIME_RANGE = re.compile(
    r"(?<![\d.,:/-])(\d{1,2})(?:(h|g|:|\s?giờ\s?)(\d{2})?)?\s*[-–—]\s*(\d{1,2})(h|g|:|\s?giờ(?:\s(?=\d\d\b))?)(\d{2})?"
    r"(?![\w:/-]|[.,]\d)",
    re.IGNORECASE,
)


def _clock(hour: str, minute: str | None) -> str | None:
    if int(hour) > 24 or int(minute or 0) > 59:
        return None
    return f"{int(hour)}h{minute}" if int(minute or 0) else f"{int(hour)}h"


def _time_range(match: re.Match[str]) -> str:
    hour, mark, minute, last_hour, last_mark, last_minute = match.groups()
    # "7:" and "7-11:" are no times; "3-4 giờ" (three to four hours) is one only when both ends carry the mark.
    if (mark == ":" and not minute) or (last_mark == ":" and not last_minute):
        return match[0]
    if mark is None and (last_mark == ":" or last_mark.strip().lower() == "giờ"):
        return match[0]
    first, last = _clock(hour, minute), _clock(last_hour, last_minute)
    return f"{first} đến {last}" if first and last else match[0]


# National short numbers: 111 child protection, 112 rescue, 113 police, 114 fire, 115 ambulance. They are spoken digit
# by digit, but "113 người" is a count: a word of calling must stand before the number in the same clause.
_COUNTED = (
    "người|hộ|em|cháu|ca|vụ|suất|trường hợp|con|cái|chiếc|km|m|m2|kg|ha|tấn|lít"
    "|nghìn|ngàn|triệu|tỷ|tỉ|đồng|đ|năm|tháng|ngày|tuổi|phút|giây|giờ"
)
_CALLING_WORDS = (
    "gọi|quay|bấm|alo|tổng đài|đường dây nóng|hotline|điện thoại|đt|sđt|số máy|liên hệ|báo tin|báo ngay|khẩn cấp"
    "|cấp cứu|cứu hộ|cứu nạn|cứu hỏa|cứu hoả|chữa cháy|công an|cảnh sát"
)
_SHORT_NUMBER = re.compile(rf"(?<![\w.,/-])11[1-5](?![\w/-]|[.,]\d|\s*%|\s+(?:{_COUNTED})\b)", re.IGNORECASE)
_CALLING = re.compile(rf"\b(?:{_CALLING_WORDS})\b[^.!?;\n]*$", re.IGNORECASE)
_LOOK_BACK = 80  # characters: long enough for "gọi 113 (công an), 114 (chữa cháy) hoặc 115"


def _short_number(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - _LOOK_BACK) : match.start()]
    return " ".join(_DIGITS[int(digit)] for digit in match[0]) if _CALLING.search(before) else match[0]


RULES: tuple[Rule, ...] = (
    Rule("time range", _TIME_RANGE, _time_range),
    Rule("emergency number", _SHORT_NUMBER, _short_number),
)

"""Dates, months and years, alone and as ranges: 12/7/2026, 1-5/6, 28/2-3/3, tháng 12/2024, 2021-2025, 10/3 âm lịch."""

import re

from tts.reading.scene import DASH, END, Answer, Rule, Scene, asked

_D, _M, _Y = r"(\d{1,2})", r"(\d{1,2})", r"((?:19|20)\d{2})"

_FULL = re.compile(rf"{_D}\s?([/.\-])\s?{_M}\s?\2\s?((?:19|20)\d{{2}}|\d{{2}}(?=\D|$)){END}")
_FULL_RANGE = re.compile(
    rf"{_D}[/.]{_M}(?:[/.]{_Y})?(?:{DASH}|\s+(?:đến|tới)\s+){_D}[/.]{_M}(?:[/.]{_Y})?(?![\w:/]|[.,]\d|-\d)"
)
_DAYS = re.compile(rf"{_D}{DASH}{_D}[/.]{_M}(?:[/.]{_Y})?(?![\w:/]|[.,]\d|-\d)")
_SHORT = re.compile(rf"{_D}([/.\-]){_M}{END}")
_MONTH_YEAR = re.compile(rf"{_M}\s?[/\-]\s?{_Y}{END}")
_MONTHS_YEAR = re.compile(rf"{_M}{DASH}{_M}/{_Y}{END}")
_MONTH_YEARS = re.compile(rf"{_M}/{_Y}{DASH}{_M}/{_Y}{END}")
_YEARS = re.compile(rf"{_Y}{DASH}((?:19|20)\d{{2}}|\d{{2}}){END}")
_LUNAR_AFTER = re.compile(r"\s*\(?\s*(?:âm lịch|âm(?! (?:thanh|nhạc|hưởng|u|tính))|ÂL|AL|âl)(?!\w)", re.IGNORECASE)
_SOLAR_AFTER = re.compile(r"\s*\(?\s*(?:dương lịch|DL|dl)(?!\w)")

_DAY_LIST = re.compile(r"(?:ngày|mùng|mồng)\s+\d{1,2}(?:\s*,\s*\d{1,2})*\s*(?:,|và|hoặc)\s*$")
_PART_OF_DAY = {"sáng", "trưa", "chiều", "tối", "đêm"}
DAY_WORDS = {"ngày", "mùng", "mồng", "rằm", "hôm"}
# After these a day stands without "ngày": sáng mười bốn tháng ba, dịp ba mươi tháng tư.
DIRECT = DAY_WORDS | {
    "sáng", "trưa", "chiều", "tối", "đêm", "dịp", "lễ", "tết", "khánh", "động", "nghỉ", "khuya", "mừng", "niệm", "nữ",
}  # fmt: skip
_BEFORE_DATE = DIRECT | {
    "từ", "đến", "tới", "trước", "sau", "vào", "hạn", "chót", "thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu",
    "thứ bảy", "chủ nhật", "nhật", "cn", "nay", "mai", "kể từ", "qua",
}  # fmt: skip
_WEEKDAY = re.compile(r"(?:thứ\s+(?:\d|hai|ba|tư|năm|sáu|bảy)|chủ nhật|\bcn|\bt[2-7])\s*[,(]?\s*(?:ngày)?\s*$")
PERIODS = {"quý", "tuần", "đợt", "kỳ", "kì", "vụ", "lần", "khóa", "khoá", "phiên", "giai đoạn", "hè", "đông"}
# Streets and squares are named after these days.
ANNIVERSARIES = {
    "3/2", "8/3", "26/3", "30/4", "1/5", "7/5", "15/5", "19/5", "1/6", "27/7", "19/8", "2/9", "10/10", "20/10", "20/11",
    "22/12", "23/9", "23/10", "16/4", "29/3", "24/3", "10/3",
}  # fmt: skip
_STREETS = {"đường", "phố", "trường", "viên", "cầu"}
AMBIGUOUS_BEFORE = {
    "số",
    "nhà",
    "ngõ",
    "ngách",
    "hẻm",
    "kiệt",
    "thửa",
    "tờ",
    "lô",
    "tổ",
    "phòng",
    "căn",
    "kiot",
    "lệ",
    "đồ",
}


def valid_date(day: str, month: str) -> bool:
    """Say whether there is such a day in some year."""
    longest = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= int(month) <= 12 and 1 <= int(day) <= longest[int(month) - 1]


def month_name(scene: Scene, month: str, lunar: bool = False) -> str:
    """Return the words of a month after "tháng": tư for the fourth, giêng and chạp in the lunar calendar."""
    special = {4: "tư"} | ({1: "giêng", 12: "chạp"} if lunar else {})
    return special.get(int(month)) or scene.numbers.whole(month)


def day_words(scene: Scene, start: int, day: str, month: str, lunar: bool) -> str:
    """The day's words, with the word that belongs before them if it is not written already."""
    prior = scene.prior(start)[0]
    said = scene.numbers.whole(day)
    if lunar and int(day) <= 10 and prior not in {"mùng", "mồng"}:
        said = f"mùng {said}"
    bare = (
        prior in DIRECT or prior in _STREETS or scene.continues(start, "date") or _DAY_LIST.search(scene.before(start))
    )
    return f"{said if bare else 'ngày ' + said} tháng {month_name(scene, month, lunar)}"


def _is_lunar(scene: Scene, start: int, end: int) -> bool:
    prior = scene.prior(start)[0]
    if _LUNAR_AFTER.match(scene.text, end) or prior in {"mùng", "mồng", "rằm"}:
        return not _SOLAR_AFTER.match(scene.text, end)
    return False


def _year(scene: Scene, year: str | None) -> str:
    if not year:
        return ""
    if len(year) == 2:
        year = ("20" if int(year) <= 60 else "19") + year
    return f" năm {scene.numbers.whole(year)}"


def _full(scene: Scene, match: re.Match[str]) -> Answer:
    day, _, month, year = match.groups()
    if not valid_date(day, month) or (len(year) == 2 and "." in match[0]):
        return None
    lunar = _is_lunar(scene, match.start(), match.end())
    return day_words(scene, match.start(), day, month, lunar) + _year(scene, year)


def _full_range(scene: Scene, match: re.Match[str]) -> Answer:
    day, month, year, last_day, last_month, last_year = match.groups()
    if not (valid_date(day, month) and valid_date(last_day, last_month)):
        return None
    if scene.prior(match.start())[0] in AMBIGUOUS_BEFORE:
        return None
    lunar = _is_lunar(scene, match.start(), match.end())
    mung = "mùng " if lunar and int(last_day) <= 10 else ""
    last = f"ngày {mung}{scene.numbers.whole(last_day)} tháng {month_name(scene, last_month, lunar)}"
    first = day_words(scene, match.start(), day, month, lunar)
    return f"{first}{_year(scene, year)} đến {last}{_year(scene, last_year)}"


def _days(scene: Scene, match: re.Match[str]) -> Answer:
    day, last_day, month, year = match.groups()
    if not (valid_date(day, month) and valid_date(last_day, month) and int(day) < int(last_day)):
        return None
    if scene.prior(match.start())[0] in AMBIGUOUS_BEFORE:
        return None
    lunar = _is_lunar(scene, match.start(), match.end())
    mung = "mùng " if lunar and int(last_day) <= 10 else ""
    first = day_words(scene, match.start(), day, month, lunar).partition(" tháng")[0]
    last = f"{mung}{scene.numbers.whole(last_day)} tháng {month_name(scene, month, lunar)}"
    return f"{first} đến {last}{_year(scene, year)}"


def expects_date(scene: Scene, start: int, end: int) -> bool:
    """Say whether the words around two numbers lead one to expect a day and a month."""
    word, words = scene.prior(start)
    if word in _BEFORE_DATE or words in _BEFORE_DATE or scene.continues(start, "date"):
        return True
    if _LUNAR_AFTER.match(scene.text, end) or _SOLAR_AFTER.match(scene.text, end):
        return True
    before = scene.before(start)
    if scene.found and scene.found[-1].rule.startswith("time"):
        beside = scene.text[scene.found[-1].end : start]
        if scene.found[-1].rule != "time.round_the_clock" and beside.strip() in {"", ",", "-", "–", "("}:
            return True
    return bool(_WEEKDAY.search(before) or _DAY_LIST.search(before))


def _short(scene: Scene, match: re.Match[str]) -> Answer:
    day, mark, month = match.groups()
    if not valid_date(day, month):
        return None
    said = day_words(scene, match.start(), day, month, _is_lunar(scene, match.start(), match.end()))
    if mark == "/":
        return said if _stroke_is_date(scene, match) else None
    word = scene.prior(match.start())[0]
    pointed = mark == "." and (word in _PART_OF_DAY or scene.continues(match.start(), "date"))
    if (word not in DAY_WORDS and not pointed) or scene.following(match.end())[0] == "tháng":
        return None
    if mark == "-" and int(month) > int(day):
        days = f"{scene.numbers.whole(day)} đến {scene.numbers.whole(month)}"
        return asked("date", (said, "ngày và tháng"), (days, "từ ngày đến ngày"))
    return said


def _stroke_is_date(scene: Scene, match: re.Match[str]) -> bool:
    day, _, month = match.groups()
    word = scene.prior(match.start())[0]
    if word in _STREETS:
        return f"{int(day)}/{int(month)}" in ANNIVERSARIES
    return expects_date(scene, match.start(), match.end()) or (int(day) > 12 and word not in AMBIGUOUS_BEFORE)


def _month_year(scene: Scene, match: re.Match[str]) -> Answer:
    month, year = match.groups()
    word = scene.prior(match.start())[0]
    if word in PERIODS:
        return f"{scene.numbers.whole(month)}{_year(scene, year)}"
    if not 1 <= int(month) <= 12 or word in AMBIGUOUS_BEFORE:
        return None
    led = "" if word == "tháng" else "tháng "
    return f"{led}{month_name(scene, month)}{_year(scene, year)}"


def _months_year(scene: Scene, match: re.Match[str]) -> Answer:
    month, last, year = match.groups()
    if not 1 <= int(month) < int(last) <= 12 or scene.prior(match.start())[0] != "tháng":
        return None
    return f"{month_name(scene, month)} đến tháng {month_name(scene, last)}{_year(scene, year)}"


def _month_years(scene: Scene, match: re.Match[str]) -> Answer:
    month, year, last, last_year = match.groups()
    if not (1 <= int(month) <= 12 and 1 <= int(last) <= 12):
        return None
    led = "" if scene.prior(match.start())[0] == "tháng" else "tháng "
    first = f"{led}{month_name(scene, month)}{_year(scene, year)}"
    return f"{first} đến tháng {month_name(scene, last)}{_year(scene, last_year)}"


def _years(scene: Scene, match: re.Match[str]) -> Answer:
    first, last = match.groups()
    if int(last) <= (int(first) if len(last) == 4 else int(first[2:])):
        return None
    return f"{scene.numbers.whole(first)} đến {scene.numbers.whole(last)}"


_MONTH_LIST = re.compile(rf"{_M}(?:{DASH}{_M})?{END}")


def _months(scene: Scene, match: re.Match[str]) -> Answer:
    first, last = match.groups()
    if scene.prior(match.start())[0] != "tháng" and not scene.continues(match.start(), "month"):
        return None
    if scene.following(match.end())[0] in {"tuổi", "người", "hộ", "đồng", "trẻ", "ngày"}:
        return None
    if not 1 <= int(first) <= 12 or (last and not int(first) < int(last) <= 12):
        return None
    lunar = bool(_LUNAR_AFTER.match(scene.text, match.end()))
    said = month_name(scene, first, lunar)
    return f"{said} đến tháng {month_name(scene, last, lunar)}" if last else said


RULES = (
    Rule("date.range", _FULL_RANGE, _full_range),
    Rule("date", _FULL, _full),
    Rule("date.range", _DAYS, _days),
    Rule("month.range", _MONTHS_YEAR, _months_year),
    Rule("month.range", _MONTH_YEARS, _month_years),
    Rule("month", _MONTH_YEAR, _month_year),
    Rule("year.range", _YEARS, _years),
    Rule("date", _SHORT, _short),
    Rule("month", _MONTH_LIST, _months),
)

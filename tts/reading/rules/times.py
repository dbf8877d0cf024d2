"""Times of day: 7h30, 07:05, 14h-16h30, 24/24h."""

import re

from tts.reading.scene import DASH, END, Answer, Rule, Scene, asked

_MINUTE_MARK = r"(?:\s?(?:phút|ph|p|'|’|′)(?![^\W_]))?"

_RANGE = re.compile(
    rf"(\d{{1,2}})(?:(h|g|:|\s?giờ(?!\w)\s?)(\d{{2}})?{_MINUTE_MARK})?"
    rf"(?:{DASH}|\s*(?:→|~)\s*)"
    rf"(\d{{1,2}})(h|g|:|\s?giờ(?:\s(?=\d\d\b))?)(\d{{2}})?{_MINUTE_MARK}(?![\w:/-]|[.,]\d)",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    rf"(\d{{1,2}})(?:\s?[hg]\s?(\d{{1,2}}){_MINUTE_MARK}|:(\d{{2}})(?::(\d{{2}}))?h?){END}", re.IGNORECASE
)
_HOURS = re.compile(rf"(\d{{1,3}})\s?h{END}", re.IGNORECASE)
_ROUND_G = re.compile(rf"(\d{{1,2}})\s?g{END}")
_ROUND_THE_CLOCK = re.compile(rf"24\s?/\s?(24|7)(\s?(?:h|giờ)(?!\w))?{END}", re.IGNORECASE)

_RATIO_WORDS = {"tỷ lệ", "tỉ lệ", "tỷ số", "tỉ số", "pha", "theo tỷ", "bản đồ"}
_OF_DAY = {"sáng", "trưa", "chiều", "tối", "đêm", "khuya", "rạng", "ngày", "hôm", "kém", "rưỡi", "đến", "tới"}
_AT = {"lúc", "từ", "đến", "tới", "trước", "sau", "hồi", "khoảng", "vào", "giờ"}


def _clock(scene: Scene, hour: str, minute: str | None, second: str | None = None) -> str | None:
    if int(hour) > 24 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    said = f"{scene.numbers.whole(hour)} giờ"
    if int(minute or 0) or second:
        said += f" {scene.numbers.whole(minute or '0')} phút"
    return f"{said} {scene.numbers.whole(second)} giây" if second else said


def _range(scene: Scene, match: re.Match[str]) -> Answer:
    hour, mark, minute, last_hour, last_mark, last_minute = match.groups()
    # "7:" and "7-11:" are no times; "3-4 giờ" (three to four hours) is one only when both ends carry the mark.
    if (mark == ":" and not minute) or (last_mark == ":" and not last_minute):
        return None
    if mark is None and (last_mark == ":" or last_mark.strip().lower() == "giờ"):
        return None
    if last_mark.lower() == "g" and not last_minute and scene.following(match.end())[0] not in _OF_DAY and mark is None:
        return None
    first, last = _clock(scene, hour, minute), _clock(scene, last_hour, last_minute)
    return f"{first} đến {last}" if first and last else None


def _one(scene: Scene, match: re.Match[str]) -> Answer:
    hour, minute, colon_minute, second = match.groups()
    word, words = scene.prior(match.start())
    if colon_minute and (words in _RATIO_WORDS or word in {"pha", "scale"}):
        return None
    return _clock(scene, hour, minute or colon_minute, second)


def _hours(scene: Scene, match: re.Match[str]) -> Answer:
    return f"{scene.numbers.whole(match[1])} giờ"


def _round_g(scene: Scene, match: re.Match[str]) -> Answer:
    if int(match[1]) > 24:
        return None
    if scene.following(match.end())[0] in _OF_DAY - {"đến", "tới"} or scene.prior(match.start())[0] == "lúc":
        return f"{scene.numbers.whole(match[1])} giờ"
    if scene.prior(match.start())[0] in _AT:
        number = scene.numbers.whole(match[1])
        return asked("unit", (f"{number} giờ", "giờ trong ngày"), (f"{number} gam", "khối lượng"))
    return None


def _round_the_clock(scene: Scene, match: re.Match[str]) -> Answer:
    four = scene.numbers.whole("24")
    second = "bảy" if match[1] == "7" else four
    return f"{four} trên {second}" + (" giờ" if match[2] or match[1] == "24" else "")


RULES = (
    Rule("time.round_the_clock", _ROUND_THE_CLOCK, _round_the_clock),
    Rule("time.range", _RANGE, _range),
    Rule("time", _CLOCK, _one),
    Rule("time.hours", _HOURS, _hours),
    Rule("time.hours", _ROUND_G, _round_g),
)

"""Two small numbers with a dash: 20-11 and 8-3 may be a date, a range or a result."""

import re

from tts.reading.rules.dates import (
    AMBIGUOUS_BEFORE,
    ANNIVERSARIES,
    DIRECT,
    PERIODS,
    day_words,
    expects_date,
    valid_date,
)
from tts.reading.scene import END, Answer, Rule, Scene, asked
from tts.reading.units import PER, SCALES

_TWO = re.compile(rf"(\d{{1,2}})-(\d{{1,2}}){END}")
_UNIT_FOLLOWS = re.compile(r"\s?(?:[%°º$€₫]|[A-Za-zµ]{1,4}(?![^\W_])(?<![aeiouy]))")
_COUNTED = {"tuổi", "độ", "mũi", "liều", "phần", "bậc", "cấp", "lớp", "mét", "tiếng", "hôm", "bạn", "cán"}
_NUMBERED = {
    "lớp", "cấp", "khối", "bài", "chương", "điều", "khoản", "mục", "trang", "loại", "nhóm", "đội", "tập", "bậc", "hạng",
    "tầng", "thôn", "xóm", "khu", "ấp", "npk", "thứ", "tháng",
}  # fmt: skip


def _two(scene: Scene, match: re.Match[str]) -> Answer:
    day, month = match.groups()
    low, high = int(day), int(month)
    word = scene.prior(match.start())[0]
    if not valid_date(day, month) or word in _NUMBERED or word in PERIODS or _is_counted(scene, match.end()):
        return None
    likely = expects_date(scene, match.start(), match.end()) or word in DIRECT
    likely = word not in AMBIGUOUS_BEFORE and (likely or f"{low}/{high}" in ANNIVERSARIES or low > 12)
    if low < high and not likely:
        return None
    first, last = scene.numbers.whole(day), scene.numbers.whole(month)
    date = day_words(scene, match.start(), day, month, lunar=False), "ngày và tháng"
    ways = [(f"{first} đến {last}", "khoảng"), (f"{first} {last}", "tỷ số, mã")]
    return asked("date", *([date, *ways] if likely else [*ways, date]))


def _is_counted(scene: Scene, end: int) -> bool:
    """Say whether a unit or something that is counted follows: 1-5 tuổi, 2-3 triệu."""
    if _UNIT_FOLLOWS.match(scene.text, end):
        return True
    word = scene.following(end)[0]
    return word in SCALES or word in _COUNTED or (PER.fullmatch(word) is not None and word != "năm")


RULES = (Rule("date", _TWO, _two),)

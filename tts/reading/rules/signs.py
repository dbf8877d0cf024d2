"""Signs that change the meaning of what stands beside them: (-), (+), 4*, 45", ≥, ->, ÷, and the steps of a range."""

import re

from tts.reading.rules.amounts import NUMBER, number_words, suffix
from tts.reading.scene import Answer, Asked, Rule, Scene, asked
from tts.reading.units import MONEY_UNIT, SCALES, UNIT

_RESULT = re.compile(r"\(\s?([+\-−–])\s?\)(?!\w)")
_RESULT_BEFORE = re.compile(r"\b(?:hiv|pcr|test|xét nghiệm|hbsag|hcv|hbv|covid|rh|tính|kết quả|mẫu|máu)\b[^.;]{0,24}$")
_TOUCHING = re.compile(r"[+\-−–](?=[\s,.;:)]|$)")
_TOUCHED = re.compile(r"(?:\b(?:HIV|PCR|Rh|HBsAg|HCV|HBV)|\bmáu (?:A|B|AB|O))$")

_STARS = re.compile(r"([1-9])\s?(?:\*|★|⭐)(?![\w*]|\s?\d)")
_STARS_BEFORE = re.compile(r"(?:ocop|khách sạn|tiêu chuẩn|chuẩn|hạng|xếp|sản phẩm|đạt)\b[^.;]{0,32}$")

_SECONDS = re.compile(r"(\d{1,3})(?:['’′](\d{1,2}))?(?:[\"”″]|''|’’|′′)(\d{1,2})?(?!\w)")
_SECONDS_BEFORE = re.compile(
    r"(?:chạy|nghỉ|trong|sau|thời gian|thành tích|hết|giữ|đếm|chờ|về đích|phút|khoảng)\s*[:(]?$"
)
_SCREEN_BEFORE = re.compile(
    r"(?:tivi|ti vi|tv|màn hình|màn|inch|laptop|led|lcd|samsung|sony|lg|vành|ống)\b[^.;]{0,16}$"
)

_BOUND = re.compile(rf"(≥|>=|≤|<=)\s?({NUMBER})(\s?(?:{UNIT}|{MONEY_UNIT}))?(?![-–:/]\d|[^\W_])")
_COUNTED = re.compile(
    r"(?:\s(?:triệu|tỷ|tỉ|nghìn|ngàn|trăm))?\s(?:tuổi|tháng|năm|ngày|giờ|phút|điểm|người|hộ|con|cây|lần|đồng|mũi|"
    r"liều|độ|mét|lít|tấn|tạ|ha|xã|thôn|học sinh|em|cháu|suất|phiếu)(?!\w)"
)
_ARROW = re.compile(r"(?:[-–—=]+>|[→⇒➔➜])")
_BETWEEN = re.compile(r"[÷~～](?=\s?\d)")
_ROMAN = re.compile(r"[IVX]+(?!\w)")
_DASH = re.compile(r"[-–—]")
_WEEKDAY_LEFT = re.compile(r"(?:thứ\s(?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật|\bT[2-7])$", re.IGNORECASE)
_WEEKDAY_RIGHT = re.compile(
    r"(thứ\s(?:hai|ba|tư|năm|sáu|bảy|[2-7])\b|chủ nhật|CN\b|T[2-7]\b)|(?:hai|ba|tư|năm|sáu|bảy)\b", re.IGNORECASE
)
_MOMENT = re.compile(r"\d{1,2}\s?(?:[hg:]\s?\d{0,2}|giờ)|\d{1,2}/\d{1,2}(?!\d)|ngày\s\d")


def _result(scene: Scene, match: re.Match[str]) -> Answer:
    said = "dương tính" if match[1] == "+" else "âm tính"
    before = scene.before(match.start())
    if _RESULT_BEFORE.search(before) or scene.continues(match.start(), "result"):
        return said
    return asked("symbol", (said, "kết quả xét nghiệm"), ("cộng" if match[1] == "+" else "trừ", "dấu"), ("", "bỏ qua"))


def _touching(scene: Scene, match: re.Match[str]) -> Answer:
    if not _TOUCHED.search(scene.text[max(0, match.start() - 8) : match.start()]):
        return None
    return "dương tính" if match[0] == "+" else "âm tính"


def _stars(scene: Scene, match: re.Match[str]) -> Answer:
    number = scene.numbers.whole(match[1])
    if _STARS_BEFORE.search(scene.before(match.start())) or scene.continues(match.start(), "stars"):
        return f"{number} sao"
    return asked("symbol", (f"{number} sao", "xếp hạng"), (number, "dấu chú thích, bỏ qua"))


def _seconds(scene: Scene, match: re.Match[str]) -> Answer:
    first, second, tail = match.groups()
    line = scene.text[: match.start()].rpartition("\n")[2]
    if not tail and not second and _closes_quote(line, scene.text[match.end() - 1]):
        return None
    said = f"{scene.numbers.whole(first)} giây"
    if second:
        said = f"{scene.numbers.whole(first)} phút {scene.numbers.whole(second)} giây"
    if tail:
        return f"{said} {scene.numbers.whole(tail)}"
    if second or _SECONDS_BEFORE.search(line.lower()[-40:]):
        return said
    inches = f"{scene.numbers.whole(first)} in"
    if _SCREEN_BEFORE.search(line.lower()[-40:]):
        return inches
    return asked("unit", (said, "thời gian"), (inches, "inch"), (scene.numbers.whole(first), "dấu ngoặc kép"))


def _closes_quote(line: str, mark: str) -> bool:
    if mark == "”":
        return line.count("“") > line.count("”")
    return mark == '"' and line.count('"') % 2 == 1


def _bound(scene: Scene, match: re.Match[str]) -> Answer:
    sign, number, unit = match.groups()
    words = number_words(scene, number, measured=bool(unit))
    if isinstance(words, Asked):
        return None
    said = f"{words} {suffix(scene, unit or '')}".strip()
    if sign in {"≤", "<="}:
        return f"không quá {said}"
    counted = _COUNTED.match(scene.text, match.end())
    share = (unit or "").strip() == "%" and scene.following(match.end())[0]
    if share or (not unit and counted is None):
        return f"ít nhất {said}"
    return None if counted and not unit else f"{_from(scene, match.start())}{said} trở lên"


def _bound_counted(scene: Scene, match: re.Match[str]) -> Answer:
    number, counted = match.groups()
    first = counted.split()[0]
    words = number_words(scene, number, scaled=first in SCALES)
    if isinstance(words, Asked):
        return None
    words = f"{words}{counted.lower()}"
    return f"{_from(scene, match.start())}{words} trở lên"


def _from(scene: Scene, start: int) -> str:
    return "" if scene.prior(start)[0] == "từ" else "từ "


def _arrow(scene: Scene, match: re.Match[str]) -> Answer:
    left, right = scene.text[: match.start()].rstrip()[-1:], scene.text[match.end() :].lstrip()[:1]
    if not left or left == "\n" or not right:
        return None
    if "=" not in match[0] and match[0] != "⇒" and left.isdigit() and right.isdigit():
        return "đến"
    ways = [("đến", "từ nơi này đến nơi kia"), ("nên", "suy ra"), ("thành", "đổi thành"), (",", "ngắt")]
    if match[0] == "=>" and right.isdigit():
        ways.insert(0, ("từ", "viết ngược của >="))
    return asked("symbol", *ways)


def _between(scene: Scene, match: re.Match[str]) -> Answer:
    left = scene.text[: match.start()].rstrip()
    if re.search(r"(?:\d|\d ?(?:%|°|º|độ|[a-z]{1,3}))$", left) is None:
        return None
    return "đến"


def _dash(scene: Scene, match: re.Match[str]) -> Answer:
    """Between two days of the week, or two moments, a dash is a range."""
    left = scene.text[max(0, match.start() - 12) : match.start()].rstrip()
    right = re.compile(r"\s*").match(scene.text, match.end())
    place = right.end() if right else match.end()
    if _ROMAN.match(scene.text, place) and _stands_at(scene, match.start(), {"roman"}):
        return "đến"
    if _WEEKDAY_LEFT.search(left) and (weekday := _WEEKDAY_RIGHT.match(scene.text, place)):
        return "đến" if weekday[1] else asked("range", ("đến thứ", "khoảng"), (",", "ngắt"))
    return "đến" if _stands_at(scene, match.start(), {"date", "time"}) and _MOMENT.match(scene.text, place) else None


def _stands_at(scene: Scene, start: int, families: set[str]) -> bool:
    """Say whether what was found last is of one of `families` and ends at `start`, but for spaces."""
    last = scene.found[-1] if scene.found else None
    if last is None or scene.text[last.end : start].strip():
        return False
    return last.rule.partition(".")[0] in families


MARK_RULES = (
    Rule("result", _RESULT, _result),
    Rule("result", _TOUCHING, _touching),
    Rule("bound", re.compile(rf"(?:≥|>=)\s?({NUMBER})({_COUNTED.pattern})"), _bound_counted),
    Rule("bound", _BOUND, _bound),
    Rule("dash", _DASH, _dash),
    Rule("arrow", _ARROW, _arrow),
    Rule("range", _BETWEEN, _between),
)
NUMBER_RULES = (Rule("stars", _STARS, _stars), Rule("unit.seconds", _SECONDS, _seconds))

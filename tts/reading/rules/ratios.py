"""Two numbers with a stroke, a dash or a colon: scores, fractions, house numbers, dimensions, list markers."""

import re

from tts.reading.rules.amounts import NUMBER, number_words, suffix
from tts.reading.rules.dates import month_name
from tts.reading.scene import DASH, END, Answer, Asked, Rule, Scene, asked
from tts.reading.units import UNIT

_SCORE = re.compile(rf"(\d{{1,3}})\s*[-–—:]\s*(\d{{1,3}}){END}")
_SCORE_WORDS = re.compile(
    r"(?:t[ỷỉ] số|thắng|thua|h(?:òa|oà)(?!\s(?:giải|bình|thuận|hợp))|dẫn|gỡ|chung cuộc|kết quả)"
    r"\s+(?:[^\d.;]{0,40}\s)?[\s:(]*$"
)
_RATIO = re.compile(rf"({NUMBER})\s*:\s*({NUMBER})(?![^\W_]|[/:.,-]\d)")
_RATIO_WORDS = re.compile(r"(?:t[ỷỉ] lệ|pha|bản đồ|theo t[ỷỉ] lệ)\s*[:(]?\s*(?:\w+\s){0,3}$")
_COUNT = r"(\d{1,3}(?:\.\d{3}){1,3}|\d{1,12})"
_STROKE = re.compile(rf"{_COUNT}\s?/\s?{_COUNT}((?:/\d{{1,12}}){{0,4}})(?![^\W_]|[:/.,-]\d)")
_FERTILISER = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{1,2})(?![\w/]|[-.,]\d)")
_HOUSE = re.compile(
    r"(?:số nhà|nhà số|nhà|ngõ|ngách|hẻm|kiệt|địa chỉ|tại số|ở số|thửa|tờ|lô|phòng|căn|kiot|số)"
    r"\s*(?:số\s*)?[:.]?\s*$"
)
_SHARE = re.compile(
    r"(?:khoảng|hơn|gần|chiếm|đạt|được|trên|dưới|ít nhất|tối thiểu|quá|giảm|tăng|còn|bằng|bón|pha|đổ|đến)\s*$"
)
_OF = {
    "số", "tổng", "diện", "dân", "lượng", "hộ", "thành", "đại", "phiếu", "quãng", "thời", "chiều", "liều", "sản",
    "kế", "tài", "của", "lớp", "bình", "thùng", "cốc", "ly", "sào", "ha", "giá", "thửa", "công", "viên",
    "thìa", "muỗng", "chén", "bát", "quả", "củ", "gói", "lít", "cân", "lạng", "chặng",
}  # fmt: skip
_COUNTED = {
    "xã", "thôn", "hộ", "điểm", "người", "chỉ", "tiêu", "tiêu chí", "bản", "tổ", "đảng", "chi", "trường", "phường",
    "huyện",
    "tỉnh", "mẫu", "ca", "cháu", "em", "học", "cơ", "công", "đội", "tuyến", "phiếu", "đại", "nhà", "đồng chí",
}  # fmt: skip
_SIZE = re.compile(rf"({NUMBER})(\s?{UNIT})?((?:\s?[x×*X]\s?{NUMBER}(?:\s?{UNIT})?)+)(?![^\W_])")
_FACTOR = re.compile(rf"[x×*X]\s?({NUMBER})(\s?{UNIT})?")
_MARKER = re.compile(r"(\d{1,2})(?=[.)](?:\s|$|[^\W\d_])|/\s)[)/]?")
_ORDINAL = re.compile(rf"([1-9]\d{{0,2}})(?:{DASH}(?:thứ\s)?([2-7]))?{END}")
_WEEKDAY_LIST = re.compile(r"[2-7](?:,\s?[2-7])+(?![\w/]|[.,-]\d)")
_ORDINAL_LIST = re.compile(rf"([2-7]){END}")
_SUPERSCRIPT = re.compile(r"\d{1,12}[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]{1,9}")


def follows_house_word(scene: Scene, start: int) -> bool:
    """Say whether "số nhà", "ngõ" or another word of an address stands just before `start`."""
    return _HOUSE.search(scene.before(start)) is not None


def _score(scene: Scene, match: re.Match[str]) -> Answer:
    if not _SCORE_WORDS.search(scene.before(match.start(), 64)):
        return None
    return f"{scene.numbers.whole(match[1])} {scene.numbers.whole(match[2])}"


def _ratio(scene: Scene, match: re.Match[str]) -> Answer:
    if not _RATIO_WORDS.search(scene.before(match.start())):
        return None
    first, last = number_words(scene, match[1]), number_words(scene, match[2])
    return None if isinstance(first, Asked) or isinstance(last, Asked) else f"{first} trên {last}"


def _stroke(scene: Scene, match: re.Match[str]) -> Answer:
    first, second = match[1].replace(".", ""), match[2].replace(".", "")
    above, below = int(first), int(second)
    whole = scene.numbers.whole
    parts = [first, second, *match[3].split("/")[1:]]
    over = " trên ".join(scene.numbers.digits(p) if len(p) > 2 and p[0] == "0" else whole(p) for p in parts)
    before, following = scene.before(match.start()), scene.following(match.end())[0]
    if match[3] or _HOUSE.search(before):
        return over
    fraction = f"{whole(first)} phần {'tư' if below == 4 else whole(second)}"
    if 0 < above < below <= 20 and following in _OF and (below <= 12 or following in {"số", "tổng", "diện"}):
        return fraction
    if following in _COUNTED or following == "%":
        return over
    if 0 < above < below <= 10 and _SHARE.search(before):
        return fraction
    if not (1 <= above <= 31 and 1 <= below <= 12):
        return over
    date = f"{whole(first)} tháng {month_name(scene, second)}"
    ways = [(date, "ngày và tháng"), (over, "số nhà, tỷ lệ")]
    if above < below:
        ways.insert(0 if _RATIO_WORDS.search(before) else 1, (fraction, "phân số"))
    return asked("fraction", *ways)


def _fertiliser(scene: Scene, match: re.Match[str]) -> Answer:
    if "npk" not in scene.before(match.start(), 24):
        return None
    return ", ".join(scene.numbers.whole(part) for part in match.groups())


def _size(scene: Scene, match: re.Match[str]) -> Answer:
    parts = [(match[1], match[2]), *((part[1], part[2]) for part in _FACTOR.finditer(match[3]))]
    said: list[str] = []
    for number, unit in parts:
        words = number_words(scene, number, measured=True)
        if isinstance(words, Asked):
            return None
        said.append(f"{words} {suffix(scene, unit or '')}".strip())
    return " nhân ".join(said)


def _marker(scene: Scene, match: re.Match[str]) -> Answer:
    if not scene.at_line_start(match.start()):
        return None
    mark = scene.text[match.end() - 1]
    return scene.numbers.whole(match[1]) + ("," if mark in ")/" else "")


def _ordinal(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.prior(match.start())[0] != "thứ":
        if not scene.continues(match.start(), "weekday") or match[2]:
            return None
        listed = _ORDINAL_LIST.match(scene.text, match.start())
        return _nth(scene, match[1]) if listed else None
    number, last = match.groups()
    if last:
        return f"{_nth(scene, number)} đến thứ {_nth(scene, last)}" if int(number) < int(last) else None
    return _nth(scene, number)


def _weekdays(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.prior(match.start())[0] != "thứ":
        return None
    return ", ".join(_nth(scene, day.strip()) for day in match[0].split(","))


def _nth(scene: Scene, number: str) -> str:
    return {1: "nhất", 4: "tư"}.get(int(number)) or scene.numbers.whole(number)


def _superscript(scene: Scene, match: re.Match[str]) -> Answer:
    digits = match[0].rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
    power = match[0][len(digits) :].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-"))
    sign = {"-": "trừ ", "+": "cộng "}.get(power[0], "")
    exponent = power.lstrip("+-")
    if not exponent.isdigit():
        return None
    said = f"{scene.numbers.whole(digits)} mũ {sign}{scene.numbers.whole(exponent)}"
    return asked("symbol", (said, "lũy thừa"), (scene.numbers.whole(digits), "bỏ chú thích ở trên"))


FIRST_RULES = (
    Rule("list.number", _MARKER, _marker),
    Rule("power", _SUPERSCRIPT, _superscript),
    Rule("fertiliser", _FERTILISER, _fertiliser),
    Rule("score", _SCORE, _score),
    Rule("ratio", _RATIO, _ratio),
    Rule("weekday", _WEEKDAY_LIST, _weekdays),
    Rule("weekday", _ORDINAL, _ordinal),
)
LAST_RULES = (Rule("stroke", _STROKE, _stroke), Rule("size", _SIZE, _size))

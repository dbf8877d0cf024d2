"""Quantities: plain numbers, ranges, units, money, percentages."""

import re

from tts.reading.scene import DASH, END, Answer, Asked, Rule, Scene, asked
from tts.reading.units import MONEY, MONEY_UNIT, SCALES, UNIT, unit_words

NUMBER = r"(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|\d+[.,]\d+|\d+)(?![.,]?\d)"
_GROUPED = re.compile(r"(\d{1,3}(?:\.\d{3})+)(?:,(\d+))?")
_ENGLISH = re.compile(r"(\d{1,3}(?:,\d{3}){2,})(?:\.(\d+))?")
_FRACTION = re.compile(r"(\d+)([.,])(\d+)")

# "5 A" is no current and "3 m" no metre when a name may follow: these units need to touch the number.
_TOUCHING = {"V", "L", "p", "s", "TB"}

_AMOUNT = re.compile(rf"({NUMBER})(\s?)({UNIT})(?![-–]\d|:\d)")
_MONEY = re.compile(rf"({NUMBER})\s?({MONEY_UNIT})(?![-–]\d|:\d)")
_STREET = re.compile(r" đ\.\s?[A-ZĐÂÊÔƠƯ]")
_HALF_MILLION = re.compile(rf"(\d+)(?:tr|m|triệu)(\d{{1,3}}){END}", re.IGNORECASE)
_SPACED = re.compile(r"(\d{1,3}(?: \d{3})+)(?=\s?(?:đồng|đ|VNĐ|VND|₫|người|m2|m²|ha|tấn)(?![^\W_]))")
_RANGE = re.compile(
    rf"({NUMBER})(\s?(?:{UNIT}|{MONEY_UNIT}))?{DASH}({NUMBER})(\s?(?:{UNIT}|{MONEY_UNIT}))?(?!\s?[-–]\s?\d|[:/]\d|[^\W_])"
)
_PLAIN = re.compile(rf"({NUMBER})(?![-–]\d|[:/]\d|\.\d|[^\W_])")
_COORDINATE = re.compile(r"(\d{1,3})[°º]\s?(\d{1,2})['’′](?:\s?(\d{1,2})[\"”″])?\s?(?:([NSEWBĐ])(?![^\W_]))?")
_LIST = re.compile(r"\d{1,3}(?:,\d{1,3}){2,}(?![^\W_]|[-/:]\d|[.,]\d)")
_SIDES = {"N": "vĩ bắc", "B": "vĩ bắc", "S": "vĩ nam", "E": "kinh đông", "Đ": "kinh đông", "W": "kinh tây"}
_PLUS_MINUS = re.compile(rf"({NUMBER})(\s?{UNIT})?\s*±\s*({NUMBER})(\s?{UNIT})?(?![^\W_])")

_VERSIONED = {"công nghiệp", "phiên bản", "version", "mục", "điều", "khoản", "bài", "chương", "phần", "nghiệp"}


def number_words(scene: Scene, written: str, measured: bool = False, scaled: bool = False) -> str | Asked:
    """Return the words of a written number; `measured` says that a unit follows, so that 39.5 is a decimal.

    Unless `scaled` (triệu, tỷ follow), "1,500" is a question: a decimal by Vietnamese rules, and yet often meant as one
    thousand five hundred.
    """
    numbers = scene.numbers
    if match := _GROUPED.fullmatch(written):
        if not written.startswith("0"):
            whole = match[1].replace(".", "")
            return numbers.decimal(whole, match[2]) if match[2] else numbers.whole(whole)
    elif match := _ENGLISH.fullmatch(written):
        whole = match[1].replace(",", "")
        return numbers.decimal(whole, match[2]) if match[2] else numbers.whole(whole)
    if match := _FRACTION.fullmatch(written):
        whole, mark, fraction = match.groups()
        said = numbers.decimal(whole, fraction, "phẩy" if mark == "," or measured else "chấm")
        if mark == "," and len(fraction) == 3 and len(whole) <= 3 and int(whole) and not scaled:
            return asked("number", (said, "số thập phân"), (numbers.whole(whole + fraction), "hàng nghìn"))
        return said
    if len(written) > 2 and written[0] == "0":
        return numbers.digits(written)
    return numbers.whole(written)


def _with_tail(answer: str | Asked, tail: str, head: str = "") -> str | Asked:
    if isinstance(answer, str):
        return f"{head}{answer}{tail}"
    return asked(answer.kind, *((f"{head}{way.spoken}{tail}", way.note) for way in answer.candidates))


def suffix(scene: Scene, written: str) -> str:
    """Return the words of a unit of measure or money, "" for none."""
    written = written.strip()
    if not written:
        return ""
    words = MONEY.get(written) or unit_words(written) or ""
    return words.replace("nghìn", scene.numbers.thousand)


def _amount(scene: Scene, match: re.Match[str]) -> Answer:
    number, gap, unit = match.groups()
    if gap and unit in _TOUCHING:
        return None
    if unit == "L" and scene.prior(match.start())[0] in {"lớp", "khối", "phòng", "nhà"}:
        return None
    said = _with_tail(number_words(scene, number, measured=True), f" {unit_words(unit)}")
    if unit == "bar" and isinstance(said, str):  # sounds like the number three
        return asked("unit", (said, "đơn vị áp suất, nghe như số ba"), (f"{said[:-3]} bê a rờ", "đọc từng chữ"))
    return said


def _money(scene: Scene, match: re.Match[str]) -> Answer:
    number, unit = match.groups()
    if unit == "đ" and number.isdigit() and len(number) <= 3 and _STREET.match(scene.text, match.end() - 2):
        return None  # 12 đ. Hoàng Quốc Việt
    if unit in {"k", "K"} and scene.following(match.end())[0] in {"đồng", "đ"}:
        return _with_tail(number_words(scene, number, measured=True), f" {scene.numbers.thousand}")
    return _with_tail(number_words(scene, number, measured="." not in number), f" {suffix(scene, unit)}")


def _half_million(scene: Scene, match: re.Match[str]) -> Answer:
    if match[0][len(match[1])] in "mM":
        return None
    rest = scene.numbers.whole(match[2].ljust(3, "0"))
    return f"{scene.numbers.whole(match[1])} triệu {rest} {scene.numbers.thousand}"


def _spaced(scene: Scene, match: re.Match[str]) -> Answer:
    return None if match[1].startswith("0") else scene.numbers.whole(match[1].replace(" ", ""))


def _value(written: str) -> float | None:
    if _GROUPED.fullmatch(written) and not written.startswith("0"):
        return float(written.replace(".", "").replace(",", "."))
    if written.count(",") > 1:
        return None
    return float(written.replace(",", "."))


_SCALED = {"nghìn", "ngàn", "triệu"}


def _range(scene: Scene, match: re.Match[str]) -> Answer:
    first, first_unit, last, last_unit = match.groups()
    measured = bool(first_unit or last_unit)
    low, high = number_words(scene, first, measured), number_words(scene, last, measured)
    if isinstance(low, Asked) or isinstance(high, Asked):
        return None
    first_words, last_words = suffix(scene, first_unit or ""), suffix(scene, last_unit or "")
    start, end = _value(first), _value(last)
    said = f"{low} {'' if first_words == last_words else first_words} đến {high} {last_words}"
    said = " ".join(said.split())
    if start is None or end is None or (len(first) > 1 and first[0] == "0" and "," not in first and len(first) > 2):
        return None
    if first_words and last_words and first_words.split()[-1] != last_words.split()[-1] and first_words not in _SCALED:
        return f"{low} {first_words}, {high} {last_words}"  # 220V - 50Hz
    if start < end or first_words != last_words:
        return said
    if measured:
        return asked("range", (said, "khoảng"), (f"{low} trừ {high} {last_words}", "phép trừ"))
    return asked("range", (said, "khoảng"), (f"{low} {high}", "tỷ số, mã"), (f"{low} trừ {high}", "phép trừ"))


def _plus_minus(scene: Scene, match: re.Match[str]) -> Answer:
    number, unit, margin, margin_unit = match.groups()
    measured = bool(unit or margin_unit)
    words, around = number_words(scene, number, measured), number_words(scene, margin, measured)
    if isinstance(words, Asked) or isinstance(around, Asked):
        return None
    return f"{words} {suffix(scene, unit or '')} cộng trừ {around} {suffix(scene, margin_unit or '')}"


_LONG = 7


def _plain(scene: Scene, match: re.Match[str]) -> Answer:
    written = match[1]
    word, words = scene.prior(match.start())
    if "." in written and (word in _VERSIONED or words in _VERSIONED) and not _GROUPED.fullmatch(written):
        return number_words(scene, written)
    following = scene.following(match.end())[0]
    if written.isdigit() and len(written) >= _LONG and following not in SCALES | {"đồng", "người", "hộ", "con", "cây"}:
        whole, digits = scene.numbers.whole(written), scene.numbers.digits(written)
        ways = (digits, "mã số, từng số một"), (whole, "số lượng")
        return asked("number", *(ways if written[0] == "0" or len(written) > 9 else ways[::-1]))
    scaled = following in {"triệu", "tỷ", "tỉ"}
    return number_words(scene, written, scaled or following in {"độ", "phần", "lần", "mét", "tấn"}, scaled)


def _coordinate(scene: Scene, match: re.Match[str]) -> Answer:
    degrees, minutes, seconds, side = match.groups()
    said = f"{scene.numbers.whole(degrees)} độ {scene.numbers.whole(minutes)} phút"
    if seconds:
        said += f" {scene.numbers.whole(seconds)} giây"
    return f"{said} {_SIDES[side]}" if side else said


def _list(scene: Scene, match: re.Match[str]) -> Answer:
    """1,2,3: no decimal has two commas."""
    if _ENGLISH.fullmatch(match[0]):
        return None
    return ", ".join(scene.numbers.whole(part) for part in match[0].split(","))


RULES = (
    Rule("number", _LIST, _list),
    Rule("unit", _COORDINATE, _coordinate),
    Rule("number.plus_minus", _PLUS_MINUS, _plus_minus),
    Rule("money", _HALF_MILLION, _half_million),
    Rule("number", _SPACED, _spaced),
    Rule("range", _RANGE, _range),
    Rule("unit", _AMOUNT, _amount),
    Rule("money", _MONEY, _money),
    Rule("number", _PLAIN, _plain),
)

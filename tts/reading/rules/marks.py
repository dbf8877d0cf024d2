"""Signs: brackets, quotes, dashes, strokes, list marks, and symbols with a name."""

import re
import unicodedata

from tts.reading.scene import Answer, Rule, Scene, asked
from tts.reading.units import PER, UNIT, unit_words

_SPOKEN = {
    "&": "và", "+": "cộng", "=": "bằng", "%": "phần trăm", "‰": "phần nghìn", "°": "độ", "º": "độ", "~": "khoảng",
    "≈": "khoảng", "±": "cộng trừ", "×": "nhân", "÷": "chia", "@": "a còng", "$": "đô la", "€": "ơ rô", "£": "bảng anh",
    "¥": "yên", "₫": "đồng", "№": "số", "½": "một phần hai", "⅓": "một phần ba", "⅔": "hai phần ba", "¼": "một phần tư",
    "¾": "ba phần tư", "⅕": "một phần năm", "⅛": "một phần tám", "≥": "lớn hơn hoặc bằng", "≤": "nhỏ hơn hoặc bằng",
    "≠": "khác",
    "<": "nhỏ hơn", ">": "lớn hơn", "_": "", "|": ",", "¦": ",", "·": ",", "•": ",", "●": ",", "▪": ",", "◦": ",",
    "‣": ",",
    "′": "phút", "″": "giây",
}  # fmt: skip
_ASKED = {
    "§": (("mục", ""), ("điều", "")), "†": (("", "dấu chú thích"),), "©": (("", "bỏ qua"), ("bản quyền", "")),
    "®": (("", "bỏ qua"), ("đã đăng ký", "")), "™": (("", "bỏ qua"), ("thương hiệu", "")), "^": (("mũ", "lũy thừa"),
    ("", "bỏ qua")),
    "\\": (("", "bỏ qua"), ("gạch ngược", "")), "#": (("số", ""), ("thăng", ""), ("", "bỏ qua")), "′": (("phút", ""),),
}  # fmt: skip
_QUOTES = "\"“”„‟«»‹›'‘’‚`´"
_PAUSES = ",.;:!?…"

_OPENING = re.compile(r"[(\[{（【]")
_CLOSING = re.compile(r"[)\]}）】]")
_QUOTE = re.compile(rf"[{_QUOTES}]+")
_LIST_MARK = re.compile(r"(?:[-–—+*•●▪◦‣·■□◆►▶➢✓✔→⇒]\s?)+")
_DASHED = re.compile(r"[-–—−]")
_REPEATED = re.compile(r"([-–—_=*~#|/\\^])\1+")
_POINTS = re.compile(r"[.…]{2,}(?![ \"'”’»)\]}*_]*[.,;:!?…])")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9}")
_AGAIN = re.compile(r"[.,;:!?…](?:[ \"'”’»)\]}*_]*[.,;:!?…])+")
_END_MARK = re.compile(r"/\.?(?=\s*(?:\n|$))")  # official letters end with "./."
_STROKE = re.compile(rf"/(?=\s?(?:({UNIT})|(\d[\d.]*)|([^\W\d_]+)))\s?({UNIT})?")
_COMPARED = re.compile(r"([<>])(=?)\s?(?=\d)")
_CURRENCY = re.compile(
    r"([$€£¥])\s?(\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+|\d+)(?:[.,](\d{1,2}))?(?:\s?(triệu|tỷ|tỉ|nghìn|ngàn))?"
    r"(?![\w/]|[.,]\d)"
)
_HASHTAG = re.compile(r"#(?=[^\W\d_])")
_NUMBERED = re.compile(r"#(?=\d)")
_EMPHASIS = re.compile(r"\*+|_+")
_MARKUP = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>")
_NEGATIVE = re.compile(r"[-–−](?=\d)")
_NEGATIVE_UNIT = re.compile(r"[-–−]\d+(?:[.,]\d+)?\s?(?:°|º|độ|oC|℃|%)")
_TO_NEGATIVE = {
    "xuống",
    "dưới",
    "là",
    "đến",
    "tới",
    "từ",
    "mức",
    "còn",
    "đạt",
    "nhiệt",
    "khoảng",
    "ở",
    "âm",
    "và",
    "thấp",
    "nhất",
    "bằng",
}
_INTO = re.compile(r"\s?[\d.,]+\s?(?:l|L|ml|lít|kg|ha|m2|sào|bình|gốc|cây|con|công)(?!\w)")  # 20 g into 16 litres
# What flows or moves is measured "trên giờ", what is counted or sold "một ngày", "một ki lô gam".
_FLOW = {"h", "s", "giờ", "giây", "phút", "m3", "m³", "km2", "km²"}
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\s?$")
_HEAD = re.compile(r"([^\W\d_]+)\.?\s?([\dIVXLC][\w.,:/+]*)$")


def _opening(scene: Scene, match: re.Match[str]) -> Answer:
    before = scene.text[: match.start()].rstrip(" ")
    return "" if not before or before[-1] in _PAUSES + "\n([{" + _QUOTES else ","


def _closing(scene: Scene, match: re.Match[str]) -> Answer:
    after = scene.text[match.end() :].lstrip(" " + _QUOTES)
    return "" if not after or after[0] in _PAUSES + "\n)]}([{-–—" else ","


def _list_mark(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.at_line_start(match.start()):
        if scene.text[match.end() - 1] != " " and _NEGATIVE.match(scene.text, match.end() - 1):
            return _minus(scene, match)
        return ""
    before = scene.text[: match.start()].rstrip(" ")
    follows = scene.text[match.end() : match.end() + 1]
    return "" if before[-1:] and before[-1] in _PAUSES and match[0].endswith(" ") and follows.strip() else None


def _minus(scene: Scene, match: re.Match[str]) -> Answer:
    start = match.end() - 1
    if _NEGATIVE_UNIT.match(scene.text, start):
        return "âm"
    return asked("symbol", ("", "gạch đầu dòng"), ("âm", "số âm"))


def _dash(scene: Scene, match: re.Match[str]) -> Answer:
    start, end = match.span()
    text = scene.text
    before, after = text[start - 1 : start], text[end : end + 1]
    if _NEGATIVE.match(text, start) and not before.isalnum():
        return _before_number(scene, start)
    left, right = text[max(0, start - 24) : start].rstrip(), text[end : end + 24].lstrip()
    if not right or right[0] in _PAUSES + "\n" or not left or left[-1] in _PAUSES + "\n":
        return ""
    head = _HEAD.search(left.rpartition("\n")[2])
    if head and re.match(rf"{re.escape(head[1])}\.?\s?[\dIVXLC]", right, re.IGNORECASE):
        return "đến"
    if re.match(r"0\d{2}|1[89]00", right):
        return ","
    if (scene.found and scene.found[-1].end == start - len(text[:start]) + len(text[:start].rstrip())) and right[
        0
    ].isdigit():
        return asked("range", ("đến", "khoảng"), (",", "ngắt"), ("trừ", "phép trừ"))
    return " " if before.isalpha() and after.isalpha() else ","


def _before_number(scene: Scene, start: int) -> Answer:
    word = scene.prior(start)[0]
    if _NEGATIVE_UNIT.match(scene.text, start) or word in _TO_NEGATIVE or not word:
        return "âm"
    return asked("symbol", ("âm", "số âm"), (",", "ngắt"), ("đến", "khoảng"))


def _repeated(scene: Scene, match: re.Match[str]) -> Answer:
    if match[1] in "/\\":
        return None if scene.text[match.start() - 1 : match.start()].isalnum() else ""
    pause = scene.text[: match.start()].rstrip()[-1:]
    return "" if not pause or pause in _PAUSES or match[1] in "*_~#" else ","


def _points(scene: Scene, match: re.Match[str]) -> Answer:
    return "…"


def _raised(scene: Scene, match: re.Match[str]) -> Answer:
    power = str(int("".join(str(unicodedata.digit(char)) for char in match[0])))
    words = {"2": "bình phương", "3": "lập phương"}.get(power, f"mũ {scene.numbers.whole(power)}")
    return asked("symbol", (words, "lũy thừa"), ("", "dấu chú thích, bỏ qua"))


def _again(scene: Scene, match: re.Match[str]) -> Answer:
    del scene
    return next(mark for mark in "?!….;:," if mark in match[0])


def _stroke(scene: Scene, match: re.Match[str]) -> Answer:
    unit, number, word, consumed = match.groups()
    before = scene.text[max(0, match.start() - 24) : match.start()]
    left = _WORD_BEFORE.search(before)
    last = scene.found[-1] if scene.found and scene.found[-1].end == match.start() - (before[-1:] == " ") else None
    measured = (
        last is not None
        and last.rule in {"unit", "range", "unit.alone"}
        and not last.spoken.endswith(("phần trăm", "đồng"))
    )
    if unit and (last or left):
        return f"{'trên' if unit in _FLOW else 'một'} {unit_words(consumed)}"
    if number and (measured or left):
        return "cho" if _INTO.match(scene.text, match.end()) else "trên"
    per = "trên" if word and word.lower() in _FLOW else "một"
    if word and word.isupper() and last is not None and last.rule in {"money", "unit", "range"}:
        return "một"
    if word and PER.fullmatch(word) and (last or (left and re.search(r"\d|triệu|nghìn|trăm|mấy", before))):
        return per
    if word and word.lower() == "hoặc":
        return ""
    return asked("symbol", ("hoặc", "một trong hai"), ("và", "cả hai"), ("trên", "trên mỗi"), ("xuyệt", "đọc dấu gạch"))


def _end_mark(scene: Scene, match: re.Match[str]) -> Answer:
    return "" if scene.text[: match.start()].endswith(".") or match[0].endswith(".") else None


def _compared(scene: Scene, match: re.Match[str]) -> Answer:
    if match[2]:
        return _SPOKEN["≤" if match[1] == "<" else "≥"]
    return "dưới" if match[1] == "<" else "trên"


def _currency(scene: Scene, match: re.Match[str]) -> Answer:
    sign, grouped, fraction, scale = match.groups()
    whole = re.sub(r"[.,]", "", grouped)
    words = scene.numbers.decimal(whole, fraction) if fraction else scene.numbers.whole(whole)
    return " ".join(f"{words} {scale or ''} {_SPOKEN[sign]}".split())


def _markup(scene: Scene, match: re.Match[str]) -> Answer:
    words = " ".join(re.findall(r"[^\W\d_]+", match[0])).lower()
    return asked("markup", ("", "lệnh máy tính, bỏ qua"), (words, "đọc chữ bên trong"))


def _named(scene: Scene, match: re.Match[str]) -> Answer:
    char = match[0]
    if char in _ASKED:
        return asked("symbol", *_ASKED[char])
    if char == "‰":
        return f"phần {scene.numbers.thousand}"
    return _SPOKEN.get(char)


def _nothing(scene: Scene, match: re.Match[str]) -> Answer:
    return ""


def _between_numbers(scene: Scene, match: re.Match[str]) -> Answer:
    around = scene.text[: match.start()].rstrip()[-1:] + scene.text[match.end() :].lstrip()[:1]
    return "nhân" if match[0] == "*" and len(around) == 2 and around.isdigit() else ""


RULES = (
    Rule("markup", _MARKUP, _markup),
    Rule("list", _LIST_MARK, _list_mark),
    Rule("power", _RAISED, _raised),
    Rule("ellipsis", _POINTS, _points),
    Rule("punctuation", _AGAIN, _again),
    Rule("line", _REPEATED, _repeated),
    Rule("bracket", _OPENING, _opening),
    Rule("bracket", _CLOSING, _closing),
    Rule("quote", _QUOTE, _nothing),
    Rule("dash", _DASHED, _dash),
    Rule("end", _END_MARK, _end_mark),
    Rule("rate", _STROKE, _stroke),
    Rule("compare", _COMPARED, _compared),
    Rule("money", _CURRENCY, _currency),
    Rule("hashtag", _HASHTAG, lambda _scene, _match: "thăng"),
    Rule("number", _NUMBERED, lambda _scene, _match: "số"),
    Rule("emphasis", _EMPHASIS, _between_numbers),
    Rule("symbol", re.compile(r"\S"), _named),
)

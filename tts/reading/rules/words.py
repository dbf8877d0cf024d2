"""Words that are no plain Vietnamese ones: Roman numerals, capitals, letters, weekdays, foreign words and scripts."""

import re
import unicodedata

from tts.reading.scene import DASH, LATIN, Answer, Rule, Scene, asked
from tts.reading.syllables import has_marks, is_latin, is_syllable, spell
from tts.reading.units import unit_words

_ROMAN = re.compile(
    r"(?=[IVXLCDM])(M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?![^\W\d_]|['’]\w)"
    r"(?:\s?/\s?((?:19|20)\d{2})(?![\w/]))?"
)
_NUMBERED = {
    "quý", "kỷ", "thế kỷ", "thứ", "khóa", "khoá", "kỳ", "kì", "đợt", "đoạn", "chương", "phần", "hạng", "mục", "phụ lục",
    "lục", "tập", "quyển", "vòng", "hội", "cấp", "bậc", "loại", "nhiệm kỳ", "chiến", "bước", "pha", "điều", "bài", "hk",
}  # fmt: skip
_LETTERED = {
    "vitamin", "khu", "tổ", "nhà", "lô", "dãy", "cổng", "hàng", "khối", "lớp", "nhóm", "phòng", "đội", "vùng", "xã",
    "thôn",
    "ông", "bà", "anh", "chị", "em", "hộ", "cháu", "bảng", "tuyến", "điểm", "ký hiệu", "bãi", "bến", "cụm", "trạm",
}  # fmt: skip
_ONLY_LETTERS = {"vitamin", "ông", "bà", "anh", "chị", "em", "hộ", "cháu", "lớp"}
_ROMAN_FOLLOWS = re.compile(r"\s?(?:,|và|-|–)\s?(?:II|III|IV|VI)(?!\w)")
_SURE_ROMAN = re.compile(r"[IVX]{2,}")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

_WEEKDAYS = re.compile(rf"T([2-7])(?:{DASH}(?:T([2-7])|(CN)))?(?![\w/]|\.\d)")
_MONTH = re.compile(r"T(\d{1,2})(?:\s?/\s?((?:19|20)\d{2}))?(?![\w/])")
_WEEKDAY_NEAR = re.compile(r"(?:\b(?:sáng|trưa|chiều|tối|từ|CN|chủ nhật|lịch học)\s*|\b[tT][2-7]\s*[,\-–&và]+\s*)$")
_WEEKDAY_BEFORE = re.compile(r"(?:\bthứ\s\w+|\bt[2-7])\s*(?:[,&\-–]|và|đến)\s*$")
_WEEKDAY_AFTER = re.compile(r"\s*(?:[,\-–&]|và)\s*(?:T[2-7]|CN)\b|\s*hàng tuần|\s*hằng tuần")

# Before a name or a number: P. Trần Phú, Q.1, Ô. Bình.
TITLES = {"Ô": "ông", "B": "bà", "P": "phường", "Q": "quận", "H": "huyện", "X": "xã", "T": "tỉnh", "Đ": "đường"}
_TITLE = re.compile(r"([ÔBPQHXTĐ])\.\s?(?=[A-ZĐÂÊÔƠƯÁÀẢÃẠẮẰẤẦÍÓÚÝ][^\W\d_]|\d)")
_DATE_AFTER = re.compile(r"\s*[,(]?\s*(?:ngày\s*)?\d{1,2}/\d{1,2}(?![\d/]?\w{3,}/[A-Z])")
_SUNDAY = re.compile(r"CN(?![^\W_])")
_INITIAL = re.compile(r"([A-ZĐ])")
_LOWER_LETTER = re.compile(r"([b-df-hj-np-tv-xzđ])")
_CAPITALS = re.compile(rf"{LATIN}(?:[&.\-–]{LATIN})*")
_LATIN_WORD = re.compile(rf"{LATIN}(?:['’]{LATIN})*")
_NEIGHBOUR_BEFORE = re.compile(r"([^\W\d_]+)[\s,\"“(:.–-]*$")
_NEIGHBOUR_AFTER = re.compile(r"[\s,\"”):.–-]*([^\W\d_]+)")


def _roman_value(written: str) -> int:
    values = [_VALUES[char] for char in written]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))


def _roman(scene: Scene, match: re.Match[str]) -> Answer:
    written, year = match.groups()
    if written in {"", "C", "D", "L", "M"}:
        return None  # a hundred and more is never written alone
    value = _roman_value(written)
    number = scene.numbers.whole(str(value))
    tail = f" năm {scene.numbers.whole(year)}" if year else ""
    word, words = scene.prior(match.start())
    ordinal = {1: "nhất", 4: "tư"}.get(value, number) if word == "thứ" else number
    if word in _NUMBERED or words in _NUMBERED or year or scene.continues(match.start(), "roman"):
        return ordinal + tail
    listed = scene.at_line_start(match.start()) and scene.text[match.end() : match.end() + 1] in {".", ")", "/"}
    if (
        _SURE_ROMAN.fullmatch(written)
        or _ROMAN_FOLLOWS.match(scene.text, match.end())
        or (len(written) == 1 and listed)
    ):
        return number
    if len(written) > 1 or word in _ONLY_LETTERS or not word:
        return None
    letter = spell(written)
    ways = (letter, "chữ cái"), (number, "số La Mã")
    return asked("roman", *(ways if word in _LETTERED else ways[::-1]))


def _weekday(scene: Scene, match: re.Match[str]) -> Answer:
    first, last, sunday = match.groups()
    names = {2: "hai", 3: "ba", 4: "tư", 5: "năm", 6: "sáu", 7: "bảy"}
    said = f"thứ {names[int(first)]}"
    if last:
        return f"{said} đến thứ {names[int(last)]}" if int(first) < int(last) else None
    if sunday:
        return f"{said} đến chủ nhật"
    before = scene.text[max(0, match.start() - 16) : match.start()]
    if (
        scene.continues(match.start(), "weekday")
        or _WEEKDAY_NEAR.search(before)
        or _WEEKDAY_AFTER.match(scene.text, match.end())
    ):
        return said
    month = f"tháng {'tư' if first == '4' else names[int(first)]}"
    return asked("code", (said, "ngày trong tuần"), (month, "tháng"), (f"tê {scene.numbers.whole(first)}", "mã"))


def _month(scene: Scene, match: re.Match[str]) -> Answer:
    month, year = match.groups()
    if not 1 <= int(month) <= 12 or (not year and (int(month) < 8 or month[0] == "0")):
        return None
    said = f"tháng {'tư' if int(month) == 4 else scene.numbers.whole(month)}"
    return f"{said} năm {scene.numbers.whole(year)}" if year else said


def _times(scene: Scene, match: re.Match[str]) -> Answer:
    """3 viên x 2 lần: a letter x between quantities."""
    before = scene.before(match.start(), 16)
    follows = re.match(r"[x×]\s\d", scene.text[match.start() : match.start() + 3])
    return "nhân" if follows and re.search(r"\d\D{0,12}\s$", before) else None


def _letter(scene: Scene, match: re.Match[str]) -> Answer:
    return spell(match[1])


def _title(scene: Scene, match: re.Match[str]) -> Answer:
    before = scene.before(match.start()).rstrip()
    clause = scene.text[max(0, match.start() - 48) : match.start()].rpartition("\n")[2].split()
    # "Nguyễn Văn B. Trần ..." is an initial: the word before is a name, unless its capital begins the sentence.
    if before and clause[-1].isalpha() and clause[-1].istitle() and len(clause) > 1 and clause[-2][-1] not in ".!?:;":
        return None
    return TITLES[match[1]]


def _beside(scene: Scene, match: re.Match[str]) -> bool:
    return scene.text[scene.found[-1].end : match.start()].strip() in {"", ",", "("}


def _sunday(scene: Scene, match: re.Match[str]) -> Answer:
    word = scene.prior(match.start())[0]
    near = word in {"sáng", "trưa", "chiều", "tối", "thứ", "ngày", "nghỉ"} or scene.continues(match.start(), "weekday")
    near = near or _WEEKDAY_BEFORE.search(scene.before(match.start(), 24)) is not None
    near = near or (bool(scene.found) and scene.found[-1].rule.startswith(("time", "date")) and _beside(scene, match))
    if near or _WEEKDAY_AFTER.match(scene.text, match.end()) or _DATE_AFTER.match(scene.text, match.end()):
        return "chủ nhật"
    return None


def in_headline(scene: Scene, start: int, end: int, *, strict: bool) -> bool:
    """Say whether the word stands among other words in capitals, as in "THÔNG BÁO KHAI GIẢNG".

    `strict`: the neighbour must be a possible word itself; an abbreviation does not count.
    """
    before = _NEIGHBOUR_BEFORE.search(scene.text[max(0, start - 16) : start])
    after = _NEIGHBOUR_AFTER.match(scene.text, end)
    return any(
        match is not None and len(match[1]) > 1 and match[1].isupper() and (not strict or is_syllable(match[1]))
        for match in (before, after)
    )


def _capitals(scene: Scene, match: re.Match[str]) -> Answer:
    written = match[0]
    if not written.isupper() or len(written) < 2 or not is_latin("".join(filter(str.isalpha, written))):
        return None
    if len(written) > 24:
        return None
    if "-" in written or "." in written or "–" in written or "&" in written:
        return _compound(scene, written)
    spelled = spell(written)
    if is_syllable(written):
        if has_marks(written) or in_headline(scene, match.start(), match.end(), strict=False):
            return written.lower()
        return asked("acronym", (written.lower(), "một từ"), (spelled, "đọc từng chữ"))
    return asked("acronym", (spelled, "đọc từng chữ"), (written.lower(), "đọc như một từ"))


def _compound(scene: Scene, written: str) -> Answer:
    parts = re.split(r"([&.\-–])", written)
    known = [
        scene.acronym(part) or (part.lower() if has_marks(part) and is_syllable(part) else None) for part in parts[::2]
    ]
    if not all(known):
        return None
    signs = [" và " if sign == "&" else " " for sign in parts[1::2]]
    return "".join(f"{word}{sign}" for word, sign in zip(known, [*signs, ""], strict=True))


def _foreign(scene: Scene, match: re.Match[str]) -> Answer:
    written = match[0]
    if not is_latin(re.sub(r"['’]", "", written)):
        return None
    parts = re.split(r"['’]", written.lower())
    plain = " ".join(_foreign_part(scene, part) for part in parts) if len(parts) > 1 else parts[0]
    if all(is_syllable(part) for part in plain.split()) and plain != written.lower():
        return plain
    ways = [(plain, "đọc như viết")]
    if len(written) <= 12:
        ways.append((spell(written), "đọc từng chữ"))
    return asked("foreign", *ways)


_SOUNDS = {"k": "c", "f": "ph", "j": "gi", "w": "v", "z": "d"}


def _foreign_part(scene: Scene, part: str) -> str:
    """H'Hen, K'Tiếp: the letter before the apostrophe is a sound, no name."""
    if len(part) == 1:
        return part if part in "aeiouy" else f"{_SOUNDS.get(part, part)}ờ"
    return scene.acronym(part) or unit_words(part) or part


_SCRIPTS = (
    ("CYRILLIC", "chữ nga"), ("CJK", "chữ hán"), ("HIRAGANA", "chữ nhật"), ("KATAKANA", "chữ nhật"),
    ("HANGUL", "chữ hàn"), ("LAO", "chữ lào"), ("KHMER", "chữ khơ me"), ("THAI", "chữ thái lan"), ("TAI VIET",
    "chữ thái"),
    ("ARABIC", "chữ ả rập"), ("GREEK", "chữ hy lạp"), ("CHAM", "chữ chăm"),
)  # fmt: skip


def script_of(char: str) -> str:
    """Return how the script of a letter is called, "chữ lạ" for one without a name here."""
    name = unicodedata.name(char, "")
    return next((words for prefix, words in _SCRIPTS if name.startswith(prefix)), "chữ lạ")


# Marks of other scripts (vowel signs) are no letters for `re`, so the run goes by code points: all but Latin and signs.
_OTHER = (
    r"\u0370-\u1dbf\u1f00-\u1fff\u2c80-\u2dff\u2e80-\ud7ff\uf900-\ufaff\ufb1d-\ufdff\ufe70-\ufeff\uff66-\uffef"
    r"\U00010000-\U0001efff\U0001fbf0-\U0010ffff"
)
FOREIGN_RUN = re.compile(rf"[{_OTHER}]+(?:\s[{_OTHER}]+)*")


def _script(scene: Scene, match: re.Match[str]) -> Answer:
    if len(match[0]) == 1 and match[0] in "αβγδΔΩμπΣ":
        return None
    letter = next((char for char in match[0] if char.isalpha()), match[0][0])
    return asked("script", (script_of(letter), "báo rằng có chữ không đọc được"), ("", "bỏ qua"))


TITLE_RULES = (Rule("title", _TITLE, _title),)
SUNDAY_RULES = (Rule("weekday", _SUNDAY, _sunday),)
ROMAN_RULES = (Rule("roman", _ROMAN, _roman),)
NUMBERED_RULES = (Rule("weekday", _WEEKDAYS, _weekday), Rule("month", _MONTH, _month))
LETTER_RULES = (
    Rule("foreign", re.compile(rf"[A-ZĐ]['’]{LATIN}"), _foreign),
    Rule("size", re.compile("x"), _times),
    Rule("letter", _INITIAL, _letter),
    Rule("letter", _LOWER_LETTER, _letter),
)
SCRIPT_RULES = (Rule("script", FOREIGN_RUN, _script),)
CAPITAL_RULES = (Rule("capitals", _CAPITALS, _capitals), Rule("capitals", re.compile(LATIN), _capitals))
FOREIGN_RULES = (Rule("foreign", _LATIN_WORD, _foreign),)

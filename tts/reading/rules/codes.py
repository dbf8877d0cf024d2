"""Numbers that are names: telephones, identity and account numbers, plates, roads, emergency numbers."""

import re

from tts.reading.scene import END, Answer, Rule, Scene, asked
from tts.reading.syllables import is_syllable, spell

_PHONE = re.compile(r"(\(?)(0\d{1,4}\)?(?:[ .\-]{1,2}\d{2,4}){1,4}|0\d{1,3}[ .\-]\d{6,8}|0\d{8,10})(?![\w/:]|[.,-]\d)")
_AREA_PHONE = re.compile(r"\(0\d{1,4}\)[ .\-]?\d{1,4}(?:[ .\-]?\d{2,4}){1,3}(?![\w/:]|[.,-]\d)")
_WORLD_PHONE = re.compile(r"\(?\+\d{1,3}\)?(?:[ .\-]?\(?\d{1,4}\)?){2,5}(?![\w/:]|[.,-]\d)")
_SERVICE = re.compile(r"1[89]00(?:[ .\-]?\d{4,6}|[ .\-]?\d{2}[ .\-]\d{2})(?![\w/:]|[.,-]\d)")
# ĐT before a number that can be dialled is no road.
_PHONE_LABEL = re.compile(r"[ĐđDd][TtĐđ]\b(?=[.:]?\s*\(?(?:\+84|0\d|1[89]00))")
_GROUP = re.compile(r"\d+")

# National short numbers: 111 child protection, 112 rescue, 113 police, 114 fire, 115 ambulance. They are spoken digit
# by digit, but "113 người" is a count: a word of calling must stand before the number in the same clause.
_COUNTED = (
    "người|hộ|em|cháu|ca|vụ|suất|trường hợp|con|cái|chiếc|km|m|m2|m²|kg|ha|tấn|lít"
    "|nghìn|ngàn|triệu|tỷ|tỉ|đồng|đ|năm|tháng|ngày|tuổi|phút|giây|giờ|bao|cây|phiếu|đại biểu|đồng chí"
)
_CALLING_WORDS = (
    "gọi|quay|bấm|alo|tổng đài|đường dây nóng|hotline|điện thoại|đt|sđt|số máy|liên hệ|báo tin|báo ngay|khẩn cấp"
    "|cấp cứu|cứu hộ|cứu nạn|cứu hỏa|cứu hoả|chữa cháy|công an|cảnh sát|pccc"
)
_COUNTED_FIRST = {counted.partition(" ")[0] for counted in _COUNTED.split("|")}
_EMERGENCY = re.compile(rf"11[1-5](?![\w/]|\s?[-–]\s?(?!11[1-5])\d|[.,]\d|\s*%|\s+(?:{_COUNTED})\b)", re.IGNORECASE)
_CALLING = re.compile(rf"\b(?:{_CALLING_WORDS})\b[^.!?;\n]*$")
_NEAR = 80  # characters: long enough for "gọi 113 (công an), 114 (chữa cháy) hoặc 115"
_SHORT = re.compile(rf"\d{{3,6}}{END}")
_SWITCHBOARD = re.compile(
    r"(?:tổng đài|hotline|đường dây nóng|đầu số|máy lẻ|số máy|gửi|nhắn tin|soạn tin|gọi|gọi điện|gọi ngay|bấm)"
    r"\s*(?:số\s*|đến\s*|tới\s*|về\s*)*[:(]?\s*$"
)

_ID = re.compile(r"\d{4,30}(?:[ .\-]\d{2,12}){0,8}(?![^\W_]|[/:]\d|[.,-]\d)")
_ID_WORDS = re.compile(
    r"(?:tài khoản|\bstk|\btk|\bcccd|\bcmnd|\bcmt|căn cước(?: công dân)?|định danh(?: cá nhân)?"
    r"|mã (?!lực)[^.,;\d]{0,24}|\bmã|số thẻ|\bmst|số hiệu|\bsbd|số báo danh|seri|sê ri|imei|\botp|mật khẩu|\bid"
    r"|hợp đồng|biên lai|công tơ|danh bạ|hóa đơn|hoá đơn|bhyt|bhxh|số sổ|hộ chiếu|vận đơn|hồ sơ)"
    r"(?:\s+số)?(?:\s+(?:là|của|thẻ|số|tại)\b)*\s*[:(]?\s*$"
)

_PLATE = re.compile(r"(\d{2})\s?-?\s?([A-ZĐ]{1,2})(\d?)[\s-]\s?(\d{3}\.?\d{2}|\d{4})(?![\w/]|[.,]\d)")
_PLATE_TIGHT = re.compile(r"(\d{2})([A-ZĐ]{1,2})(\d?)(\d{3}\.\d{2})(?![\w/]|[.,]\d)")
_PLATE_WORDS = re.compile(r"(?:biển|\bbks|\bbsx|xe|ô tô|mô tô)[^.,;\d]{0,30}$")

ROADS = {
    "QL": "quốc lộ", "ĐT": "đường tỉnh", "TL": "tỉnh lộ", "HL": "hương lộ", "ĐH": "đường huyện", "ĐX": "đường xã",
    "CT": "cao tốc", "ĐTr": "đường trục",
}  # fmt: skip
_ROAD = re.compile(r"(QL|ĐT|TL|HL|ĐH|ĐX|CT)[. \-]{0,2}([1-9]\d{0,3}|0\d{1,2})([A-ZĐ])?(?![\w/]|[.,]\d| \d{3})")
_KM = re.compile(r"[Kk][Mm]\.?\s?(\d+(?:,\d+)?)(?:\s?\+\s?(\d{1,4}))?(?![\w/]|[.,]\d)")

_CODE = re.compile(r"[^\W_]+(?:(?:[./\-–_+]|,(?=\d))[^\W_]+)*")
_SECTION = re.compile(r"[1-9]\d?(?:\.[1-9]\d?){2,4}")
_PIECE = re.compile(r"\d+|[^\W\d_]+|[^\w]|_")
_SIGNS = {
    ".": "chấm",
    "/": "trên",
    "-": "gạch",
    "–": "gạch",
    "_": "gạch dưới",
    "+": "cộng",
    ":": "hai chấm",
    ",": "phẩy",
}
_SIMPLE = re.compile(r"([A-ZĐ]{1,3})[-.]?(\d{1,4})([A-ZĐ]?)(?![\w/:–]|[.,]\d|-\w)")
_LETTERED = re.compile(r"(\d{1,4})[-]?([A-ZĐ]{1,2}|[a-dđ](?=[\s.,;:)!?]|$))(\d{0,2})(?![\w/:–]|[.,]\d|-\w)")


def _groups(scene: Scene, written: str) -> str:
    """Digits one by one, with a short pause where the writing has a gap; long runs in threes after the first four."""
    groups = _GROUP.findall(written)
    if len(groups) == 1 and len(groups[0]) in {9, 10, 11}:
        run = groups[0]
        groups = [run[:4], run[4:7], run[7:]]
    return ", ".join(scene.numbers.digits(group) for group in groups)


def _phone(scene: Scene, match: re.Match[str]) -> Answer:
    digits = sum(char.isdigit() for char in match[0])
    if not 9 <= digits <= 11 or match[0].count("(") != match[0].count(")"):
        return None
    return _groups(scene, match[0])


def _world_phone(scene: Scene, match: re.Match[str]) -> Answer:
    digits = sum(char.isdigit() for char in match[0])
    return f"cộng {_groups(scene, match[0])}" if 9 <= digits <= 15 else None


def _service(scene: Scene, match: re.Match[str]) -> Answer:
    digits = "".join(_GROUP.findall(match[0]))
    return ", ".join(scene.numbers.digits(part) for part in (digits[:4], digits[4:]))


def _emergency(scene: Scene, match: re.Match[str]) -> Answer:
    before = scene.before(match.start(), _NEAR)
    calls = _CALLING.search(before) or scene.continues(match.start(), "phone")
    return scene.numbers.digits(match[0]) if calls else None


def _short(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.following(match.end())[0] in _COUNTED_FIRST:
        return None
    called = _SWITCHBOARD.search(scene.before(match.start())) or (
        scene.continues(match.start(), "phone") and scene.found[-1].rule != "phone"
    )
    return scene.numbers.digits(match[0]) if called else None


def _id(scene: Scene, match: re.Match[str]) -> Answer:
    digits = [*filter(str.isdigit, match[0])]
    named = _ID_WORDS.search(scene.before(match.start()))
    bare = len(digits) == len(match[0]) == 12
    if not named and not bare and not scene.continues(match.start(), "id"):
        return None
    if not named and scene.following(match.end())[0] == "đồng":
        return None
    return scene.numbers.digits(match[0])


def _plate(scene: Scene, match: re.Match[str]) -> Answer:
    province, letters, digit, rest = match.groups()
    if "." not in rest and len(rest) == 4 and not _PLATE_WORDS.search(scene.before(match.start())):
        return None
    return f"{scene.numbers.digits(province)} {spell(letters)} {scene.numbers.digits(digit + rest)}".replace("  ", " ")


def road_number(scene: Scene, number: str, letter: str | None) -> str:
    """Return the words of a road's number: thirty-seven, but two-nine-five and zero-five."""
    by_digit = len(number) > 2 or number[0] == "0"
    said = scene.numbers.digits(number) if by_digit else scene.numbers.whole(number)
    return f"{said} {spell(letter)}" if letter else said


def _road(scene: Scene, match: re.Match[str]) -> Answer:
    name, number, letter = match.groups()
    word, words = scene.prior(match.start())
    spoken = ROADS[name]
    if name == "CT" and match[0][2] != "." and word not in {"tốc", "đường", "tuyến", "trình"}:
        return None
    if words == spoken or (name == "CT" and word == "trình"):
        spoken = ""
    return f"{spoken} {road_number(scene, number, letter)}".strip()


def _km(scene: Scene, match: re.Match[str]) -> Answer:
    number, beyond = match.groups()
    whole = scene.numbers.decimal(*number.split(",")) if "," in number else scene.numbers.whole(number)
    said = f"ki lô mét {whole}"
    return f"{said} cộng {scene.numbers.whole(beyond)}" if beyond else said


def pieces(scene: Scene, written: str) -> str:
    """Return a code piece by piece: syllables as words, other letters spelled, numbers, the names of its signs."""
    return " ".join(_piece(scene, piece) for piece in _PIECE.findall(written))


def _piece(scene: Scene, piece: str) -> str:
    if piece.isdecimal() and piece.isascii():
        return scene.numbers.digits(piece) if len(piece) > 4 or piece[0] == "0" else scene.numbers.whole(piece)
    if piece.isalpha():
        known = len(piece) > 2 and not piece.isupper() and is_syllable(piece)
        return (scene.acronym(piece.lower()) or piece.lower()) if known else spell(piece)
    return _SIGNS.get(piece, "")


def _simple(scene: Scene, match: re.Match[str]) -> Answer:
    letters, number, letter = match.groups()
    by_digit = len(number) > 3 or number[0] == "0"
    said = scene.numbers.digits(number) if by_digit else scene.numbers.whole(number)
    spoken = f"{spell(letters)} {said} {spell(letter)}".strip()
    if len(letters) == 1 or scene.prior(match.start())[0] in {
        "phòng",
        "mã",
        "số",
        "lô",
        "tổ",
        "khu",
        "nhà",
        "mẫu",
        "giống",
    }:
        return spoken
    ways = [(spoken, "chữ và số"), (f"{spell(letters)} {scene.numbers.digits(number)}", "từng số một")]
    if known := scene.acronym(letters):
        ways.append((f"{known} {said} {spell(letter)}", "chữ viết tắt và số"))
    return asked("code", *ways)


def _lettered(scene: Scene, match: re.Match[str]) -> Answer:
    number, letters, after = match.groups()
    said = scene.numbers.digits(number) if number[0] == "0" else scene.numbers.whole(number)
    tail = f" {scene.numbers.whole(after)}" if after else ""
    return f"{said} {spell(letters)}{tail}"


def _code(scene: Scene, match: re.Match[str]) -> Answer:
    written = match[0]
    if _SECTION.fullmatch(written):
        return pieces(scene, written)
    if not any(char.isdigit() for char in written):
        return None
    spelled = " ".join(
        scene.numbers.digits(piece) if piece[0].isdigit() else _piece(scene, piece) for piece in _PIECE.findall(written)
    )
    if _ID_WORDS.search(scene.before(match.start())):
        by_letter = (scene.numbers.digits(p) if p.isdigit() else spell(p) or _SIGNS.get(p, "") for p in written)
        return " ".join(part for part in by_letter if part)
    return asked("code", (pieces(scene, written), "chữ và số"), (spelled, "từng số một"))


NUMBER_RULES = (
    Rule("phone", _PHONE, _phone),
    Rule("phone", _SERVICE, _service),
    Rule("phone.emergency", _EMERGENCY, _emergency),
    Rule("id", _ID, _id),
    Rule("phone.short", _SHORT, _short),
    Rule("plate", _PLATE, _plate),
    Rule("plate", _PLATE_TIGHT, _plate),
)
LAST_NUMBER_RULES = (Rule("code", _LETTERED, _lettered), Rule("code", _CODE, _code))
SIGN_RULES = (
    Rule("phone", _AREA_PHONE, _phone),
    Rule("phone", _PHONE, _phone),
    Rule("phone", _WORLD_PHONE, _world_phone),
)
ROAD_RULES = (Rule("road", _ROAD, _road),)
PHONE_LABEL_RULES = (Rule("phone.label", _PHONE_LABEL, lambda _scene, _match: "điện thoại"),)
WORD_RULES = (
    Rule("road.km", _KM, _km),
    Rule("code", _SIMPLE, _simple),
    Rule("code", _CODE, _code),
)

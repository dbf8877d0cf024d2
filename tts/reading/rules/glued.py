"""Numbers with something glued to them that can mean several things: 5K, 10đ, 82t, 1m60, 150/90mmHg, 13h/21/11."""

import re

from tts.reading.rules.amounts import NUMBER, number_words
from tts.reading.rules.dates import month_name, valid_date
from tts.reading.scene import Answer, Asked, Rule, Scene, asked
from tts.reading.syllables import spell
from tts.reading.units import unit_words

_MASKED = re.compile(r"(0\d{1,4})([. \-]?)([xX]{2,6}|\*{2,6})\2(\d{2,4})?(?!\w)")
_TIME_DATE = re.compile(
    r"(\d{1,2})\s?[hg](\d{2})?(?:\s?/\s?(?:ngày\s)?|\s?[-–]\s?(?=\d{1,2}/))(\d{1,2})[/\-](\d{1,2})(?:[/\-]((?:19|20)\d{2}))?(?![\w/]|[.,-]\d)"
)
_TWO_OVER = re.compile(rf"({NUMBER})/({NUMBER})\s?(mmHg|kV|KV|V)(?!\w)")
_STATION = re.compile(rf"({NUMBER})\s?(kVA|KVA)\s?[-–]\s?({NUMBER})(?:/({NUMBER}))?\s?(kV|KV)(?!\w)")
_DEGREES = re.compile(r"(\d{1,2})/(\d{1,2})(?=\s?(?:độ|°|º|oC))")
_AND_HALF = re.compile(r"(\d{1,3})(m|km|kg)(?![23](?!\d))(\d{1,2})(?!\w|[.,/\-]\d)")
_TON = re.compile(rf"({NUMBER})\s?([tT])(?!\w|[./\-]\w|['’])")
_TON_BEFORE = re.compile(r"(?:\bxe|tải|trọng|nặng|chở|cẩu|container|vật liệu|cát|đá|xi măng|quá)\b[^.,;]{0,16}$")
_AGE_BEFORE = re.compile(r"(?:cụ|ông|bà|anh|chị|em|cháu|bé|nam|nữ|thọ|tuổi|bệnh nhân|bn)\b[^.;\d]{0,32}$")
_K = re.compile(r"(\d)([kK])(?![\w/]|[-–]\d)")
_MONEY_BEFORE = re.compile(
    r"(?:giá|phí|tiền|mua|bán|nộp|thu|đóng|chỉ|còn|vé|quỹ|ủng hộ|góp|lãi|lương|trả|cước|thưởng|phạt|từ|đến|ship|mất)"
    r"\b[^.;]{0,24}$"
)
_FIVE_K = re.compile(r"(?:thông điệp|biện pháp|nguyên tắc|quy tắc|quy định|khuyến cáo|nội dung|thực hiện|#)\s*[#“\"]?$")
_POINTS = re.compile(r"(\d{1,2}(?:,\d{1,2})?)đ(?![\w/]|[-–]\d)")
_POINTS_BEFORE = re.compile(
    r"(?:trừ|điểm|gplx|bằng lái|giấy phép lái xe|thang|môn|thi|toán|văn|anh|đạt|cộng)\b[^.;]{0,24}$"
)
_POINTS_AFTER = re.compile(r"\s(?:GPLX|điểm|giấy phép lái xe|bằng lái|trên giấy)")
_STEPS = re.compile(r"\d{1,3}(?:\s?[-–]\s?\d{1,3}){2,}(?![\w/]|[.,]\d|\s?[-–]\d)")
_COMRADES = re.compile(r"(\d{1,4})\s?(?:đ|Đ)/[cC](?!\w)")
_SCALE = re.compile(r"1\s?[:/]\s?((?:[125]|10|25|50|100)[.]?0{2,4})(?![\w/]|[.,:-]\d)")
_BARE_PLATE = re.compile(r"(\d{2}[A-ZĐ]\d?)-(\d{4})(?![\w/]|[.,-]\d)")


def _masked(scene: Scene, match: re.Match[str]) -> Answer:
    first, _, signs, last = match.groups()
    hidden = " ".join(["sao" if signs[0] == "*" else "ích"] * len(signs))
    return ", ".join(part for part in (scene.numbers.digits(first), hidden, scene.numbers.digits(last or "")) if part)


def _time_date(scene: Scene, match: re.Match[str]) -> Answer:
    hour, minute, day, month, year = match.groups()
    if int(hour) > 24 or int(minute or 0) > 59 or not valid_date(day, month):
        return None
    whole = scene.numbers.whole
    said = f"{whole(hour)} giờ" + (f" {whole(minute)} phút" if minute and int(minute) else "")
    tail = f" năm {whole(year)}" if year else ""
    return f"{said} ngày {whole(day)} tháng {month_name(scene, month)}{tail}"


def _over(scene: Scene, first: str, second: str) -> str | None:
    words = number_words(scene, first, measured=True), number_words(scene, second, measured=True)
    return None if any(isinstance(one, Asked) for one in words) else f"{words[0]} trên {words[1]}"


def _two_over(scene: Scene, match: re.Match[str]) -> Answer:
    said = _over(scene, match[1], match[2])
    return said and f"{said} {unit_words(match[3])}"


def _station(scene: Scene, match: re.Match[str]) -> Answer:
    power, power_unit, high, low, unit = match.groups()
    said = _over(scene, high, low) if low else number_words(scene, high, measured=True)
    words = number_words(scene, power, measured=True)
    if not isinstance(said, str) or isinstance(words, Asked):
        return None
    return f"{words} {unit_words(power_unit)}, {said} {unit_words(unit)}"


def _degrees(scene: Scene, match: re.Match[str]) -> Answer:
    low, high = match.groups()
    first, last = scene.numbers.whole(low), scene.numbers.whole(high)
    if 5 <= int(low) < int(high):
        return f"{first} đến {last}"
    return asked("fraction", (f"{first} và {last}", "hai giá trị"), (f"{first} phần {last}", "phân số"))


def _and_half(scene: Scene, match: re.Match[str]) -> Answer:
    number, unit, rest = match.groups()
    tail = scene.numbers.digits(rest) if rest[0] == "0" else scene.numbers.whole(rest)
    return f"{scene.numbers.whole(number)} {unit_words(unit)} {tail}"


def _ton(scene: Scene, match: re.Match[str]) -> Answer:
    number, letter = match.groups()
    before = scene.before(match.start())
    words = number_words(scene, number, measured=True)
    if isinstance(words, Asked):
        return None
    heavy = _TON_BEFORE.search(before)
    if heavy and letter == "T":
        return f"{words} tấn"
    ways = [(f"{words} tuổi", "tuổi"), (f"{words} tấn", "khối lượng"), (f"{words} tê", "mã")]
    if letter == "T" or heavy or (not number.isdigit() and not _AGE_BEFORE.search(before)):
        ways[:2] = ways[1::-1]
    return asked("unit", *ways)


def _k(scene: Scene, match: re.Match[str]) -> Answer:
    before = scene.before(match.start())
    digit, letter = scene.numbers.whole(match[1]), match[2]
    thousand, spelled = f"{digit} {scene.numbers.thousand}", f"{digit} ca"
    if _FIVE_K.search(before):
        return spelled
    if _MONEY_BEFORE.search(before) or scene.following(match.end())[0] in {"đồng", "một", "mỗi"}:
        return thousand
    ways = (thousand, "tiền, số lượng"), (spelled, "chữ K")
    return asked("unit", *(ways if letter == "k" else ways[::-1]))


def _points(scene: Scene, match: re.Match[str]) -> Answer:
    words = number_words(scene, match[1], measured=True)
    if isinstance(words, Asked):
        return None
    if _POINTS_BEFORE.search(scene.before(match.start())) or _POINTS_AFTER.match(scene.text, match.end()):
        return f"{words} điểm"
    return asked("unit", (f"{words} điểm", "điểm số"), (f"{words} đồng", "tiền"))


def _steps(scene: Scene, match: re.Match[str]) -> Answer:
    numbers = [int(part) for part in re.findall(r"\d+", match[0])]
    if sorted(set(numbers)) != numbers:
        return None
    said = ", ".join(scene.numbers.whole(str(number)) for number in numbers)
    if scene.following(match.end())[0] in {"tuổi", "năm"}:
        return said
    joined = " gạch ".join(scene.numbers.whole(str(number)) for number in numbers)
    return asked("range", (said, "nhiều số"), (joined, "mã"))


def _scale(scene: Scene, match: re.Match[str]) -> Answer:
    """1:2000 is the scale of a map; with a stroke it may be a month, so that "tỷ lệ" or "bản đồ" must stand before."""
    if "/" in match[0] and not re.search(r"(?:t[ỷỉ] lệ|bản đồ)\s*$", scene.before(match.start())):
        return None
    return f"một trên {scene.numbers.whole(match[1].replace('.', ''))}"


def _bare_plate(scene: Scene, match: re.Match[str]) -> Answer:
    letters = " ".join(scene.numbers.digits(char) if char.isdigit() else spell(char) for char in match[1])
    digits = scene.numbers.digits(match[2])
    return asked("code", (f"{letters} {digits}", "biển số"), (f"{letters} gạch {digits}", "mã"))


RULES = (
    Rule("phone", _MASKED, _masked),
    Rule("ratio", _SCALE, _scale),
    Rule("unit", _COMRADES, lambda scene, match: f"{scene.numbers.whole(match[1])} đồng chí"),
    Rule("time.date", _TIME_DATE, _time_date),
    Rule("unit", _TWO_OVER, _two_over),
    Rule("unit", _STATION, _station),
    Rule("range", _DEGREES, _degrees),
    Rule("unit", _AND_HALF, _and_half),
    Rule("unit", _TON, _ton),
    Rule("money", _K, _k),
    Rule("unit", _POINTS, _points),
)
"""Before the rules for plain amounts."""

LATE_RULES = (Rule("range", _STEPS, _steps), Rule("plate", _BARE_PLATE, _bare_plate))
"""After those for telephones, plates with a word before them, times and dates."""

"""Short labels that mean different things at different places: đ., P., x., BĐ, DN, CT, HA, TT, T.Anh.

These rules look before the dictionaries do. Each answers only where the place decides; the rest is left to the
dictionaries, which ask.
"""

import re

from tts.reading.rules.dates import month_name
from tts.reading.rules.ratios import follows_house_word
from tts.reading.scene import Answer, Rule, Scene, asked
from tts.reading.syllables import spell
from tts.reading.units import SCALES

_NAME = r"(?=\s?[A-ZĐÂÊÔƠƯÁÀẢÃẠẮẰẤẦÍÓÚÝ][^\W\d_])"
_ROOM = re.compile(r"([Pp])\.(?=\s?\d|\s?(?:họp|khám|học|tiếp|làm|bệnh|máy|hành|kế|tổ|chức)\b)")
_NUMBER = re.compile(r"\s?(\d+)")
_DISTRICT_AFTER = re.compile(r"\s?,\s?(?:Q\.|quận|TP|thành phố)", re.IGNORECASE)
_SMALL = re.compile(rf"([xhqptacôđ])\.{_NAME}")
_SMALL_MONTH = re.compile(r"t\.\s?(\d{1,2})(?:\s?/\s?((?:19|20)\d{2}))?(?![\w/]|[.,]\d)")
_SUBJECT = re.compile(r"T\.(?=\s?(?:Anh|Trung|Pháp|Nga|Nhật|Hàn|Việt)(?!\w))")
_SUBJECT_BEFORE = re.compile(r"(?:môn|toán|văn|lý|hóa|hoá|thi|điểm|giáo viên|gv|trung tâm|lớp|học)\b[^.;\d]{0,12}$")
_PAID_BEFORE = re.compile(r"\b(?:giá|phí|tiền|nộp|thu|đóng|mua|bán|còn|phạt|trả|góp)\b[^.;]*$")
_MAP = re.compile(r"BĐ(?!\w)")
_ALARM = re.compile(r"BĐ(?=\s(?:số\s)?(?:[1-3]|I{1,3})(?!\w|[.,]\d))")
_PIPE = re.compile(r"DN\s?(\d{2,4})(?!\w|[.,/]\d)")
_PIPE_BEFORE = re.compile(r"(?:ống|đường kính|van|cút|côn|nước|hdpe|pvc|thép|gang|phi)\b[^.;]{0,16}$")
_FLIGHT = re.compile(r"(VN|VJ|QH|BL)\s?-?(\d{3,4})(?!\w|[.,/]\d)")
_FLIGHT_BEFORE = re.compile(r"(?:chuyến|bay|vé|hàng không)\b[^.;]{0,16}$")
_DIRECTIVE = re.compile(r"CT(?=\s(?:số\s)?\d{1,4}(?:/(?:19|20)\d{2})?[-/]CT)")
_CIRCULAR = re.compile(r"TT(?=\s(?:số\s)?\d{1,4}(?:/(?:19|20)\d{2})?[-/]TT)")
_STANDING = re.compile(r"TT(?=\.?\s(?:HĐND|hội đồng nhân dân|Hội đồng nhân dân)(?!\w))")
_PRESSURE = re.compile(r"HA(?=\s?[:=]?\s?(?:\d{2,3}/\d{2,3}(?!\d|/)|(?:cao|thấp|tối|tâm)\b))")
_HECTARES = re.compile(r"HA(?!\w)")
_BORN = re.compile(r"SN(?=[:.]?\s?(?:19|20)\d{2}(?!\d))")
_TERM = re.compile(r"HK(?=\s?(?:[1-3]|I{1,3})(?!\w))")
_ACCOUNT = re.compile(r"TK(?=\s(?:số\s)?:?\s?\d[\d .]{5,})")
_DOCTOR = re.compile(r"BS(?=\.?\s?CK)")
_ADDRESS = re.compile(r"Đ[Cc](?=\s?:)")
_TELEPHONE = re.compile(r"[ĐDđd][Tt](?=\s?:)")
_SMALL_K = re.compile(r"k(?!\w|['’.])")
_MONTH_CODE = re.compile(r"T(1)(?!\w|[.,/\-]\d)")
_BLOOD = re.compile(r"Rh\s?\(?([+\-−–])\)?(?!\w)")
_SMALL_WORDS = {"x": "xã", "h": "huyện", "q": "quận", "p": "phường", "a": "anh", "c": "chị", "ô": "ông", "đ": "đường"}
_MONTH_BEFORE = {"đầu", "cuối", "giữa", "trong", "hết", "từ", "đến", "tới", "sang", "nửa"}


def _room(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.prior(match.start())[0] == "phòng":
        return ""
    number = _NUMBER.match(scene.text, match.end())
    if number is None or len(number[1]) > 2:
        return "phòng"
    if match[1] == "P" and _DISTRICT_AFTER.match(scene.text, number.end()):
        return "phường"
    return asked("word", ("phường", "đơn vị hành chính"), ("phòng", "trong một ngôi nhà"))


def _small(scene: Scene, match: re.Match[str]) -> Answer:
    letter, start = match[1], match.start()
    if letter == "đ":
        return _street(scene, match)
    if letter == "t":
        return asked("word", ("tỉnh", ""), ("thầy", ""), ("tê", "chữ cái"))
    if letter in "ac" and scene.at_line_start(start):
        line = scene.text[match.end() :].partition("\n")[0]
        named = re.fullmatch(r"\s?(?:[^\W\d_]+\s?){1,3}[\d .,;]*", line) and line.istitle()
        return asked("word", (_SMALL_WORDS[letter], "người"), (letter, "mục trong danh sách")) if named else None
    return _SMALL_WORDS[letter]


def _street(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.prior(match.start())[0] in SCALES:
        return None
    before = scene.text[: match.start()].rstrip()
    number = re.search(r"\d(?:[\d.,/]*\d)?[A-Za-z]?$", before)
    if number is None or follows_house_word(scene, number.start()):
        return "đường"
    ways = ("đường", "tên đường"), ("đồng.", "tiền, hết câu")
    paid = _PAID_BEFORE.search(scene.before(match.start()))
    return asked("word", *(ways[::-1] if paid else ways))


def _small_month(scene: Scene, match: re.Match[str]) -> Answer:
    month, year = match.groups()
    if not 1 <= int(month) <= 12:
        return None
    tail = f" năm {scene.numbers.whole(year)}" if year else ""
    return f"tháng {month_name(scene, month)}{tail}"


def _subject(scene: Scene, match: re.Match[str]) -> Answer:
    if _SUBJECT_BEFORE.search(scene.before(match.start())):
        return "tiếng"
    return asked("word", ("tiếng", "môn học"), ("tỉnh", ""), ("tê", "chữ cái"))


def _map(scene: Scene, match: re.Match[str]) -> Answer:
    return "bản đồ" if scene.prior(match.start())[0] in {"tờ", "trích", "số tờ"} else None


def _pipe(scene: Scene, match: re.Match[str]) -> Answer:
    number = scene.numbers.whole(match[1])
    if _PIPE_BEFORE.search(scene.before(match.start())):
        return f"đê en {number}"
    return asked("code", (f"đê en {number}", "cỡ ống"), (f"doanh nghiệp {number}", "doanh nghiệp"))


def _flight(scene: Scene, match: re.Match[str]) -> Answer:
    spelled = f"{spell(match[1])} {scene.numbers.digits(match[2])}"
    if _FLIGHT_BEFORE.search(scene.before(match.start())):
        return spelled
    words = scene.acronym(match[1]) or spell(match[1])
    return asked("code", (spelled, "mã hiệu"), (f"{words} {scene.numbers.whole(match[2])}", "chữ và số"))


def _hectares(scene: Scene, match: re.Match[str]) -> Answer:
    said = scene.said_before(match.start())
    return "héc ta" if said and said[-1] in SCALES else None


def _small_k(scene: Scene, match: re.Match[str]) -> Answer:
    before = scene.prior(match.start())[0]
    if before in {"vitamin", "chữ"}:
        return "ca"
    return asked("word", ("không", "viết tắt"), ("ca", "chữ cái"))


def _first_month(scene: Scene, match: re.Match[str]) -> Answer:
    if scene.prior(match.start())[0] in _MONTH_BEFORE:
        return "tháng một"
    return asked("code", ("tháng một", "tháng"), ("tê một", "mã"))


def _year_part(scene: Scene, match: re.Match[str]) -> Answer:
    """T2 to T7 are days of the week as well."""
    if scene.prior(match.start())[0] in _MONTH_BEFORE - {"từ", "đến", "tới"}:
        return f"tháng {month_name(scene, match[1])}"
    return None


def _lunar(scene: Scene, match: re.Match[str]) -> Answer:
    last = scene.found[-1] if scene.found else None
    if last is None or not last.rule.startswith("date") or scene.text[last.end : match.start()].strip(" ("):
        return None
    return "âm lịch"


def _blood(scene: Scene, match: re.Match[str]) -> Answer:
    return f"rờ hát {'dương' if match[1] == '+' else 'âm'} tính"


def _word(name: str, pattern: re.Pattern[str], words: str) -> Rule:
    return Rule(name, pattern, lambda _scene, _match: words)


_SMALL_RULES = (Rule("title", _SMALL, _small),)
RULES: dict[str, tuple[Rule, ...]] = {
    **dict.fromkeys("xhqacôđ", _SMALL_RULES),
    "t": (Rule("month", _SMALL_MONTH, _small_month), *_SMALL_RULES),
    "p": (Rule("title", _ROOM, _room), *_SMALL_RULES),
    "P": (Rule("title", _ROOM, _room),),
    "T": (
        Rule("title", _SUBJECT, _subject),
        Rule("month", _MONTH_CODE, _first_month),
        Rule("month", re.compile(r"T([2-7])(?!\w|[.,/\-]\d)"), _year_part),
    ),
    "k": (Rule("word", _SMALL_K, _small_k),),
    "BĐ": (Rule("map", _MAP, _map), _word("alarm", _ALARM, "báo động")),
    "DN": (Rule("code", _PIPE, _pipe),),
    **dict.fromkeys(("VN", "VJ", "QH", "BL"), (Rule("code", _FLIGHT, _flight),)),
    "CT": (_word("document", _DIRECTIVE, "chỉ thị"),),
    "TT": (_word("document", _CIRCULAR, "thông tư"), _word("title", _STANDING, "thường trực")),
    "HA": (_word("pressure", _PRESSURE, "huyết áp"), Rule("unit.alone", _HECTARES, _hectares)),
    **dict.fromkeys(("ĐC", "Đc"), (_word("label", _ADDRESS, "địa chỉ"),)),
    **dict.fromkeys(("ĐT", "Đt", "đt"), (_word("phone.label", _TELEPHONE, "điện thoại"),)),
    "SN": (_word("label", _BORN, "sinh năm"),),
    "HK": (_word("label", _TERM, "học kỳ"),),
    "TK": (_word("label", _ACCOUNT, "tài khoản"),),
    "BS": (_word("title", _DOCTOR, "bác sĩ"),),
    "AL": (Rule("lunar", re.compile(r"AL(?!\w)"), _lunar),),
    "Rh": (Rule("blood", _BLOOD, _blood),),
}
"""First word -> rules."""

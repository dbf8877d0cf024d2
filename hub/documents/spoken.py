"""A spoken draft of an official notice, by rules: who tells what, when, where and for whom come first.

No fact is added and none is changed: digits, dates and names stay letter for letter; only the case of words that are
printed in capitals, list marks and the signs at the ends of lines are changed. What is put in is greeting and thanks.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from hub.documents.model import Part, Role
from tts.reading.dictionary_file import shipped
from tts.reading.syllables import is_syllable

GREETING = "Kính thưa bà con nhân dân!"
TELLS = "xin thông báo:"
THANKS = "Xin cảm ơn bà con đã lắng nghe."
_FIRST = ("nội dung", "thời gian", "thời điểm", "địa điểm", "khu vực", "phạm vi", "thành phần", "đối tượng")
_LABEL = re.compile(r"^(?P<label>[^\W\d][^:.;]{1,40}?)\s*:\s*(?P<rest>\S.*)$", re.DOTALL)
_LEAD = re.compile(r"^\s*(?:[-–+•*▪➢·]+|\(?\d{1,2}[.)](?!\d)|[IVX]{1,4}\.|[a-zđ][.)])\s+")
_PHONE = re.compile(r"(?<!\d)(?:\+84|0)\d(?:[ .\-]?\d){7,9}(?!\d)|(?<!\d)1[89]00(?:[ .\-]?\d){4,6}(?!\d)")
_ADDRESS = re.compile(r"\S+@\S|https?:|www\.")
_ASK = re.compile(r"liên hệ|điện thoại|số máy|đường dây nóng|gọi|hotline|ĐT|phản ánh|giải đáp", re.IGNORECASE)
_THANKED = re.compile(r"trân trọng|cảm ơn|cám ơn|xin thông báo|được biết", re.IGNORECASE)
_GREETED = re.compile(r"^(?:kính thưa|kính gửi|kính chào|thưa )", re.IGNORECASE)
_WHO = re.compile(
    r"^(?:ỦY BAN|UỶ BAN|UBND|HĐND|CÔNG AN|TRẠM|BAN|HỘI|MẶT TRẬN|ĐẢNG|TRUNG TÂM|SỞ|THÔN|HTX|HỢP TÁC XÃ|CÔNG TY)"
)
_GENERIC = re.compile(
    r"\b(?:ủy ban|uỷ ban|nhân dân|hội đồng|công an|trạm y tế|trạm|mặt trận tổ quốc|ban chỉ huy|ban quản lý|hợp tác xã|"
    r"nông nghiệp|trung tâm|văn hóa|văn hoá|thể thao|thông tin|công ty|điện lực|quân sự|phòng chống|thiên tai|đảng bộ|"
    r"hội nông dân|hội phụ nữ|hội cựu chiến binh|hội người cao tuổi|đoàn thanh niên|đảng ủy|trưởng thôn|"
    r"dịch vụ|cấp nước|xã|phường|thị trấn|huyện|quận|tỉnh|thành phố|thôn|tổ dân phố|ban|và)\b",
    re.IGNORECASE,
)
"""What stands in names of offices and is no name of a place."""
_VOWEL = re.compile("[aeiouyàáâãèéêìíòóôõùúýăĩũơưạ-ỹ]", re.IGNORECASE)


def draft(parts: Sequence[Part]) -> str:
    """The text to be spoken, a paragraph a line; empty where the document has no content."""
    body = [part for part in parts if part.role is Role.BODY]
    if not body:
        return ""
    lines = [line for part in body if (line := sentence(part))]
    opening = "" if _tells_who(lines, parts) else subject(parts)
    greeted = [line for line in lines if _GREETED.match(line)]
    lines = [line for line in lines if not _GREETED.match(line)]
    last = _contacts(lines)
    lines = _facts_first([line for line in lines if line not in last])
    ends = [] if any(_THANKED.search(line) for line in (*lines[-2:], *last)) else [THANKS]
    thanked = [line for line in lines[-2:] if _THANKED.search(line) and len(line) < 90]
    lines = [line for line in lines if line not in thanked]
    greeting = [_addressed(greeted[0]), *greeted[1:]] if greeted else [GREETING]
    return "\n".join((*greeting, *([opening] if opening else []), *lines, *last, *thanked, *ends))


def _contacts(lines: Sequence[str]) -> list[str]:
    """Lines that say whom to ask; one that ends in a colon takes along what it announces."""
    found: list[str] = []
    for before, line in zip(("", *lines), lines, strict=False):
        asks = _PHONE.search(line) and _ASK.search(line)
        if asks or (before in found and before.endswith(":")):
            found.append(line)
    return found


def subject(parts: Iterable[Part]) -> str:
    """Who tells what: `Ủy ban nhân dân xã Tân Hội thông báo về việc cắt điện.`; empty where it is not said."""
    told = [part.text.strip() for part in parts if part.role is Role.SUBJECT]
    if not told:
        return ""
    who = _who(part.text for part in parts if part.role is Role.HEADER)
    kind, about = told[0], [_lower_first(line) for line in told[1:]]
    if re.match(r"\(?V/v\b", kind, re.IGNORECASE):
        kind, about = "Thông báo", [kind, *about]
    about = [re.sub(r"^\(?v/v\s*[:.]?\s*", "về việc ", line, flags=re.IGNORECASE).rstrip(") ") for line in about]
    is_plain = kind.casefold() == "thông báo"
    tells = who if is_plain or not who else f"{who} {TELLS}"
    words = [tells, _lower_first(_kind(kind)) if who else _kind(kind), *about]
    return re.sub(r"\s+", " ", " ".join(filter(None, words))).rstrip(" .:;,/") + "."


def title(parts: Iterable[Part]) -> str:
    """A name for the bulletin: what the notice is about, without who tells it."""
    told = [_kind(part.text.strip()) for part in parts if part.role is Role.SUBJECT]
    line = told[1] if len(told) > 1 else (told[0] if told else "")
    line = re.sub(r"^\(?V/v\s*[:.]?\s*", "Về việc ", line, flags=re.IGNORECASE).strip(" .:;)")
    return (line[:1].upper() + line[1:])[:200]


def sentence(part: Part) -> str:
    """One paragraph as it is said: without the mark of a list, with an end."""
    text = _LEAD.sub("", part.text.strip()) if part.item or _LEAD.match(part.text) else part.text.strip()
    text = re.sub(r"[ \t\u00a0]+", " ", text)
    text = re.sub(r"(?:\s*\./\.?|\s*[;,])\s*$", ".", text).rstrip()
    if not any(char.isalnum() for char in text):
        return ""
    if not _ADDRESS.match(text):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":", "…")) else text + "."


def _tells_who(lines: list[str], parts: Sequence[Part]) -> bool:
    """Whether the content itself begins with who tells it."""
    who = _who(part.text for part in parts if part.role is Role.HEADER)
    first = next((line for line in lines if not _GREETED.match(line)), "")
    return bool(who) and _whole(first).startswith(_whole(who))


def _whole(text: str) -> str:
    """Offices are written in full here and short there."""
    return text.casefold().replace("uỷ", "ủy").replace("ubnd", "ủy ban nhân dân")


def _facts_first(lines: list[str]) -> list[str]:
    """Lines such as `Thời gian: …` right behind the first line, in the order in which they are written."""
    facts = [line for line in lines if _is_fact(line)]
    if not facts or lines[0] in facts:
        return lines
    rest = [line for line in lines if line not in facts]
    return [rest[0], *facts, *rest[1:]]


def _is_fact(line: str) -> bool:
    match = _LABEL.match(line)
    return match is not None and match["label"].lower().startswith(_FIRST)


def _who(lines: Iterable[str]) -> str:
    """The name of who issues the notice, as it stands in the header: its lowest line, with what belongs to it."""
    found: list[str] = []
    for line in lines:
        text = re.split(r"\s{2,}|\t|CỘNG H|Độc lập|Số\s*:", line.strip())[0].strip()
        if _WHO.match(text) or (found and text.isupper() and text.split()[:1] in (["XÃ"], ["PHƯỜNG"], ["THÔN"])):
            found = [*found, text] if found and not _WHO.match(text) else [text]
    return _office(" ".join(found)) if found else ""


def _office(text: str) -> str:
    """`ỦY BAN NHÂN DÂN XÃ TÂN HỘI` as one writes it within a line: `Ủy ban nhân dân xã Tân Hội`."""
    if not text.isupper():
        return text
    words = [word if _is_short_name(word) else word.capitalize() for word in text.split()]
    made = _GENERIC.sub(lambda match: match[0].lower(), " ".join(words))
    return made[:1].upper() + made[1:]


def _kind(text: str) -> str:
    """`THÔNG BÁO` -> `Thông báo`; a line that says more stays as it is: it may hold names."""
    words = text.split()
    if not text.isupper() or len(words) > 3:
        return text
    said = " ".join(word if _is_short_name(word) else word.lower() for word in words)
    return said[:1].upper() + said[1:]


def _is_short_name(word: str) -> bool:
    """Whether a word in capitals is an abbreviation, `PCTT`: no word can be said so, or the dictionary knows it."""
    parts = [part for part in re.split(r"[^\w]+", word) if part]
    return any(not is_syllable(part) and (not _VOWEL.search(part) or part in _written_short()) for part in parts)


@cache
def _written_short() -> frozenset[str]:
    """Every abbreviation in capitals that the reading knows."""
    return frozenset(entry.written for entry in shipped() if entry.written.isupper() and not entry.pattern)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if not text[:2].isupper() else text


def _addressed(line: str) -> str:
    """`Kính gửi: …` is said as a greeting."""
    said = re.sub(r"^kính gửi\s*:?\s*", "Kính thưa ", line, flags=re.IGNORECASE)
    if said == line:
        return line
    return re.sub(r"(?<=^Kính thưa )(?:Toàn|Các|Bà|Nhân|Quý)\b", lambda m: m[0].lower(), said.rstrip(".:")) + "!"

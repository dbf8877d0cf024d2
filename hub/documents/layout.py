"""What each paragraph of an official notice is.

By the layout that decree 30/2020/NĐ-CP of 5 March 2020 on records work prescribes (annex I, part I, section II):
1 Quốc hiệu và Tiêu ngữ; 2 name of who issues it; 3 number and symbol; 4 place and date; 5 kind and subject; 6 content;
7 who signs; 8 seal; 9 Nơi nhận; 10-14 marks of urgency, address, page numbers.

Whatever is not surely one of those is content: to read out a line too much can be mended, to lose one may not be seen.
"""

import re
import unicodedata
from collections.abc import Sequence

from hub.documents.model import Paragraph, Part, Role

_TOP, _BOTTOM = 16, 40
"""Paragraphs from the beginning in which a header stands, from the end in which signatures do."""
_SHORT = 90
_KINDS = (
    "THÔNG BÁO|QUYẾT ĐỊNH|NGHỊ QUYẾT|CHỈ THỊ|QUY CHẾ|QUY ĐỊNH|THÔNG CÁO|HƯỚNG DẪN|CHƯƠNG TRÌNH|KẾ HOẠCH|PHƯƠNG ÁN|"
    "ĐỀ ÁN|BÁO CÁO|TỜ TRÌNH|CÔNG ĐIỆN|GIẤY MỜI|THƯ MỜI|THƯ NGỎ|LỜI KÊU GỌI|LỊCH|BẢN TIN|CÔNG VĂN|GIẤY GIỚI THIỆU|"
    "BIÊN BẢN|KHUYẾN CÁO|CẢNH BÁO"
)
_TITLE = re.compile(rf"^(?:{_KINDS})(?:\b[^a-zà-ỹ]*)?$|^(?:{_KINDS})\s*[:(]?.{{0,80}}$")
_NATION = re.compile(
    r"CỘNG H(?:ÒA|OÀ) XÃ HỘI CHỦ NGHĨA VIỆT NAM|Độc lập\s*[-–]\s*Tự do\s*[-–]\s*Hạnh phúc|ĐẢNG CỘNG SẢN VIỆT NAM"
)
_NUMBER = re.compile(r"^Số\s*[:.]?\s*[\d….]*\s*[/\-]?\s*\S*(?:\s|$)", re.IGNORECASE)
_DATED = re.compile(
    r"^[^\d,]{2,60},\s*(?:ngày|Ngày)\s*[\d….]{1,4}\s*(?:tháng|/)\s*[\d….]{1,4}\s*(?:năm|/)\s*[\d….]{4,6}\s*\.?$"
)
_ABOUT = re.compile(r"^(?:V/v|Về việc|\(?V/v)\b", re.IGNORECASE)
_AGENCY = re.compile(
    r"^(?:UBND|ỦY BAN|UỶ BAN|HĐND|HỘI |BAN |TRẠM |CÔNG AN|CÔNG TY|ĐẢNG |SỞ |BỘ |TỈNH |HUYỆN |THÀNH PHỐ |THỊ |XÃ |"
    r"PHƯỜNG |THÔN |TỔ |TRUNG TÂM|MẶT TRẬN|UBMTTQ|ĐOÀN |CHI |HTX|HỢP TÁC XÃ|PHÒNG |QUẬN )"
)
_GROUNDS = re.compile(r"^[-–\s]*(?:Căn cứ|Xét|Theo đề nghị của|Xét đề nghị)\b")
_ACTS = re.compile(
    r"[,;:]\s+((?:UBND|Ủy ban|Uỷ ban|ỦY BAN|Ban |Trạm |Công an |Công ty |Hợp tác xã|Hội |"
    r"Đảng ủy|Trưởng |Thôn |Chủ tịch ).{0,160}?"
    r"(?:thông báo|mời|đề nghị|yêu cầu|trân trọng|quyết định|tổ chức|khuyến cáo|kêu gọi).*)$",
    re.DOTALL,
)
_RECIPIENTS = re.compile(r"^Nơi nhận\b", re.IGNORECASE)
_SIGNS_FOR = re.compile(r"^(?:TM\.|T/M|KT\.|TL\.|TUQ\.|Q\.\s|K/T)", re.IGNORECASE)
_OFFICE = re.compile(
    r"^(?:QUYỀN )?(?:PHÓ )?(?:CHỦ TỊCH|TRƯỞNG |GIÁM ĐỐC|BÍ THƯ|CHÁNH VĂN PHÒNG|THỦ TRƯỞNG|CHỦ NHIỆM|"
    r"TỔ TRƯỞNG|BAN TỔ CHỨC)"
)
_SIGNED = re.compile(
    r"^\(?\s*(?:Đã ký|đã ký|Ký tên|Ký, ghi rõ|Ký, đóng dấu|ký tên)|^(?:Ký bởi|Người ký|Thời gian ký|Cơ quan)\s*:"
)
_RULE = re.compile(r"^[\W_]+$")
_PAGE = re.compile(r"^(?:trang\s*)?-?\s*\d{1,3}\s*-?(?:\s*/\s*\d{1,3})?$", re.IGNORECASE)
_COLUMNS = re.compile(r"^(?:S\.?T\.?T\.?|T\.?T\.?|Số TT|Số thứ tự)$", re.IGNORECASE)
_COLUMNS_LINE = re.compile(r"^(?:STT|Số TT|Số thứ tự)[\s;|,].{0,120}[^.]$")
_LEAD = re.compile(r"^\s*(?:[-–+•*▪➢]|\d{1,2}[.)]|[a-zđ][.)])\s+")


def parts(paragraphs: Sequence[Paragraph]) -> tuple[Part, ...]:
    """Say of each paragraph what it is; cells of one row of a table become one paragraph."""
    texts = [p.text for p in paragraphs]
    roles = _table_roles(paragraphs)
    title = _header(texts, roles)
    _ending(texts, roles)
    found: list[Part] = []
    row = ""
    for place, (paragraph, role) in enumerate(zip(paragraphs, roles, strict=True)):
        if role is Role.BODY and row and paragraph.row == row:
            found[-1] = Part(f"{found[-1].text}; {paragraph.text}", Role.BODY, True)
        elif role is Role.BODY and place > title and _GROUNDS.match(paragraph.text):
            found += _grounds(paragraph)
        else:
            found.append(Part(paragraph.text, role, paragraph.item))
        row = paragraph.row if found[-1].role is Role.BODY else ""
    return tuple(found)


def _table_roles(paragraphs: Sequence[Paragraph]) -> list[Role]:
    """Set apart lines of no meaning and heads of tables. A number inside a row is a fact; alone or first, it counts."""
    roles: list[Role] = []
    row = head = ""
    for p in paragraphs:
        is_first = not p.row or p.row != row
        row = p.row
        if is_first and (_COLUMNS.match(p.text) if row else _COLUMNS_LINE.match(p.text)):
            head = row
        if (row and head == row) or (not row and _COLUMNS_LINE.match(p.text)):
            roles.append(Role.TABLE)
        elif _RULE.match(p.text) or (is_first and _is_nothing(p.text)):
            roles.append(Role.PAGE)
        else:
            roles.append(Role.BODY)
    return roles


def _is_nothing(text: str) -> bool:
    return bool(_RULE.match(text) or _PAGE.match(text))


def _header(texts: Sequence[str], roles: list[Role]) -> int:
    """Mark what stands above the content; returns where the kind of notice stands, -1 where none does."""
    top = range(min(_TOP, len(texts)))
    is_official = any(_NATION.search(texts[i]) for i in top)
    title = next((i for i in top if _is_title(texts[i])), -1)
    end = title if title >= 0 else next((i for i in top if texts[i].startswith("Kính gửi")), -1)
    for i in top:
        if roles[i] is not Role.BODY:
            continue
        text = texts[i]
        in_head = i < end or (end < 0 and i < 8)
        if _NATION.search(text) or (
            in_head and (_DATED.match(text) or _is_number(text) or (is_official and _is_agency(text)))
        ):
            roles[i] = Role.HEADER
        elif i < end and _ABOUT.match(text):
            roles[i] = Role.SUBJECT
    if title >= 0:
        roles[title] = Role.SUBJECT
        for i in range(title + 1, min(title + 3, len(texts))):
            if roles[i] is Role.BODY and _is_about(texts[i], texts[i - 1]):
                roles[i] = Role.SUBJECT
            elif roles[i] is Role.BODY:
                break
    return max(title, end)


def _is_title(text: str) -> bool:
    return len(text) < _SHORT and bool(_TITLE.match(text)) and _letters(text)[:6].isupper()


def _is_about(text: str, before: str) -> bool:
    """Whether it says what the notice is about: it begins so, or is short and no sentence, right below its kind."""
    return bool(_ABOUT.match(text)) or (
        len(text) < _SHORT and not text.endswith((".", ":", ";", ",")) and _is_title(before) and not _LEAD.match(text)
    )


def _is_number(text: str) -> bool:
    return bool(_NUMBER.match(text)) and len(text) < _SHORT and ("/" in text or "…" in text or ":" in text)


def _is_agency(text: str) -> bool:
    letters = _letters(text)
    return len(text) < _SHORT and bool(letters) and letters.isupper() and bool(_AGENCY.match(text) or len(text) < 50)


def _ending(texts: Sequence[str], roles: list[Role]) -> None:
    """Mark recipients and signatures: from where they begin, what is short, up to the end or an annex."""
    mode: Role | None = None
    for i in range(max(0, len(texts) - _BOTTOM), len(texts)):
        text = texts[i]
        if text.upper().startswith("PHỤ LỤC"):
            mode = None
        if roles[i] is not Role.BODY:
            continue
        if _RECIPIENTS.match(text):
            mode = Role.RECIPIENTS
        elif _SIGNS_FOR.match(text) or _SIGNED.match(text) or (_is_office(text) and _ends_soon(texts, i)):
            mode = Role.SIGNATURE
        if mode is not None and len(text) < 2 * _SHORT and not _is_sentence(text):
            roles[i] = mode


def _is_office(text: str) -> bool:
    return len(text) < _SHORT and bool(_OFFICE.match(text)) and _letters(text).isupper()


def _ends_soon(texts: Sequence[str], place: int) -> bool:
    return all(len(text) < _SHORT for text in texts[place + 1 :]) or any(
        _RECIPIENTS.match(t) for t in texts[place - 3 : place + 12]
    )


def _is_sentence(text: str) -> bool:
    """Whether it must be content though it stands below a signature: a whole sentence of many words."""
    return len(text.split()) > 14 and text.rstrip().endswith(".") and not text.startswith("-")


def _grounds(paragraph: Paragraph) -> list[Part]:
    """The papers on which it stands are left out; who acts, and what follows, stays."""
    acts = _ACTS.search(paragraph.text)
    if acts is None:
        is_ground = paragraph.text.rstrip().endswith((";", ",")) or len(paragraph.text) < 400
        return [Part(paragraph.text, Role.GROUNDS if is_ground else Role.BODY, paragraph.item)]
    return [Part(paragraph.text[: acts.start(1)].rstrip(" ,;:"), Role.GROUNDS), Part(acts[1], Role.BODY)]


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", text) if c.isalpha())

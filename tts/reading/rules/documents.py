"""Numbers of laws and letters: 13/2023/NĐ-CP, 45/QĐ-UBND, 18-NQ/TW."""

import re

from tts.reading.scene import Answer, Rule, Scene, asked
from tts.reading.syllables import is_syllable, spell

_KINDS = {
    "NĐ": "nghị định", "QĐ": "quyết định", "TT": "thông tư", "CT": "chỉ thị", "NQ": "nghị quyết", "TB": "thông báo",
    "KH": "kế hoạch", "BC": "báo cáo", "CV": "công văn", "HD": "hướng dẫn", "QC": "quy chế", "TTr": "tờ trình",
    "TTR": "tờ trình", "GM": "giấy mời", "CTr": "chương trình", "CTR": "chương trình", "TTLT": "thông tư liên tịch",
    "PL": "pháp lệnh", "QH": "quốc hội", "L": "luật", "CĐ": "công điện", "BB": "biên bản", "HĐ": "hợp đồng",
    "ĐA": "đề án", "PA": "phương án", "GP": "giấy phép", "QĐi": "quy định", "KL": "kết luận", "TTh": "thông tri",
    "QyĐ": "quy định", "LCT": "lệnh chủ tịch nước", "VBHN": "văn bản hợp nhất", "GUQ": "giấy ủy quyền",
}  # fmt: skip
_BODIES = {
    "CP": "chính phủ", "TTg": "thủ tướng", "TTG": "thủ tướng", "UBND": "ủy ban nhân dân", "HĐND": "hội đồng nhân dân",
    "UBMTTQ": "ủy ban mặt trận tổ quốc", "MTTQ": "mặt trận tổ quốc", "TW": "trung ương", "TƯ": "trung ương",
    "TU": "tỉnh ủy", "HU": "huyện ủy", "ĐU": "đảng ủy", "BTV": "ban thường vụ", "BYT": "bộ y tế", "BNV": "bộ nội vụ",
    "BTC": "bộ tài chính", "BGDĐT": "bộ giáo dục và đào tạo", "BGD": "bộ giáo dục", "BCA": "bộ công an",
    "BNNPTNT": "bộ nông nghiệp và phát triển nông thôn", "BNN": "bộ nông nghiệp",
    "BNNMT": "bộ nông nghiệp và môi trường", "BTNMT": "bộ tài nguyên và môi trường", "BQP": "bộ quốc phòng",
    "BXD": "bộ xây dựng", "BGTVT": "bộ giao thông vận tải", "BTTTT": "bộ thông tin và truyền thông",
    "BVHTTDL": "bộ văn hóa, thể thao và du lịch", "BLĐTBXH": "bộ lao động, thương binh và xã hội",
    "BKHCN": "bộ khoa học và công nghệ", "BCT": "bộ công thương", "BTP": "bộ tư pháp", "VPCP": "văn phòng chính phủ",
    "UBTVQH": "ủy ban thường vụ quốc hội", "QH": "quốc hội", "CTN": "chủ tịch nước", "NHNN": "ngân hàng nhà nước",
    "SYT": "sở y tế", "SNV": "sở nội vụ", "STC": "sở tài chính", "SGDĐT": "sở giáo dục và đào tạo", "CA": "công an",
    "CAX": "công an xã", "CAT": "công an tỉnh", "CAH": "công an huyện", "BCH": "ban chỉ huy", "BCĐ": "ban chỉ đạo",
    "VP": "văn phòng", "TYT": "trạm y tế", "THT": "tổ hợp tác", "HTX": "hợp tác xã", "ĐTN": "đoàn thanh niên",
    "HND": "hội nông dân", "HPN": "hội phụ nữ", "LHPN": "liên hiệp phụ nữ", "CCB": "cựu chiến binh",
    "LĐLĐ": "liên đoàn lao động",
    "BVSTBPN": "ban vì sự tiến bộ phụ nữ", "PCTT": "phòng chống thiên tai", "BHXH": "bảo hiểm xã hội",
    "TANDTC": "tòa án nhân dân tối cao",
    "PGDĐT": "phòng giáo dục và đào tạo", "TTYT": "trung tâm y tế", "BDT": "ban dân tộc",
    "XDNTM": "xây dựng nông thôn mới",
}  # fmt: skip

_NUMBER = re.compile(
    r"(\d{1,5})(?:/((?:19|20)\d{2}))?[/\-]([A-ZĐƯ][A-ZĐƯa-z]{0,6}\d{0,2}(?:[-/.&][A-ZĐƯ][A-ZĐƯa-z]{0,9}\d{0,2})*)(?![\w/]|-\w)"
)
_PART = re.compile(r"([A-ZĐƯa-z]+)(\d*)")


def _document(scene: Scene, match: re.Match[str]) -> Answer:
    number, year, code = match.groups()
    parts = re.split(r"[-/.&]", code)
    known = year or len(parts) > 1 or parts[0].rstrip("0123456789") in _KINDS
    if not known and scene.prior(match.start())[0] not in {"số", "mẫu"}:
        return None
    first = scene.numbers.digits(number) if len(number) > 4 else scene.numbers.whole(number)
    head = first + (f" năm {scene.numbers.whole(year)}" if year else "")
    words = [_part(scene, part, place) for place, part in enumerate(parts)]
    said = f"{head}, {' '.join(spoken for spoken, _ in words)}"
    if all(known for _, known in words):
        return said
    spelled = " ".join(spell(part) for part in parts)
    return asked(
        "acronym",
        (said, "đọc từng chữ phần chưa biết"),
        (f"{head}, {spelled}", "đọc từng chữ"),
        (head, "chỉ đọc số"),
    )


def _part(scene: Scene, part: str, place: int) -> tuple[str, bool]:
    match = _PART.fullmatch(part)
    if match is None:
        return spell(part), False
    letters, term = match.groups()
    table = (_KINDS, _BODIES) if place == 0 else (_BODIES, _KINDS)
    words = table[0].get(letters) or table[1].get(letters) or scene.acronym(letters)
    tail = f" khóa {scene.numbers.whole(term)}" if term else ""
    if words:
        return words + tail, True
    return (letters.lower() if not letters.isupper() and is_syllable(letters) else spell(letters)) + tail, False


RULES = (Rule("document", _NUMBER, _document),)

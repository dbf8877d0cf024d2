"""E-mail and web addresses, part by part: known words as words, the rest letter by letter.

An abbreviation is spelled too, not read in full: who listens is to type it.
"""

import re

from tts.reading.scene import Answer, Rule, Scene
from tts.reading.syllables import spell

_END = r"(?:vn|com|net|org|info|edu|gov|io|me|tv|asia|int|eu|us|uk|jp|cn|kr|biz|xyz|online|site|store|shop|app|dev)"
_ADDRESS = re.compile(
    r"(?<![\w@])(?:[A-Za-z0-9][\w.+\-]{0,63}@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"
    r"|https?://[^\s<>\"“”]+|www\.[^\s<>\"“”]+"
    rf"|[A-Za-z0-9][A-Za-z0-9\-]*(?:\.[A-Za-z0-9\-]+)*\.{_END}(?:/[^\s<>\"“”]*)?)(?![\w@])"
)
_PROTOCOL = re.compile(r"https?://")
_PAGE_WORDS = {"trang", "web", "website", "link", "chỉ", "cổng", "fanpage", "mạng", "app"}
_LAST = ".,;:!?)…'\""
_PIECE = re.compile(r"://|www(?=\.)|[A-Za-zÀ-ỹ]+|\d|[^\w\s]|_")
_SIGNS = {
    "@": "a còng", ".": "chấm", "-": "gạch", "_": "gạch dưới", "/": "xuyệt", "://": "hai chấm xuyệt xuyệt",
    ":": "hai chấm",
    "+": "cộng", "?": "chấm hỏi", "=": "bằng", "&": "và", "#": "thăng", "%": "phần trăm", "~": "dấu ngã",
    "www": "ba vê kép",
    ",": "phẩy", "!": "chấm than", "$": "đô la", "'": "nháy", "(": "mở ngoặc", ")": "đóng ngoặc", "*": "sao",
    ";": "chấm phẩy",
}  # fmt: skip
_WORDS = {
    "vn": "vê nờ", "com": "com", "gov": "gốp", "edu": "e đu", "org": "o giê", "net": "nét", "info": "in pho",
    "gmail": "gờ meo", "yahoo": "da hu", "mail": "meo", "outlook": "ao lúc",
    "zalo": "za lô",
    "facebook": "phây búc", "fb": "ép bê", "youtube": "du túp", "dichvucong": "dịch vụ công", "chinhphu": "chính phủ",
    "baochinhphu": "báo chính phủ", "ubnd": "u bê nờ đê", "hdnd": "hát đê nờ đê",
    "baohiemxahoi": "bảo hiểm xã hội",
    "bhxh": "bê hát ích hát", "bacgiang": "bắc giang", "bacninh": "bắc ninh", "hanoi": "hà nội", "danang": "đà nẵng",
    "hochiminhcity": "hồ chí minh xi ti", "haiphong": "hải phòng", "thainguyen": "thái nguyên", "langson": "lạng sơn",
    "nghean": "nghệ an", "thanhhoa": "thanh hóa", "cantho": "cần thơ", "laocai": "lào cai", "hue": "huế",
    "tanyen": "tân yên",
    "dongnai": "đồng nai", "quangninh": "quảng ninh", "hungyen": "hưng yên", "namdinh": "nam định", "moh": "mờ o hát",
    "tiemchung": "tiêm chủng", "tuyensinh": "tuyển sinh", "congan": "công an", "vanban": "văn bản",
    "thongbao": "thông báo", "tintuc": "tin tức", "vnexpress": "vê nờ ích pờ rét", "nongthonmoi": "nông thôn mới",
    "thuedientu": "thuế điện tử", "gdt": "giê dê tê", "vneid": "vê nờ e i đê", "evn": "e vê nờ", "npc": "nờ pê xê",
    "cskh": "xê ét ca hát",
    "vanthu": "văn thư", "hotro": "hỗ trợ", "lienhe": "liên hệ", "vietnam": "việt nam", "index": "in đếch",
    "html": "hát tê mờ lờ",
    "google": "gu gồ", "maps": "máp", "forms": "phom", "gle": "giê lờ e", "bit": "bít", "me": "mi", "zoom": "dum",
    "us": "u ét",
}  # fmt: skip


def _address(scene: Scene, match: re.Match[str]) -> Answer:
    """The protocol says nothing to a listener: "trang", unless such a word stands before."""
    address = match[0].rstrip(_LAST)
    words: list[str] = []
    if named := _PROTOCOL.match(address):
        address = address[named.end() :]
        words += [] if scene.prior(match.start())[0] in _PAGE_WORDS else ["trang"]
    for piece in _PIECE.findall(address):
        if piece.isdigit() and piece.isascii():
            words.append(_DIGIT[piece])
        elif piece in _SIGNS:
            words.append(_SIGNS[piece])
        else:
            words.append(_WORDS.get(piece.lower()) or spell(piece))
    return " ".join(word for word in words if word)


_DIGIT = dict(zip("0123456789", ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"), strict=True))

MAY_HOLD = re.compile(rf"@|://|www\.|\.{_END}(?![^\W_])")
"""A quick look whether a text can hold an address at all."""

WEB = Rule("web", _ADDRESS, _address)


def length(match: re.Match[str]) -> int:
    """Return the length of an address without the punctuation of the sentence around it."""
    return len(match[0].rstrip(_LAST))

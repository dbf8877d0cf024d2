"""What the tests of the reading share: tables, comparing, a reader of numbers, random announcements."""

import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from tts.reading import Reading

HERE = Path(__file__).parent


_STYLES = {
    "oà": "òa", "oá": "óa", "oả": "ỏa", "oã": "õa", "oạ": "ọa", "oè": "òe", "oé": "óe", "oẻ": "ỏe", "oẽ": "õe",
    "oẹ": "ọe", "uỳ": "ùy", "uý": "úy", "uỷ": "ủy", "uỹ": "ũy", "uỵ": "ụy",
}  # fmt: skip


def rows(name: str) -> list[tuple[str, str, str]]:
    """Kind, written, spoken of each row of a table."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]
    return [(kind, written, spoken) for kind, written, spoken in cells]


def old_style(text: str) -> str:
    """Tone marks of oa, oe, uy where the older school puts them: hoà -> hòa."""
    return re.sub(r"(?<![qQ])(o[àáảãạèéẻẽẹ]|u[ỳýỷỹỵ])(?!\w)", lambda match: _STYLES[match[0]], text)


def new_style(text: str) -> str:
    """The other way: hòa -> hoà."""
    back = {old: new for new, old in _STYLES.items()}
    return re.sub(rf"(?<![qQ])({'|'.join(back)})(?!\w)", lambda match: back[match[0]], text)


def fold(text: str) -> str:
    """Lower-case, one tone-mark style, no punctuation."""
    text = old_style(unicodedata.normalize("NFC", text).lower())
    return " ".join(re.sub(r"[^\w\s{}|]", " ", text).split())


def expected(spoken: str) -> re.Pattern[str]:
    """A pattern for a spoken form with {a|b} choices."""
    parts = re.split(r"(\{[^}]*\})", spoken)
    out = ""
    for part in parts:
        if part.startswith("{"):
            out += "(?:" + "|".join(_piece(choice) for choice in part[1:-1].split("|")) + ")"
        else:
            out += _piece(part)
    return re.compile(rf"\s*{out}\s*")


def _piece(text: str) -> str:
    body = r"\s+".join(re.escape(word) for word in fold(text).split())
    lead, trail = r"\s+" if text[:1] == " " else "", r"\s+" if text[-1:] == " " else ""
    return lead + body + trail if body else (r"\s+" if lead or trail else "")


def tiled(reading: Reading) -> str:
    """The spoken text as the spans give it: each in its place, without spaces, lower-case."""
    parts: list[str] = []
    end = 0
    for span in reading.spans:
        assert end <= span.start < span.end <= len(reading.written)
        assert span.written == reading.written[span.start : span.end]
        parts += (reading.written[end : span.start], span.spoken)
        end = span.end
    parts.append(reading.written[end:])
    return "".join("".join(parts).lower().split())


_ONES = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "sáu": 6, "bảy": 7,
    "tám": 8, "chín": 9,
}  # fmt: skip


def value_of(words: str) -> int:
    """Read number words back."""
    total = group = number = 0
    for word in words.split():
        if word in _ONES:
            number += _ONES[word]
        elif word == "mười":
            number += 10
        elif word == "mươi":
            number *= 10
        elif word == "trăm":
            group, number = group + number * 100, 0
        elif word in {"nghìn", "ngàn", "triệu"}:
            total += (group + number) * (1000 if word != "triệu" else 10**6)
            group = number = 0
        elif word == "tỷ":
            total, group, number = (total + group + number) * 10**9, 0, 0
        else:
            assert word in {"linh", "lẻ"}, word
        if word == "mươi":
            group, number = group + number, 0
    return total + group + number


_WORDS = [
    "bà", "con", "nhân", "dân", "thôn", "xã", "họp", "tiêm", "chủng", "nước", "lúa", "đề", "nghị", "các", "hộ",
    "gia", "đình", "tại", "nhà", "văn", "hóa", "từ", "đến", "ngày", "lúc",
]  # fmt: skip
_ACRONYMS = [
    "UBND", "HĐND", "BCH", "TDP", "NVH", "HTX", "CCCD", "BHYT", "NTM", "XYZW", "TT", "CT", "PCCC&CNCH", "KT-XH",
    "TP.", "ThS.", "Đ/c", "P.", "T7", "CN",
]  # fmt: skip
_SIGNS = list("()[]\"'“”/-–+&%°±=<>~#@*_|…!?.,;:•→★🙂½²³№§$€")


def announcement(chance: random.Random) -> str:
    """A random announcement from a small grammar of what officers write."""
    return "".join(_bits(chance, chance.randint(1, 25))).strip() or "họp"


def _bits(chance: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        yield chance.choice(_KINDS)(chance)
        yield chance.choices([" ", ", ", ". ", "\n", "", " - ", ": ", "; "], [20, 4, 3, 1, 1, 2, 1, 1])[0]


def _number(chance: random.Random) -> str:
    return chance.choice(
        [
            f"{chance.randint(0, 10 ** chance.randint(1, 12))}",
            f"{chance.randint(1, 999)}.{chance.randint(0, 999):03d}",
            f"{chance.randint(0, 99)},{chance.randint(0, 999)}",
            f"{chance.randint(0, 99):02d}",
            f"0{chance.randint(10**8, 10**9 - 1)}",
        ]
    )


_UNITS = [
    "%", "°C", "km/h", "m2", "m²", "kg", "ha", "đ", "đồng", "VNĐ", "k", "tr", "h", "g", "'", "mm", "kWh", "V",
    "tấn/ha", "đồng/kg", "/hộ",
]  # fmt: skip
_MARKS = ["-", "/", ".", ":", " - ", "–", "h", "x", ",", "+"]
_CODES = [
    "7h30-11h30", "5/6", "12/7/2026", "28/2-3/3", "13/2023/NĐ-CP", "45/QĐ-UBND", "QL1A", "ĐT.295B", "Km12+300", "H5N1",
    "COVID-19", "98A-123.45", "0912.345.678", "+84 912 345 678", "1900 6868", "ubnd@xa.gov.vn", "www.abc.vn", "24/7",
    "quý III/2024", "tổ V", "T2-T6", "thứ 4", "tỷ số 2-1", "10⁻³", "Yagi", "Wutipxa", "Facebook", "Привет", "你好",
]  # fmt: skip
_KINDS = (
    lambda chance: chance.choice(_WORDS),
    lambda chance: chance.choice(_WORDS).capitalize(),
    lambda chance: chance.choice(_WORDS).upper(),
    _number,
    lambda chance: _number(chance) + chance.choice(["", " "]) + chance.choice(_UNITS),
    lambda chance: _number(chance) + chance.choice(_MARKS) + _number(chance),
    lambda chance: chance.choice(_MARKS).join(_number(chance) for _ in range(3)),
    lambda chance: chance.choice(_ACRONYMS),
    lambda chance: chance.choice(_CODES),
    lambda chance: chance.choice(_SIGNS),
    lambda chance: "".join(chance.choice("ABCĐHNTXaeghn0123456789-/.") for _ in range(chance.randint(1, 8))),
)

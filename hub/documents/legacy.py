"""Vietnamese of the years before Unicode: TCVN3 (fonts .VnTime…) and VNI (fonts VNI-Times…), letters by their codes.

TCVN3 is VN3 of the standard TCVN 5712:1993, one byte a letter; its capitals with marks are the same bytes in a font of
capitals (.VnTimeH). VNI writes a vowel and its mark as two bytes. Both show as letters of Western Europe where the font
is missing, so what they are is found out by how much of a text becomes Vietnamese syllables.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from tts.reading.syllables import has_marks, is_syllable

TCVN3, VNI = "tcvn3", "vni"
_WORD = re.compile(r"[^\W\d_]+")
_TCVN3_CODES = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}
"""First code of a run -> the letters from there on."""
_ACUTE, _GRAVE, _HOOK, _TILDE, _DOT = "\u0301", "\u0300", "\u0309", "\u0303", "\u0323"
_CIRCUMFLEX, _BREVE = "\u0302", "\u0306"
_VNI_MARKS = {
    "ù": _ACUTE, "ø": _GRAVE, "û": _HOOK, "õ": _TILDE, "ï": _DOT, "â": _CIRCUMFLEX, "ê": _BREVE,
    "á": _CIRCUMFLEX + _ACUTE, "à": _CIRCUMFLEX + _GRAVE, "å": _CIRCUMFLEX + _HOOK, "ã": _CIRCUMFLEX + _TILDE,
    "ä": _CIRCUMFLEX + _DOT, "é": _BREVE + _ACUTE, "è": _BREVE + _GRAVE, "ú": _BREVE + _HOOK, "ü": _BREVE + _TILDE,
    "ë": _BREVE + _DOT,
}  # fmt: skip
_VNI_ALONE = {"ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
_VNI_PAIR = re.compile(r"([aeouyôö])([ùøûõïâêáàåãäéèúüë])", re.IGNORECASE)
_BREVED = frozenset("êéèúüë")


def unprivate(text: str) -> str:
    """Fonts of symbols put their bytes at U+F000: take them back."""
    return "".join(chr(ord(c) - 0xF000) if 0xF020 <= ord(c) <= 0xF0FF else c for c in text)


def from_tcvn3(text: str, capitals: bool = False) -> str:
    """TCVN3 shown as Latin-1 -> Unicode. `capitals`: the font shows small letters as capitals."""
    made = unprivate(text).translate(_tcvn3())
    return unicodedata.normalize("NFC", made.upper() if capitals else made)


def from_vni(text: str) -> str:
    """VNI shown as Latin-1 -> Unicode."""
    paired = _VNI_PAIR.sub(_vni_letter, unprivate(text))
    return unicodedata.normalize("NFC", "".join(_vni_alone(char) for char in paired))


def of_font(font: str) -> str:
    """Which code a font's name tells: `.VnTime` -> tcvn3, `VNI-Times` -> vni, else nothing."""
    name = font.rpartition("+")[2].lower()  # a PDF puts six letters before the name of a part of a font
    if name.startswith((".vn", "vntime", "vnarial")):
        return TCVN3
    return VNI if name.startswith("vni") else ""


def convert(text: str, code: str, capitals: bool = False) -> str:
    """`text` in Unicode, from the code that is named; as it is where none is."""
    if code == TCVN3:
        return from_tcvn3(text, capitals)
    return from_vni(text) if code == VNI else text


def detect(texts: Iterable[str]) -> str:
    """How these paragraphs are coded: `tcvn3`, `vni`, or `` for what is Unicode already or cannot be told."""
    whole = unprivate(" ".join(texts))[:20_000]
    if not any("\u00a1" <= char <= "\u00ff" for char in whole):
        return ""
    scores = {code: _score(convert(whole, code)) for code in ("", TCVN3, VNI)}
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] > scores[""] + 0.1 else ""


def _score(text: str) -> float:
    """The part of words with marks that are syllables of Vietnamese."""
    marked = [word for word in _WORD.findall(text) if has_marks(word)]
    return sum(map(is_syllable, marked)) / len(marked) if len(marked) > 2 else 0.0


@cache
def _tcvn3() -> dict[int, str]:
    return {first + at: letter for first, letters in _TCVN3_CODES.items() for at, letter in enumerate(letters)}


def _vni_letter(match: re.Match[str]) -> str:
    base, mark = match[1], match[2]
    if mark.lower() in _BREVED and base.lower() != "a":
        return match[0]
    letter = {"ô": "ơ", "ö": "ư", "Ô": "Ơ", "Ö": "Ư"}.get(base, base)
    # what stands here is final: the letters that stand alone below must not touch it
    return _sealed(unicodedata.normalize("NFC", letter + _VNI_MARKS[mark.lower()]))


def _vni_alone(char: str) -> str:
    if _SEAL <= ord(char) < _SEAL + 0x2000:
        return chr(ord(char) - _SEAL)
    small = _VNI_ALONE.get(char.lower())
    if small is None:
        return char
    return small if char.islower() else small.upper()


_SEAL = 0xF0000  # a private plane: 0xF0000 + the letter


def _sealed(letters: str) -> str:
    return "".join(chr(_SEAL + ord(char)) for char in letters)

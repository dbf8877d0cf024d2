"""What a Vietnamese syllable may look like, and how letters are called."""

import re
import unicodedata
from functools import lru_cache

_ONSET = "ngh|ng|nh|gh|gi|kh|ph|qu|th|tr|ch|b|c|d|đ|g|h|k|l|m|n|p|r|s|t|v|x"

# Rimes without tone; those that end in a stop carry sắc or nặng only.
_OPEN_RIME = (
    r"a|ai|am|an|ang|anh|ao|au|ay|ăm|ăn|ăng|âm|ân|âng|âu|ây|e|em|en|eng|eo|ê|êm|ên|êng|ênh|êu|i|ia|iêm|iên|iêng|"
    r"iêu|im|in|inh|iu|o|oa|oai|oam|oan|oang|oanh|oao|oay|oăm|oăn|oăng|oe|oen|oeo|oi|om|on|ong|oong|ô|ôi|ôm|ôn|"
    r"ông|ơ|ơi|ơm|ơn|ơng|u|ua|uân|uâng|uây|ui|um|un|ung|uê|uêu|uênh|uôi|uôm|uôn|uông|uơ|uơi|uy|uya|uyên|uyn|uynh|"
    r"uyu|ư|ưa|ưi|ưm|ưn|ưng|ươi|ươm|ươn|ương|ươu|ưu|y|yêm|yên|yêng|yêu|ym|yn|ynh|uao|uai|uang|uan|uam|uay|ue|uen|"
    r"ueo|uă|uăn|uăng"
)
_STOPPED_RIME = (
    r"ac|ach|ap|at|ăc|ăp|ăt|âc|âp|ât|ec|ep|et|êch|êp|êt|ich|iêc|iêp|iêt|ip|it|oac|oach|oap|oat|oăc|oăt|oc|oec|oet|"
    r"op|ot|ooc|ôc|ôp|ôt|ơc|ơp|ơt|uat|uac|uach|uăc|uăt|uât|uc|uêch|uôc|uôt|up|ut|uơt|uych|uyêt|uyp|uyt|ưc|ưp|ưt|"
    r"ươc|ươp|ươt|yêt|yt|ych|yp|êc|uet"
)
_TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
_STOP_TONES = {"\u0301", "\u0323"}

_OPEN = re.compile(rf"(?:{_ONSET})?(?:{_OPEN_RIME})")
_STOPPED = re.compile(rf"(?:{_ONSET})?(?:{_STOPPED_RIME})")
_LATIN_WORD = re.compile(r"[a-zà-öø-ÿăđĩũơưạ-ỹ]+")

LETTERS = {
    "a": "a", "ă": "á", "â": "ớ", "b": "bê", "c": "xê", "d": "dê", "đ": "đê", "e": "e", "ê": "ê", "f": "ép", "g": "giê",
    "h": "hát", "i": "i", "j": "gi", "k": "ca", "l": "lờ", "m": "mờ", "n": "nờ", "o": "o", "ô": "ô", "ơ": "ơ",
    "p": "pê", "q": "quy", "r": "rờ", "s": "ét", "t": "tê", "u": "u", "ư": "ư", "v": "vê", "w": "vê kép", "x": "ích",
    "y": "y", "z": "dét",
}  # fmt: skip


@lru_cache(16_384)
def is_syllable(word: str) -> bool:
    """Say whether `word` (NFC, any case) could be one Vietnamese syllable."""
    word = word.lower()
    if len(word) > 7 or not _LATIN_WORD.fullmatch(word):
        return False
    bare, tones = bare_of(word)
    if len(tones) > 1:
        return False
    if _OPEN.fullmatch(bare):
        return True
    return tones <= _STOP_TONES and len(tones) == 1 and _STOPPED.fullmatch(bare) is not None


def bare_of(word: str) -> tuple[str, set[str]]:
    """Return `word` without its tone marks, and the tone marks."""
    parts = unicodedata.normalize("NFD", word)
    tones = {char for char in parts if char in _TONES}
    return unicodedata.normalize("NFC", "".join(char for char in parts if char not in _TONES)), tones


def has_marks(word: str) -> bool:
    """Say whether `word` has letters that only Vietnamese has: đ, ă, ơ, or a tone mark."""
    return any(char in "đĐ" or ord(char) > 0x7F for char in word)


def is_latin(word: str) -> bool:
    """Say whether each letter of `word` is a Latin one that has a name."""
    return all(bare_of(char)[0].lower() in LETTERS for char in word)


def spell(word: str) -> str:
    """Return the names of the letters of `word`; characters that are no such letters are passed over."""
    names = (LETTERS.get(char) or LETTERS.get(bare_of(char)[0]) for char in word.lower())
    return " ".join(name for name in names if name)

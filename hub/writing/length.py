"""How long a bulletin is, about: counted while somebody types, without speaking it."""

import re

from edge_agent.contract.sentences import Language
from hub.language import translator
from hub.writing.model import Piece, Played, Ring, Silence, Words

SYLLABLE_S = 0.235
"""Seconds a syllable: espeak-ng at its usual 150 words a minute, measured over the shipped bulletin (tts/programme)."""
SENTENCE_S = 0.3
"""Of silence behind a sentence."""
GAP_S = 0.4
"""Between two pieces."""
CHIME_S = {"two-tone": 2.2, "three-tone": 2.5, "morning": 5.0, "closing": 3.4, "alert": 4.0, "siren": 9.0}
_NUMBER = re.compile(r"\d+")
_CAPITALS = re.compile(r"\b[A-ZĐ]{2,6}\b")
_WORD = re.compile(r"[^\W\d_]+")
_END = re.compile(r"[.!?…:;]+(?:\s|$)|\n+")


def of_text(text: str) -> float:
    """Seconds that a voice takes for it.

    A word is a syllable; a number is about as many as it has digits, and half as many more ("2026": hai nghìn không
    trăm hai mươi sáu); an abbreviation is spelt, or is several words.
    """
    syllables = float(len(_WORD.findall(text)))
    syllables += sum(1.6 * len(number) for number in _NUMBER.findall(text))
    syllables += sum(1.5 * len(word) for word in _CAPITALS.findall(text) if not _is_shouted(text))
    ends = len(_END.findall(text.strip())) + (0 if text.rstrip().endswith((".", "!", "?")) else 1)
    return syllables * SYLLABLE_S + ends * SENTENCE_S if syllables else 0.0


def of_piece(piece: Piece) -> float:
    """Seconds of one piece."""
    match piece:
        case Words():
            return of_text(piece.text)
        case Ring():
            return CHIME_S[piece.name]
        case Silence():
            return piece.seconds
        case Played():
            return piece.sound.seconds


def of_pieces(pieces: tuple[Piece, ...]) -> float:
    """Seconds of all, one after the other."""
    lengths = [length for piece in pieces if (length := of_piece(piece))]
    return sum(lengths) + GAP_S * max(0, len(lengths) - 1)


def _is_shouted(text: str) -> bool:
    """A text in capitals is no row of abbreviations."""
    letters = [char for char in text if char.isalpha()]
    return sum(map(str.isupper, letters)) > len(letters) / 2


def in_words(seconds: float, language: Language) -> str:
    """`2 phút 10 giây`; a length below a minute in seconds, one above ten in minutes."""
    t = translator(language)
    whole = round(seconds)
    if whole < 60:
        return t("write.seconds", count=whole)
    minutes, rest = divmod(whole, 60)
    if not rest or minutes >= 10:
        return t("write.minutes", count=minutes + (rest >= 30))
    return f"{t('write.minutes', count=minutes)} {t('write.seconds', count=rest)}"

"""What the page of a draft shows."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.contract.sentences import Language
from hub.documents.model import Extract, Part, Role
from hub.documents.pasted import letter
from hub.language import translator
from hub.sheet import Sheet
from hub.writing.finish import Flaw
from hub.writing.length import in_words, of_piece, of_pieces
from hub.writing.model import LANGUAGES, SPOKEN_LANGUAGES, Copy, Draft, Piece, Version, Words
from hub.writing.proposer import strange

if TYPE_CHECKING:
    from hub.writing.hearing import WholeView

CHIMES = ("two-tone", "three-tone", "morning", "closing", "alert", "siren")


@dataclass(frozen=True, slots=True)
class PieceView:
    """One piece with what stands around it."""

    number: int
    piece: Piece
    length: str
    flaws: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    sheet: Sheet | None = None
    is_letter: bool = False


@dataclass(frozen=True, slots=True)
class LengthView:
    """How long the version is, and whether that is lawful."""

    words: str
    over: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class VoiceView:
    """A voice that may be chosen: its name, with how many of the nodes have it too."""

    id: str
    words: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the document that is not spoken, and may be taken back."""

    number: int
    text: str
    role: Role


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page."""

    draft: Draft
    version: Version
    pieces: tuple[PieceView, ...]
    length: LengthView
    tab: str
    saved: str
    can_speak: bool
    left_out: tuple[LeftOut, ...] = ()
    copies: tuple[tuple[Copy, str, str], ...] = ()
    flaws: tuple[str, ...] = ()
    notice: str = ""
    good: bool = True
    conflict: str = ""
    can_propose: bool = False
    voices: tuple[tuple[str, str], ...] = ()
    choice: tuple[VoiceView, ...] = ()
    authorities: tuple[str, ...] = ()
    other_languages: tuple[str, ...] = ()
    chimes: tuple[str, ...] = field(default=CHIMES)
    session_s: float = 0
    whole: "WholeView | None" = None
    undo: str = ""


def length_of(version: Version, session_s: float | None, language: Language) -> LengthView:
    """In words, against what one session may last."""
    seconds = of_pieces(version.pieces)
    t = translator(language)
    words = t("write.length", length=in_words(seconds, language))
    if not session_s:
        return LengthView(words, False, seconds)
    over = seconds > session_s
    allowed = in_words(session_s, language)
    words += " " + t("write.length_over" if over else "write.length_within", allowed=allowed)
    return LengthView(words, over, seconds)


def pieces_of(
    draft: Draft, version: Version, language: Language, flaws: tuple[Flaw, ...], sheets: dict[int, Sheet]
) -> tuple[PieceView, ...]:
    """The pieces, with what is wrong at each."""
    t = translator(language)
    source = Extract.from_json(draft.source).whole if draft.source else ""
    views = []
    for number, piece in enumerate(version.pieces):
        wrong = (flaw for flaw in flaws if flaw.language == version.language and flaw.piece == number)
        views.append(
            PieceView(
                number=number,
                piece=piece,
                length=in_words(of_piece(piece), language),
                flaws=tuple(t(flaw.key, **dict(flaw.params)) for flaw in wrong),
                strange=strange(piece.text, source) if isinstance(piece, Words) and piece.proposed and source else (),
                sheet=sheets.get(number),
                is_letter=is_letter(version, piece),
            )
        )
    return tuple(views)


def is_letter(version: Version, piece: Piece) -> bool:
    """Whether a whole official letter was pasted as text."""
    return isinstance(piece, Words) and can_speak(version) and letter(piece.text) is not None


def general_flaws(draft: Draft, version: Version, language: Language, flaws: tuple[Flaw, ...]) -> tuple[str, ...]:
    """What is wrong elsewhere than at the pieces that are shown."""
    t = translator(language)
    return tuple(
        t("write.flaw_in", language=t(f"write.language_{_known(flaw.language)}"), what=t(flaw.key, **dict(flaw.params)))
        if flaw.language
        else t(flaw.key, **dict(flaw.params))
        for flaw in flaws
        if flaw.piece is None or flaw.language != version.language
    )


def left_out_of(draft: Draft) -> tuple[LeftOut, ...]:
    """What the rules left out of the document, but for lines of signs."""
    if not draft.source:
        return ()
    parts: tuple[Part, ...] = Extract.from_json(draft.source).parts
    silent = {Role.HEADER, Role.GROUNDS, Role.TABLE, Role.RECIPIENTS, Role.SIGNATURE}
    return tuple(LeftOut(n, part.text, part.role) for n, part in enumerate(parts) if part.role in silent)


def can_speak(version: Version) -> bool:
    """Whether the commune's voice speaks this language."""
    return version.language in SPOKEN_LANGUAGES


def addable(draft: Draft) -> tuple[str, ...]:
    """Languages in which there is no version yet."""
    known = {version.language for version in draft.content.versions}
    return tuple(language for language in LANGUAGES if language not in known)


def first_words(copy: Copy) -> str:
    """How a copy begins, so that one knows it again."""
    texts = [p.text.strip() for v in copy.content.versions for p in v.pieces if isinstance(p, Words) and p.text.strip()]
    text = texts[0] if texts else copy.content.title
    return text if len(text) <= 120 else text[:119] + "…"


def _known(language: str) -> str:
    return language if language in LANGUAGES else "other"

"""The form of a draft: fields `title`, `class`, `authority`, and for each piece `s0.kind`, `s0.text` and so on."""

import re
from collections.abc import Callable
from functools import partial

from pydantic import ValidationError

from hub.choices import Choices, choices
from hub.forms import MAX_BULLETIN, Fields, FormError
from hub.writing.drafts import Seen
from hub.writing.model import MOST_PIECES, VOICE, Content, Draft, Piece, Played, Ring, Silence, Version, Words

READ = "reading_of"
"""Number of the piece whose questions stand in the form."""


def seen(fields: Fields) -> Seen:
    """What the page had seen. Raises FormError."""
    number, tab = fields.get("number", ""), fields.get("tab", "")
    if not (number.isascii() and number.isdigit() and len(number) < 9 and tab.isalnum() and len(tab) <= 20):
        raise FormError("form.bad")
    return Seen(int(number), tab)


def language_of(fields: Fields, draft: Draft) -> str:
    """Of which version the form is."""
    return draft.content.version(fields.get("version", "")).language


def content(fields: Fields, draft: Draft) -> Content:
    """What the form says; what it does not carry (sounds, answers, who wrote a text) is as the draft has it.

    Raises FormError.
    """
    before = draft.content.version(language_of(fields, draft))
    try:
        pieces = tuple(_piece(n, fields, before) for n in range(MOST_PIECES) if f"s{n}.kind" in fields)
        version = Version(language=before.language, pieces=_answered(pieces, fields), take=before.take)
        return Content.model_validate(
            {
                "title": fields.get("title", "")[:200],
                "class": fields.get("class", "ordinary"),
                "authority": fields.get("authority") or draft.content.authority,
                "versions": draft.content.put(version).versions,
            }
        )
    except ValidationError as error:
        raise FormError("form.bad") from error


def asked(fields: Fields) -> int | None:
    """The piece whose questions stand in the form."""
    number = fields.get(READ, "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 3 else None


def answers(fields: Fields, piece: Words) -> Choices:
    """What was chosen for a piece, before and in this form."""
    now = choices(fields)
    return Choices({**piece.answers, **now.spoken}, now.keep, now.own, now.wrong)


def _answered(pieces: tuple[Piece, ...], fields: Fields) -> tuple[Piece, ...]:
    number = asked(fields)
    if number is None or number >= len(pieces):
        return pieces
    piece = pieces[number]
    if not isinstance(piece, Words):
        return pieces
    said = {written: spoken for written, spoken in answers(fields, piece).spoken.items() if written in piece.text}
    changed = piece.model_copy(update={"answers": dict(list(said.items())[:100])})
    return (*pieces[:number], changed, *pieces[number + 1 :])


def _piece(number: int, fields: Fields, before: Version) -> Piece:
    """One piece. Raises FormError, ValidationError."""
    get = partial(_field, fields, f"s{number}.")
    match get("kind"):
        case "text":
            return _words(get, before, fields.get(f"s{number}.voice"))
        case "chime":
            return Ring.model_validate({"name": get("name") or "two-tone"})
        case "pause":
            return Silence(seconds=_seconds(get("seconds")))
        case "audio":
            known = (*before.pieces, before.take)
            played = next((p for p in known if isinstance(p, Played) and p.sound.sha256 == get("sound")), None)
            if played is None:
                raise FormError("write.sound_unknown")
            return played.model_copy(update={"title": get("title")[:200], "by": get("by")[:200]})
    raise FormError("form.bad")


def _field(fields: Fields, prefix: str, name: str) -> str:
    return fields.get(prefix + name, "")


def _words(get: Callable[[str], str], before: Version, voice: str | None) -> Words:
    """`voice` None: the form has no choice of voices."""
    text, id_ = get("text"), get("id")
    if voice is not None and not re.fullmatch(VOICE, voice):
        raise FormError("form.bad")
    if len(text) > MAX_BULLETIN:
        raise FormError("form.too_long", limit=MAX_BULLETIN)
    known = next((p for p in before.pieces if isinstance(p, Words) and p.id == id_), None)
    if known is None:
        return Words(text=text, voice=voice or "")
    answers = {written: spoken for written, spoken in known.answers.items() if written in text}
    read = known.proposed and get("read") == "1"
    said_by = known.voice if voice is None else voice
    return known.model_copy(update={"text": text, "answers": answers, "read": read, "voice": said_by})


def _seconds(text: str) -> float:
    """Within what is possible: a slip here must not lose what was written elsewhere in the form."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return 2.0
    return min(60.0, max(0.5, round(value, 1))) if value == value else 2.0  # noqa: PLR0124 - NaN is not itself

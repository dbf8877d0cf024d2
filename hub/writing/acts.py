"""What the buttons of the page do with the pieces of a version: pure functions from one version to the next."""

from hub.documents import spoken
from hub.documents.model import Extract
from hub.documents.pasted import letter
from hub.forms import FormError
from hub.writing.model import MOST_PIECES, Content, Piece, Ring, Silence, Sound, Version, Words


def act(do: str, content: Content, language: str) -> Content:
    """The content after the button `do` (`up:2`, `add:pause`, …). Raises FormError for what is no such button."""
    version = content.version(language)
    name, _, what = do.partition(":")
    match name:
        case "up" | "down" | "remove" | "bed_off":
            return content.put(_moved(version, name, _number(what, version)))
        case "add":
            return content.put(add(version, _new(what)))
        case "keep_take":
            if version.take is None:
                return content
            return content.put(add(version.model_copy(update={"take": None}), version.take))
        case "drop_take":
            return content.put(version.model_copy(update={"take": None}))
        case "drop_language":
            left = tuple(v for v in content.versions if v.language != what)
            return content.model_copy(update={"versions": left}) if left else content
    raise FormError("form.bad")


def add(version: Version, piece: Piece) -> Version:
    """The same with a piece at its end. Raises FormError."""
    if len(version.pieces) >= MOST_PIECES:
        raise FormError("write.too_many_pieces", limit=MOST_PIECES)
    return version.model_copy(update={"pieces": (*version.pieces, piece)})


def add_language(content: Content, language: str, known: tuple[str, ...]) -> Content:
    """The same with a version in another language. Raises FormError."""
    if language not in known or len(content.versions) >= 8:
        raise FormError("form.bad")
    if any(v.language == language for v in content.versions):
        return content
    return content.put(Version(language=language, pieces=(Ring(),)))


def put_text(version: Version, text: str, proposed: bool = False) -> Version:
    """The same with a text in the first empty place for one, else at the end. Raises FormError."""
    words = Words(text=text[:20_000], proposed=proposed)
    for number, piece in enumerate(version.pieces):
        if isinstance(piece, Words) and not piece.text.strip():
            return _replaced(version, number, words)
    return add(version, words)


def append_text(version: Version, text: str) -> Version:
    """The same with a paragraph at the end of its last text. Raises FormError."""
    for number in range(len(version.pieces) - 1, -1, -1):
        piece = version.pieces[number]
        if isinstance(piece, Words):
            joined = f"{piece.text.rstrip()}\n{text}".strip()
            if len(joined) > 20_000:
                raise FormError("form.too_long", limit=20_000)
            return _replaced(version, number, piece.model_copy(update={"text": joined}))
    return put_text(version, text)


def put_bed(version: Version, number: int, sound: Sound) -> Version:
    """The same with music under a text. Raises FormError."""
    piece = version.pieces[number] if 0 <= number < len(version.pieces) else None
    if not isinstance(piece, Words):
        raise FormError("form.bad")
    return _replaced(version, number, piece.model_copy(update={"bed": sound}))


def read_document(content: Content, language: str, extract: Extract) -> Content:
    """The same with the draft that the rules propose of a document, and its subject as the title."""
    version = put_text(content.version(language), spoken.draft(extract.parts) or extract.whole)
    title = content.title or spoken.title(extract.parts)
    return content.put(version).model_copy(update={"title": title})


def without_letterhead(content: Content, language: str, number: int) -> tuple[Content, Extract]:
    """The same with a pasted official letter as it is spoken, and the letter. Raises FormError where there is none."""
    version = content.version(language)
    piece = version.pieces[number] if 0 <= number < len(version.pieces) else None
    found = letter(piece.text) if isinstance(piece, Words) else None
    if not isinstance(piece, Words) or found is None:
        raise FormError("form.bad")
    changed = piece.model_copy(update={"text": spoken.draft(found.parts)[:20_000]})
    title = content.title or spoken.title(found.parts)
    return content.put(_replaced(version, number, changed)).model_copy(update={"title": title}), found


def _moved(version: Version, name: str, number: int) -> Version:
    pieces = list(version.pieces)
    piece = pieces[number]
    if name == "bed_off":
        return (
            _replaced(version, number, piece.model_copy(update={"bed": None})) if isinstance(piece, Words) else version
        )
    pieces.pop(number)
    if name == "up":
        pieces.insert(max(0, number - 1), piece)
    elif name == "down":
        pieces.insert(number + 1, piece)
    return version.model_copy(update={"pieces": tuple(pieces)})


def _replaced(version: Version, number: int, piece: Piece) -> Version:
    pieces = (*version.pieces[:number], piece, *version.pieces[number + 1 :])
    return version.model_copy(update={"pieces": pieces})


def _number(what: str, version: Version) -> int:
    if not (what.isascii() and what.isdigit() and int(what) < len(version.pieces)):
        raise FormError("form.bad")
    return int(what)


def _new(what: str) -> Piece:
    match what:
        case "text":
            return Words()
        case "chime":
            return Ring()
        case "pause":
            return Silence()
    raise FormError("form.bad")

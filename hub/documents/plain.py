"""TXT: whichever of the codes it was saved in."""

import codecs
import unicodedata

from hub.documents import legacy
from hub.documents.model import DocumentError, Paragraph

MOST_CHARS = 400_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read(body: bytes) -> tuple[list[Paragraph], str]:
    """The lines, and the code of old letters if there are any. Raises DocumentError."""
    text, code = _decoded(body)
    if len(text) > MOST_CHARS:
        raise DocumentError("document.too_long", limit=MOST_CHARS)
    text = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f\x0b" for char in text):
        raise DocumentError("document.kind")
    lines = (line.strip() for line in text.replace("\f", "\n").splitlines())
    return [Paragraph(line) for line in lines if line], code


def _decoded(body: bytes) -> tuple[str, str]:
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _strictly(body, name), ""
    if name := _wide(body):
        return _strictly(body, name), ""
    try:
        return body.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    western = body.decode("latin-1")
    if code := legacy.detect([western]):
        return legacy.convert(western, code), code
    return _strictly(body, "cp1258"), ""  # Vietnamese Windows, marks behind their vowels


def _strictly(body: bytes, name: str) -> str:
    try:
        return body.decode(name)
    except UnicodeDecodeError as error:
        raise DocumentError("document.damaged") from error


def _wide(body: bytes) -> str:
    """UTF-16 without a mark: every second byte of spaces and plain letters is 0."""
    head = body[:2000]
    if len(head) < 4 or 0 not in head:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) / 8 and odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > len(head) / 8 and even > 4 * odd else ""

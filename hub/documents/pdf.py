"""PDF: the words of its pages. Scripts, actions and attached files are never looked at, so none of them can run."""

import logging
import re
import unicodedata
from typing import BinaryIO

from hub.documents.model import DocumentError, Paragraph

MOST_PAGES = 60
MOST_CHARS = 400_000
_NEW = re.compile(
    r"^\s*([-–+•*]\s|[IVX]{1,4}\.\s|\d{1,2}[.)]\s|[a-zđ][.)]\s|Điều \d|Căn cứ |Nơi nhận|Kính gửi)", re.UNICODE
)
_PAGE = re.compile(r"^\s*(?:trang\s*)?-?\s*\d{1,3}\s*-?(?:\s*/\s*\d{1,3})?\s*$", re.IGNORECASE)


def read(file: BinaryIO) -> tuple[list[Paragraph], int]:
    """The paragraphs in order, and how many pages there are. Raises DocumentError."""
    import pypdf
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of every small flaw
    try:
        reader = pypdf.PdfReader(file, strict=False)
        # some papers are locked against printing only: they open without a password
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("document.encrypted")
        count = len(reader.pages)
        if count > MOST_PAGES:
            raise DocumentError("document.pages", limit=MOST_PAGES, pages=count)
        pages = [page.extract_text() or "" for page in reader.pages]
    except DocumentError:
        raise
    except RecursionError as error:
        raise DocumentError("document.bomb") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, AssertionError) as error:
        raise DocumentError("document.damaged") from error
    if sum(map(len, pages)) > MOST_CHARS:
        raise DocumentError("document.too_long", limit=MOST_CHARS)
    if not any(char.isalpha() for page in pages for char in page):
        raise DocumentError("document.images_only")
    return paragraphs(pages), count


def paragraphs(pages: list[str]) -> list[Paragraph]:
    """Lines put together again: one that had no room for the next word, and ends no sentence, goes on in the next."""
    lines = [line for page in pages for line in _lines(page)]
    widths = sorted(len(line) for line in lines) or [0]
    width = widths[int(len(widths) * 0.9)]
    found: list[str] = []
    before = ""
    for line in lines:
        if before and _goes_on(before, line, width):
            found[-1] += " " + line
        else:
            found.append(line)
        before = line
    return [Paragraph(text) for text in found]


def _goes_on(before: str, line: str, width: int) -> bool:
    """Whether a line of a column so many letters wide continues the one before."""
    if _NEW.match(line) or _PAGE.match(line):
        return False
    word = line.split(maxsplit=1)[0]
    if len(before) < width * 0.8 and len(before) + 1 + len(word) <= width:
        return False
    if before.endswith((".", "!", "?", ":", ";")):  # `Email:` is no end where an address or small letters follow
        return line[0].islower() or (before.endswith(":") and "@" in word)
    return True


def _lines(page: str) -> list[str]:
    """The lines of a page, its number not among them."""
    lines = [re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in unicodedata.normalize("NFC", page).splitlines()]
    lines = [line for line in lines if line]
    for place in (0, -1):
        if lines and _PAGE.match(lines[place]):
            lines.pop(place)
    return lines

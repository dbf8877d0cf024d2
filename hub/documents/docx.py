"""DOCX: the words of its main part. Nothing else of the package is looked at: no picture, no link, no macro."""

import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from hub.documents.legacy import convert, of_font
from hub.documents.model import DocumentError, Paragraph

MOST_XML = 40_000_000
"""Bytes of the main part; a notice of 100 pages has 2 MB."""
MOST_FILES = 2_000
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_CHUNK = 64 * 1024
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
_HIDDEN = frozenset({"del", "moveFrom", "instrText", "delText", "Fallback", "footnotePr"})


def read(file: BinaryIO) -> tuple[list[Paragraph], str]:
    """The paragraphs in order, and the code of old fonts if one was used. Raises DocumentError."""
    try:
        with zipfile.ZipFile(file) as package:
            names = {info.filename: info for info in package.infolist()[:MOST_FILES]}
            if "EncryptedPackage" in names:
                raise DocumentError("document.encrypted")
            if "word/document.xml" not in names:
                raise DocumentError("document.kind")
            styles = _Styles()
            if "word/styles.xml" in names:
                _parse(package, names["word/styles.xml"], styles)
            words = _Words(styles)
            _parse(package, names["word/document.xml"], words)
    except (zipfile.BadZipFile, zlib.error, EOFError, expat.ExpatError, NotImplementedError, OSError) as error:
        raise DocumentError("document.damaged") from error
    except RuntimeError as error:  # zipfile's word for a file that is locked by a password
        raise DocumentError("document.encrypted") from error
    return words.paragraphs, words.legacy


def _parse(package: zipfile.ZipFile, info: zipfile.ZipInfo, into: "_Styles | _Words") -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = _named(into.start)
    parser.EndElementHandler = lambda name: into.end(name.rpartition(" ")[2])
    if isinstance(into, _Words):
        parser.CharacterDataHandler = into.text
    size = 0
    with package.open(info) as part:
        while chunk := part.read(_CHUNK):
            size += len(chunk)
            if size > MOST_XML:
                raise DocumentError("document.bomb")
            parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _refuse(*_: object) -> None:
    """Without a DOCTYPE there is no entity, so nothing grows or is fetched."""
    raise DocumentError("document.bomb")


def _named(start: Callable[[str, dict[str, str]], None]) -> Callable[[str, dict[str, str]], None]:
    def handler(name: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        start(name.rpartition(" ")[2], plain)

    return handler


@dataclass
class _Styles:
    """Fonts by style, as far as they tell how letters are coded."""

    default: str = ""
    fonts: dict[str, str] = field(default_factory=dict)
    normal: str = ""
    _style: str = ""
    _in_defaults: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "docDefaults":
            self._in_defaults = True
        elif name == "style":
            self._style = attributes.get("styleId", "")
            if attributes.get("type") == "paragraph" and attributes.get("default") in ("1", "true"):
                self.normal = self._style
        elif name == "rFonts":
            font = attributes.get("ascii", "") or attributes.get("hAnsi", "")
            if self._in_defaults:
                self.default = font
            elif self._style and font:
                self.fonts[self._style] = font

    def end(self, name: str) -> None:
        if name == "docDefaults":
            self._in_defaults = False
        elif name == "style":
            self._style = ""

    def font(self, style: str) -> str:
        return self.fonts.get(style) or self.fonts.get(self.normal) or self.default


class _Words:
    """Gathers text run by run; a run's font tells how its letters are coded."""

    def __init__(self, styles: _Styles) -> None:
        self.paragraphs: list[Paragraph] = []
        self.legacy = ""
        self._styles = styles
        self._stack: list[list[str]] = []  # paragraphs stand in text boxes of paragraphs
        self._items: list[bool] = []
        self._style = ""
        self._font = ""
        self._caps = False
        self._hidden = 0
        self._in_text = False
        self._tables: list[list[int]] = []  # number of the table, of its row
        self._tables_seen = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._hidden or name in _HIDDEN:
            self._hidden += 1
        elif name == "p":
            self._stack.append([])
            self._items.append(False)
            self._style = ""
        elif name == "tbl":
            self._tables_seen += 1
            self._tables.append([self._tables_seen, 0])
        elif name == "tr" and self._tables:
            self._tables[-1][1] += 1
        elif name == "t":
            self._in_text = True
        elif name in _SIGNS and self._stack:
            self._stack[-1].append(_SIGNS[name])
        else:
            self._property(name, attributes)

    def _property(self, name: str, attributes: dict[str, str]) -> None:
        if name == "pStyle":
            self._style = attributes.get("val", "")
        elif name == "numPr" and self._items:
            self._items[-1] = True
        elif name == "r":
            self._font, self._caps = "", False
        elif name == "rFonts":
            self._font = attributes.get("ascii", "") or attributes.get("hAnsi", "")

    def end(self, name: str) -> None:
        if self._hidden:
            self._hidden -= 1
        elif name == "t":
            self._in_text = False
        elif name == "tbl" and self._tables:
            self._tables.pop()
        elif name == "p" and self._stack:
            self._finish("".join(self._stack.pop()), self._items.pop())

    def text(self, data: str) -> None:
        if not self._in_text or self._hidden or not self._stack:
            return
        font = self._font or self._styles.font(self._style)
        if code := of_font(font):
            self.legacy = code
            data = convert(data, code, capitals=font.lower().rstrip().endswith("h"))
        self._stack[-1].append(data)

    def _finish(self, text: str, item: bool) -> None:
        row = "-".join(map(str, self._tables[-1])) if self._tables else ""
        for line in unicodedata.normalize("NFC", text).split("\n"):
            if line.strip():
                self.paragraphs.append(Paragraph(line.strip(), item, row))

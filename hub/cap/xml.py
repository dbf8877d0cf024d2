"""XML from strangers: a plain tree of bounded size, without document types, entities or anything that is fetched."""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_ELEMENTS = 20_000

Sink = Callable[["Element", int], bool]
"""Given an element that has ended, and how many elements it stands in: whether it is done with, and not kept."""


class XmlError(Exception):
    """Not readable, or refused. `code`: the end of a key in hub/text; `params` fill its sentence."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(slots=True)
class Element:
    """An element: namespace, name, text without what stands around it, attributes (plain names only), children."""

    space: str
    name: str
    line: int
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str, space: str | None = None) -> list["Element"]:
        """The children of this name; of any namespace where none is given."""
        return [c for c in self.children if c.name == name and space in (None, c.space)]

    def first(self, name: str, space: str | None = None) -> "Element | None":
        """The first of them."""
        return next(iter(self.all(name, space)), None)


class _Builder:
    """Takes what expat finds. Anything with which a small file could become large ends the parse."""

    def __init__(self, sink: Sink | None) -> None:
        self.root: Element | None = None
        self._sink = sink
        self._open: list[tuple[Element, list[str]]] = []
        self._count = 0
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse_reference
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            raise XmlError("deep", limit=MAX_DEPTH)
        if self._count > MAX_ELEMENTS:
            raise XmlError("many", limit=MAX_ELEMENTS)
        space, _, name = tag.rpartition(" ")
        plain = {key: value for key, value in attributes.items() if " " not in key}
        element = Element(space, name, self.parser.CurrentLineNumber, attributes=plain)
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self.root = element
        self._open.append((element, []))

    def _end(self, _: str) -> None:
        element, texts = self._open.pop()
        element.text = "".join(texts).strip()
        if self._open and self._sink is not None and self._sink(element, len(self._open)):
            self._open[-1][0].children.pop()
            self._count -= _size(element)

    def _text(self, data: str) -> None:
        if self._open:
            self._open[-1][1].append(data)

    def _refuse(self, *_: object) -> None:
        raise XmlError("doctype")

    def _refuse_reference(self, *_: object) -> int:
        raise XmlError("doctype")


def parse(data: bytes, limit: int = MAX_BYTES, sink: Sink | None = None) -> Element:
    """The root of a document in UTF-8, UTF-16 or an 8-bit encoding that it declares. Raises XmlError.

    `limit`: bytes; `sink`: takes elements as they end, so that a long list need not be held whole.
    """
    if len(data) > limit:
        raise XmlError("large", limit=limit // 1000)
    if not data.strip():
        raise XmlError("empty")
    builder = _Builder(sink)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError("xml", line=error.lineno, why=expat.ErrorString(error.code)) from error
    except (LookupError, ValueError, UnicodeError) as error:  # an encoding that Python does not know, or not as bytes
        raise XmlError("encoding") from error
    if builder.root is None:
        raise XmlError("empty")
    return builder.root


def _size(element: Element) -> int:
    return 1 + sum(_size(child) for child in element.children)

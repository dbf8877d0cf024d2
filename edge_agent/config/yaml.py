"""YAML with line numbers: every value remembers where it stood, and a key that stands twice is told.

Scalars follow YAML 1.2's core schema: `on` and `off` are words, `18:00` is text, only true/false are truth values.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from tts.yaml_core import compose, scalar

Path = tuple[str | int, ...]
_MAX_DEPTH = 40
_MAX_VALUES = 50_000
"""Aliases can make few lines mean billions of values."""


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column in the file, from 1."""

    line: int
    column: int


@dataclass
class Document:
    """The data, where each key stands, and the keys that stood twice (path, place, line of the first)."""

    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    twice: list[tuple[Path, Place, int]] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Where a path stands; for one that is missing, where its nearest parent stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))


class YamlFault(Exception):
    """The text is no YAML that we read. `code` and `params` are a sentence of the catalogue, without any value."""

    def __init__(self, code: str, place: Place, **params: str | int) -> None:
        super().__init__(f"line {place.line}, column {place.column}: {code}")
        self.code = code
        self.place = place
        self.params = params


_CODES = (
    (r"'\\t'", "config.yaml_tab"),
    (r"alias|anchor|\btag\b|tag handle", "config.yaml_mark"),
    (r"quoted scalar.*(end of stream|document separator)", "config.yaml_quote"),
    (r"expected ',' or|flow (mapping|sequence)", "config.yaml_bracket"),
    (r"single document", "config.yaml_one"),
    (r"cannot start any token|not allowed: special|escape character", "config.yaml_character"),
    (r"block end|mapping values|expected ':'|indent|block entry|block sequence entries", "config.yaml_indent"),
)
"""What PyYAML says -> our sentence. Its own words may quote a value of the file, which may be a secret."""


def read(text: str) -> Document:
    """Read one YAML document. Raises YamlFault with the place."""
    document = Document()
    try:
        root = compose(text)
        document.data = _build(root, (), document) if root is not None else None
    except yaml.MarkedYAMLError as error:
        raise _fault(error) from error
    except yaml.reader.ReaderError as error:
        raise YamlFault("config.yaml_character", _position(text, error.position)) from error
    except RecursionError as error:
        raise YamlFault("config.yaml_deep", Place(1, 1)) from error
    return document


def _fault(error: yaml.MarkedYAMLError) -> YamlFault:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    code = code_of(f"{error.context or ''} {error.problem or ''}")
    if code is not None:
        return YamlFault(code, place)
    return YamlFault("config.yaml", place, detail=re.sub(r"'.*'|\".*\"", "…", str(error.problem or "")))


def code_of(said: str) -> str | None:
    """Return the code for what PyYAML says of a mistake, None where we have no words for it."""
    return next((code for pattern, code in _CODES if re.search(pattern, said)), None)


def _position(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _build(node: yaml.Node, path: Path, document: Document) -> Any:
    if len(path) > _MAX_DEPTH:
        raise YamlFault("config.yaml_deep", _place(node))
    if len(document.places) >= _MAX_VALUES:
        raise YamlFault("config.yaml_many", _place(node), limit=_MAX_VALUES)
    document.places.setdefault(path, _place(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, place), document) for place, item in enumerate(node.value)]
    try:
        return scalar(node)
    except ValueError as error:
        raise YamlFault("config.yaml_mark", _place(node)) from error


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            raise YamlFault("config.yaml_key", _place(key_node))
        inner = (*path, key)
        if key in result:
            document.twice.append((inner, _place(key_node), document.places[inner].line))
            continue
        document.places[inner] = _place(key_node)
        result[key] = _build(value_node, inner, document)
    return result

"""YAML with line numbers: every value remembers where it stood, and a key that stands twice is told.

Scalars follow YAML 1.2's core schema: `on` and `off` are words, `18:00` is text, only true/false are truth values.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
_MAX_DEPTH = 40


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
    """The text is no YAML that we read."""

    def __init__(self, what: str, place: Place) -> None:
        super().__init__(what)
        self.place = place


class _Loader(yaml.SafeLoader):
    """Scalars by YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def read(text: str) -> Document:
    """Read one YAML document. Raises YamlFault with the place."""
    loader = _Loader(text)
    document = Document()
    try:
        root = loader.get_single_node()
        document.data = _build(loader, root, (), document) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        raise YamlFault(str(error.problem or error), place) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlFault(str(error) or "nested too deeply", Place(1, 1)) from error
    finally:
        loader.dispose()
    return document


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _build(loader: _Loader, node: yaml.Node, path: Path, document: Document) -> Any:
    if len(path) > _MAX_DEPTH:
        raise YamlFault("nested too deeply", _place(node))
    document.places.setdefault(path, _place(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*path, place), document) for place, item in enumerate(node.value)]
    return loader.construct_object(node)


def _mapping(loader: _Loader, node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            raise YamlFault("a key must be a word", _place(key_node))
        inner = (*path, key)
        if key in result:
            document.twice.append((inner, _place(key_node), document.places[inner].line))
            continue
        document.places[inner] = _place(key_node)
        result[key] = _build(loader, value_node, inner, document)
    return result

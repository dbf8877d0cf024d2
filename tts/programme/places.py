"""YAML whose values remember where they stood. Scalars by YAML 1.2: `no` and `on` are words, `7:30` is text."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from tts.yaml_core import compose, scalar

Path = tuple[str | int, ...]
Place = tuple[int, int]
_MOST_VALUES = 20_000  # aliases can make few lines mean billions of values
_MOST_DEPTH = 20


@dataclass
class Document:
    """The data, the place (line and column, from 1) of each path, and the keys that stand twice."""

    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    twice: list[Path] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Return where a path stands; of one that is missing, where its nearest parent does."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


class YamlFault(Exception):
    """The text is no YAML that we read: a sentence, and where. `said` is all that the library says of it."""

    def __init__(self, detail: str, place: Place, said: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.place = place
        self.said = said


def read(text: str) -> Document:
    """Read one YAML document.

    Raises:
        YamlFault: bad syntax, unknown tags, or too many values.
    """
    document = Document()
    try:
        root = compose(text)
        document.data = _build(root, (), document) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlFault(str(error.problem), place, f"{error.context or ''} {error.problem or ''}") from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        raise YamlFault("a character that is not allowed", (before.count("\n") + 1, 1)) from error
    except RecursionError as error:
        raise YamlFault("nested too deeply", (1, 1)) from error
    return document


def _build(node: yaml.Node, path: Path, document: Document) -> Any:
    place = (node.start_mark.line + 1, node.start_mark.column + 1)
    if len(path) > _MOST_DEPTH or len(document.places) > _MOST_VALUES:
        raise YamlFault("too many values, or nested too deeply", place)
    document.places.setdefault(path, place)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, number), document) for number, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        try:
            return scalar(node)
        except ValueError as error:
            raise YamlFault(f"the mark {node.tag} is not used here; put the text in quotes", place) from error
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlFault("a key must be a word", place)
        inner = (*path, key_node.value)
        if key_node.value in result:
            document.twice.append(inner)
        document.places[inner] = place
        result[key_node.value] = _build(value_node, inner, document)
    return result

"""YAML 1.2's core schema on PyYAML's parser: `no` and `on` are words, `7:30` is text, `012` is twelve."""

import re
from collections.abc import Callable
from typing import Any

import yaml


class CoreLoader(yaml.SafeLoader):
    """Resolves plain scalars by the core schema; builds nothing by itself, see `scalar`."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))

_SCALARS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,  # 012 is twelve here, not an octal number
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:null": lambda _text: None,
}


def compose(text: str) -> yaml.Node | None:
    """The tree of the one document in a text. Raises yaml.YAMLError, RecursionError."""
    loader = CoreLoader(text)
    try:
        root: yaml.Node | None = loader.get_single_node()
        return root
    finally:
        loader.dispose()


def scalar(node: yaml.Node) -> Any:
    """The value of a scalar. Raises ValueError for a tag that somebody wrote, such as !vault or !!int x."""
    build = _SCALARS.get(node.tag)
    if build is None:
        raise ValueError(f"the mark {node.tag} is not used here")
    return build(node.value)

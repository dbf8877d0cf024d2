"""Reads the map of a device: a shipped one by its name, or a file of the installer's own."""

import difflib
from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from drivers.modbus.points import DeviceMap, Identity, Point

SHIPPED = Path(__file__).parent / "maps"
_MOST_BYTES = 200_000
_KEYS = sorted({*DeviceMap.model_fields, *Point.model_fields, *Identity.model_fields, "register"} - {"register_"})


class _Loader(yaml.SafeLoader):
    """Takes `on` and `off` for words, and refuses a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.MarkedYAMLError(problem=f"line {line}: {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def shipped() -> list[str]:
    """Names of the maps that come with the driver, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load(name: str) -> DeviceMap:
    """Read a map: the name of a shipped one, or the absolute path of a file.

    Raises ValueError that lists all mistakes, each with its place.
    """
    path = Path(name)
    if not path.is_absolute():
        if name not in shipped():
            raise ValueError(_unknown(name))
        path = SHIPPED / f"{name}.yaml"
    try:
        found = path.stat()
    except OSError as error:
        raise ValueError(f"the map {path} cannot be read: {error.strerror or error}") from error
    return _kept(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=64)
def _kept(path: Path, _mtime_ns: int, _size: int) -> DeviceMap:
    """A file is read again only when it has changed: YAML is slow, and many devices are of one kind."""
    return _checked(path.name, _read(path))


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"the map {path} cannot be read: {error.strerror or error}") from error
    if len(data) > _MOST_BYTES:
        raise ValueError(f"the map {path} is larger than {_MOST_BYTES} bytes: is it a map?")
    try:
        return yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"the map {path} is not YAML: {_one_line(error)}") from error


def _checked(name: str, data: Any) -> DeviceMap:
    try:
        return DeviceMap.model_validate(data)
    except ValidationError as error:
        found = [_sentence(entry) for entry in error.errors(include_url=False, include_input=False)]
        raise ValueError(f"the map {name}: " + "; ".join(found)) from error


def _sentence(entry: Any) -> str:
    place = ".".join(str(part) for part in entry["loc"]) or "it"
    if entry["type"] != "extra_forbidden":
        return f"{place}: {entry['msg'].removeprefix('Value error, ')}"
    close = difflib.get_close_matches(str(entry["loc"][-1]), _KEYS, n=1)
    return f"{place}: there is no such key" + (f"; did you mean {close[0]!r}?" if close else "")


def _unknown(name: str) -> str:
    known = shipped()
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"shipped are {', '.join(known)}"
    return f"there is no map {name!r}; {hint}; a map of your own is given by its whole path, from / on"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]

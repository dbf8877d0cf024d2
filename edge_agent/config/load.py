"""Read and check a node's configuration: all mistakes at once, each with its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from edge_agent.config.cross import cross_check
from edge_agent.config.model import NodeConfig
from edge_agent.config.problems import ConfigProblem, guess, translate
from edge_agent.config.yaml import Document, Place, YamlFault, read

_MAX_BYTES = 1_000_000
_SECRETS = ("password", "token")


@dataclass
class Loaded:
    """The configuration, if it is usable, what is wrong with it, and what is worth a second look."""

    config: NodeConfig | None = None
    problems: list[ConfigProblem] = field(default_factory=list)
    notes: list[ConfigProblem] = field(default_factory=list)


def load(path: Path) -> Loaded:
    """Read a file and check everything that can be checked without touching hardware."""
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)  # whatever the name leads to, no more than this
        if len(raw) > _MAX_BYTES:
            return Loaded(problems=[ConfigProblem(name, Place(1, 1), "", "config.too_big", {"limit": _MAX_BYTES})])
        document = read(raw.decode("utf-8-sig"))
    except OSError as error:
        return Loaded(problems=[_whole(name, "config.unreadable", error.strerror or str(error))])
    except UnicodeDecodeError as error:
        return Loaded(problems=[_whole(name, "config.not_utf8", str(error.reason))])
    except YamlFault as fault:
        return Loaded(problems=[ConfigProblem(name, fault.place, "", fault.code, fault.params)])
    return _check(name, document)


def _check(name: str, document: Document) -> Loaded:
    loaded = Loaded()
    for path, place, first in document.twice:
        loaded.problems.append(ConfigProblem(name, place, dotted(path), "config.twice", {"first": first}))
    if not isinstance(document.data, Mapping):
        loaded.problems.append(_whole(name, "config.not_mapping", ""))
        return loaded
    try:
        context = {"folder": Path(name).absolute().parent}
        loaded.config = NodeConfig.model_validate(document.data, context=context)
    except ValidationError as error:
        loaded.problems += problems_of(error, name, document, (), NodeConfig)
    for finding in cross_check(document.data):
        if finding.error is not None and finding.model is not None:
            loaded.problems += problems_of(finding.error, name, document, finding.path, finding.model)
            continue
        place = document.place(finding.path)
        told = ConfigProblem(name, place, dotted(finding.path), finding.code, finding.params, finding.meant)
        (loaded.notes if finding.note else loaded.problems).append(told)
    for found in (loaded.problems, loaded.notes):
        found.sort(key=lambda problem: (problem.place.line, problem.place.column))
    if loaded.problems:
        loaded.config = None
    return loaded


def problems_of(
    error: ValidationError, name: str, document: Document, prefix: tuple[str | int, ...], model: type[BaseModel]
) -> list[ConfigProblem]:
    """Pydantic's findings as problems with places and guesses."""
    problems = []
    for each in _told(error.errors(include_url=False, include_input=False)):
        location = _real_location(each["loc"], document.data, prefix)
        if "discriminator" in each.get("ctx", {}):
            location = (*location, each["ctx"]["discriminator"].strip("'"))
        code, params = translate(each)
        key = str(location[-1]) if location else ""
        params.setdefault("key", _key(_shown(location)))
        meant = ""
        if code == "config.unknown_key":
            meant = guess(key, _siblings(model, tuple(each["loc"][:-1])))
        elif code == "config.choice":
            meant = _guess_choice(document.data, location, str(params["expected"]))
        problems.append(ConfigProblem(name, document.place(location), dotted(location), code, params, meant))
    return problems


def _told(errors: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Without "too short" of a list whose entries are only wrong: pydantic does not count those."""
    for each in errors:
        place = tuple(each["loc"])
        inside = (other for other in errors if len(other["loc"]) > len(place) and other["loc"][: len(place)] == place)
        if each["type"] != "too_short" or not any(inside):
            yield each


def _real_location(location: tuple[str | int, ...], data: Any, prefix: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Pydantic puts the tag of a union into a location; the file does not have it."""
    real: list[str | int] = list(prefix)
    here = data
    for part in prefix:
        here = here[part]
    for place, part in enumerate(location):
        if _has(here, part):
            here = here[part]
        elif place != len(location) - 1:
            continue
        real.append(part)
    return tuple(real)


def _has(here: Any, part: str | int) -> bool:
    if isinstance(here, Mapping):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def _siblings(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """The keys that are known where an unknown one stood."""
    here: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        info = getattr(here, "model_fields", {}).get(part)
        here = _inner_model(info.annotation if info else None)
        if here is None:
            return []
    return [info.alias or name for name, info in here.model_fields.items()]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _key(path: tuple[str | int, ...]) -> str:
    """What a sentence calls a place: the last key, with the numbers that follow it."""
    keys = [place for place, part in enumerate(path) if isinstance(part, str)]
    return dotted(path[keys[-1] :]) if keys else ""


def _guess_choice(data: Any, location: tuple[str | int, ...], expected: str) -> str:
    here = data
    for part in location:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return ""
    known = [word.strip(" '\"") for word in expected.replace(" or ", ",").split(",")]
    return guess(here, known) if isinstance(here, str) else ""


def _shown(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path as it may be shown: somebody may have written the secret itself where `file:` belongs."""
    hidden = False
    shown: list[str | int] = []
    for part in path:
        shown.append("…" if hidden and part not in ("file", "env") else part)
        hidden = hidden or part in _SECRETS
    return tuple(shown)


def dotted(path: tuple[str | int, ...]) -> str:
    """`lights[0].line`."""
    text = ""
    for part in _shown(path):
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def _whole(name: str, code: str, detail: str) -> ConfigProblem:
    return ConfigProblem(name, Place(1, 1), "", code, {"detail": detail})

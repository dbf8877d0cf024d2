"""What a check of the whole file finds, and how checks look at raw data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """A mistake at a path; either a code of ours, or what a driver's own model says."""

    path: Path
    code: str = ""
    params: dict[str, str | int | float] = field(default_factory=dict)
    meant: str = ""
    error: ValidationError | None = None
    model: type[BaseModel] | None = None
    note: bool = False
    """It may be meant so: told, and no mistake."""


def entries(data: Mapping[str, Any], section: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The entries of a section that are mappings at all, with their places."""
    found = data.get(section)
    if isinstance(found, list):
        for place, entry in enumerate(found):
            if isinstance(entry, Mapping):
                yield place, entry


def listed(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(names) or "-"

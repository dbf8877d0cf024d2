"""What an archive of programs says about itself, and whether it is for this node."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.contract.errors import Refusal

VERSION_PATTERN = r"^\d{1,6}(\.\d{1,6}){1,3}$"
MOST_BYTES = 2_000_000_000
"""Of an archive, and of what is in it."""


class Custom(BaseModel):
    """The signed words beside an archive."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str = Field(pattern=VERSION_PATTERN)
    arch: str = Field(min_length=1, max_length=40, description="As `uname -m` names it, or any")
    python: str = Field(pattern=r"^3\.\d{1,2}$")
    board: tuple[str, ...] = Field(default=(), max_length=20, description="Beginnings of models; empty: every board")
    unpacked: int = Field(ge=1, le=MOST_BYTES, description="Bytes of all files")
    files: int = Field(ge=1, le=200_000, description="Files, folders and links at most")


@dataclass(frozen=True, slots=True)
class Bundle:
    """One archive as the signed list has it."""

    name: str
    length: int
    sha256: str
    custom: Custom

    @classmethod
    def of(cls, name: str, length: int, hashes: dict[str, str], custom: Any) -> "Bundle":
        """Read one entry of the list. Raises Refusal `update.damaged`."""
        sha256 = hashes.get("sha256", "")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,150}", name) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise Refusal("update.damaged", detail=f"target {name[:60]!r}")
        if not 0 < length <= MOST_BYTES:
            raise Refusal("update.damaged", detail=f"{name}: {length} bytes")
        try:
            return cls(name, length, sha256, Custom.model_validate(custom or {}))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise Refusal("update.damaged", detail=f"{name}: {first['loc']} {first['msg']}") from error


@dataclass(frozen=True, slots=True)
class Here:
    """What an archive must fit to: this computer, and the version that runs on it."""

    version: str
    arch: str
    python: str
    board: str


def numbers(version: str) -> tuple[int, ...]:
    """A version to compare by; 0.2 and 0.2.0 are the same."""
    parts = [int(part) for part in version.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def must_fit(bundle: Bundle, here: Here) -> None:
    """Refuse what is not for this node: `update.wrong_arch`, `update.wrong_python`, `update.wrong_board`,
    `update.old`.
    """
    custom = bundle.custom
    if custom.arch not in ("any", here.arch):
        raise Refusal("update.wrong_arch", given=custom.arch, here=here.arch)
    if custom.board and not any(here.board.startswith(model) for model in custom.board):
        raise Refusal("update.wrong_board", given=", ".join(custom.board), here=here.board or "-")
    if custom.python != here.python:
        raise Refusal("update.wrong_python", given=custom.python, here=here.python)
    if numbers(custom.version) <= numbers(here.version):
        raise Refusal("update.old", given=custom.version, here=here.version)


def choose(bundles: list[Bundle], here: Here, version: str | None) -> Bundle:
    """The archive of a version for this node, or the newest of all that fit.

    Raises Refusal `update.unknown_version`, `update.none`, and as `must_fit` when the version is there for others only.
    """
    wanted = [one for one in bundles if version is None or one.custom.version == version]
    if not wanted and version is not None:
        raise Refusal("update.unknown_version", version=version)
    why: Refusal | None = None
    for bundle in sorted(wanted, key=lambda one: numbers(one.custom.version), reverse=True):
        try:
            must_fit(bundle, here)
            return bundle
        except Refusal as refusal:
            why = why or refusal
    if version is not None and why is not None:
        raise why
    raise Refusal("update.none", here=here.version)

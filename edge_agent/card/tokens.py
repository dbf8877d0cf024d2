"""Tokens beside a sheet: what `edge-hub enrol token --json` printed, for one node or for many."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_agent.card.checked import ENROLMENT
from edge_agent.card.faults import CardFault, SheetFault, SheetProblem
from edge_agent.card.sheet import MOST_BYTES, Row


def with_tokens(rows: Sequence[Row], path: Path) -> list[Row]:
    """Rows with the tokens of their names; what stands in the sheet itself counts more.

    Raises:
        CardFault: the file cannot be read, or holds something else.
        SheetFault: a token is for a node of another commune.
    """
    tokens = _read(path)
    problems = [
        SheetProblem(row.number, "commune", "card.token_commune", {"theirs": theirs})
        for row in rows
        if (theirs := tokens.get(row.cells.get("name", ""), _NONE).commune) not in ("", row.cells.get("commune"))
    ]
    if problems:
        raise SheetFault(problems)
    return [replace(row, cells={**tokens.get(row.cells.get("name", ""), _NONE).cells, **row.cells}) for row in rows]


@dataclass(frozen=True, slots=True)
class _Token:
    name: str
    commune: str
    cells: Mapping[str, str]


_NONE = _Token("", "", {})


def _read(path: Path) -> dict[str, _Token]:
    try:
        with path.open("rb") as file:
            return {token.name: token for token in _items(file.read(MOST_BYTES).decode("utf-8-sig"))}
    except OSError as error:
        raise CardFault("card.sheet_unreadable", file=str(path), detail=error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise CardFault("card.tokens_broken", file=str(path), detail=str(error)[:200]) from error


def _items(text: str) -> Iterator[_Token]:
    """A line a node as the hub prints them, or a list, or one object."""
    try:
        data = json.loads(text)
    except ValueError:
        data = [json.loads(line) for line in text.splitlines() if line.strip()]
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict) or not item.get("name"):
            raise ValueError("no name")
        yield _Token(str(item["name"]), str(item.get("commune", "")), _cells(item))


def _cells(item: Mapping[str, Any]) -> dict[str, str]:
    held = item["card"] if isinstance(item.get("card"), dict) else item
    return {column: str(held[column]) for column in ENROLMENT if held.get(column)}

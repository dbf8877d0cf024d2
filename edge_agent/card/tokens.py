"""Tokens beside a sheet: what `edge-hub enrol token --json` printed, for one node or for many."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent.card.checked import ENROLMENT
from edge_agent.card.faults import CardFault
from edge_agent.card.sheet import MOST_BYTES, Row


def with_tokens(rows: Sequence[Row], path: Path) -> list[Row]:
    """Rows with the tokens of their names; what stands in the sheet itself counts more. Raises CardFault."""
    tokens = _read(path)
    return [replace(row, cells={**tokens.get(row.cells.get("name", ""), {}), **row.cells}) for row in rows]


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open("rb") as file:
            items = list(_items(file.read(MOST_BYTES).decode("utf-8-sig")))
    except OSError as error:
        raise CardFault("card.sheet_unreadable", file=str(path), detail=error.strerror or str(error)) from error
    except ValueError as error:
        raise CardFault("card.tokens_broken", file=str(path), detail=str(error)[:200]) from error
    return {name: cells for name, cells in items if name}


def _items(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """One document, a list of them, or one a line as a loop over nodes prints them."""
    try:
        data = json.loads(text)
    except ValueError:
        data = [json.loads(line) for line in text.splitlines() if line.strip()]
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict):
            raise ValueError("no object")
        yield str(item.get("name", "")), _cells(item)


def _cells(item: Mapping[str, Any]) -> dict[str, str]:
    held = item["card"] if isinstance(item.get("card"), dict) else item
    return {column: str(held[column]) for column in ENROLMENT if held.get(column)}

"""Reads a sheet of nodes: CSV as spreadsheets save it, or JSON as the hub lists its nodes."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.card.columns import COLUMNS, REQUIRED, column_of
from edge_agent.card.faults import CardFault, SheetFault, SheetProblem
from edge_agent.config.problems import guess

MOST_BYTES = 4_000_000
MOST_ROWS = 10_000
MOST_CELL = 20_000
"""Characters; a cell may hold several SSH keys."""
_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
_DELIMITERS = ";,\t"


@dataclass(frozen=True, slots=True)
class Row:
    """One node: its number in the spreadsheet (the head is 1) and its cells, without those that are empty."""

    number: int
    cells: Mapping[str, str]


@dataclass
class Sheet:
    """What stands in a sheet, and the heads that mean nothing to us."""

    rows: list[Row] = field(default_factory=list)
    strange: list[tuple[str, str]] = field(default_factory=list)
    """Head, and the column that was probably meant or nothing."""


def read(path: Path) -> Sheet:
    """Read a sheet.

    Raises:
        CardFault: it cannot be read at all: no such file, too large, no text, an Excel workbook.
        SheetFault: columns are missing or stand twice, or it holds no node.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CardFault("card.sheet_unreadable", file=str(path), detail=error.strerror or str(error)) from error
    return parse(raw, str(path))


def parse(raw: bytes, name: str = "sheet") -> Sheet:
    """`read` of bytes; `name` stands in what it raises."""
    if len(raw) > MOST_BYTES:
        raise CardFault("card.sheet_too_big", file=name, limit=MOST_BYTES // 1_000_000)
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CardFault("card.sheet_workbook", file=name)
    text = unicodedata.normalize("NFC", _decoded(raw, name))
    if text.lstrip()[:1] in ("[", "{"):
        return _of_json(text, name)
    return _of_csv(text, name)


def _decoded(raw: bytes, name: str) -> str:
    encoding = next((encoding for mark, encoding in _BOMS if raw.startswith(mark)), None)
    if encoding is None and b"\0" in raw[:200]:  # UTF-16 whose mark was lost
        encoding = "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    try:
        text = raw.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        raise CardFault("card.sheet_encoding", file=name) from error
    if "\0" in text:
        raise CardFault("card.sheet_encoding", file=name)
    return text


def _of_csv(text: str, name: str) -> Sheet:
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower().startswith("sep="):
        skipped, text = 1, rest  # Excel's own hint, which stands in its first row
    delimiter = max(_DELIMITERS, key=lambda mark: _known(_heads(text, mark)))
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise CardFault("card.sheet_broken", file=name, detail=str(error)) from error
    return _sheet(records, skipped + 1)


def _heads(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _known(heads: Iterable[str]) -> int:
    return sum(column_of(head) is not None for head in heads)


def _sheet(records: list[list[str]], head_row: int) -> Sheet:
    heads = [head.strip() for head in records[0]] if records else []
    columns = [column_of(head) for head in heads]
    known = [column for column in columns if column]
    problems = [
        SheetProblem(head_row, column, "card.column_missing", {"column": column})
        for column in REQUIRED
        if column not in known
    ]
    twice = sorted({column for column in known if known.count(column) > 1})
    problems += [SheetProblem(head_row, column, "card.column_twice", {"column": column}) for column in twice]
    if problems:
        raise SheetFault(problems)
    strange = [(head, guess(head, COLUMNS)) for head, column in zip(heads, columns, strict=True) if head and not column]
    sheet = Sheet(strange=strange)
    for number, record in enumerate(records[1:], head_row + 1):
        _take(sheet, problems, number, columns, record)
    if not sheet.rows and not problems:
        problems.append(SheetProblem(head_row, "name", "card.sheet_empty"))
    if problems:
        raise SheetFault(problems)
    return sheet


def _take(
    sheet: Sheet, problems: list[SheetProblem], number: int, columns: list[str | None], record: list[str]
) -> None:
    if not any(cell.strip() for cell in record):
        return
    if any(cell.strip() for cell in record[len(columns) :]):
        problems.append(SheetProblem(number, "-", "card.row_long", {"cells": len(record), "columns": len(columns)}))
        return
    cells = {column: cell.strip() for column, cell in zip(columns, record, strict=False) if column and cell.strip()}
    for column, cell in cells.items():
        if len(cell) > MOST_CELL:
            problems.append(SheetProblem(number, column, "card.cell_long", {"limit": MOST_CELL}))
    if len(sheet.rows) >= MOST_ROWS:
        raise SheetFault([SheetProblem(number, "-", "card.sheet_long", {"limit": MOST_ROWS})])
    sheet.rows.append(Row(number, cells))


def _of_json(text: str, name: str) -> Sheet:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CardFault("card.sheet_broken", file=name, detail=str(error)[:200]) from error
    items = data.get("items", data.get("nodes", [data])) if isinstance(data, dict) else data
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CardFault("card.sheet_json", file=name)
    flat = [_flat(item) for item in items]
    heads = list(dict.fromkeys(head for item in flat for head in item))
    return _sheet([heads, *([item.get(head, "") for head in heads] for item in flat)], 1)


def _flat(item: Mapping[str, Any]) -> dict[str, str]:
    """The hub's node as cells: its `node` is commune and name, its `name` our title, its position two columns."""
    cells = dict(item)
    if "node" in cells:
        commune, slash, name = str(cells.pop("node")).rpartition("/")
        cells["title"] = cells.get("title") or cells.get("name")
        cells["name"] = name
        if slash:
            cells["commune"] = commune
    about = cells.pop("about", None)
    position = cells.pop("position", None) or (about.get("position") if isinstance(about, Mapping) else None)
    if isinstance(position, Mapping):
        cells |= {key: position.get(key) for key in ("latitude", "longitude")}
    return {key: _cell(value) for key, value in cells.items() if column_of(key)}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int | float) else ""

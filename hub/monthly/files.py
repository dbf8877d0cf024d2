"""A month's tables as CSV and JSON: fixed names of columns, instants in ISO 8601 and UTC, empty where nobody knows."""

import csv
import io
from collections.abc import Iterable

from hub.monthly.sums import Cell, Table

BOM = "\ufeff"
"""By this mark Excel sees that the file is UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(table: Table) -> str:
    """One table (RFC 4180)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return BOM + buffer.getvalue()


def as_json(month: str, tables: Iterable[Table]) -> dict[str, object]:
    """All tables; null where nobody knows."""
    rows = {table.kind: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in tables}
    return {"month": month, **rows}


def _cell(value: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula is marked as text: names come from people and from nodes."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

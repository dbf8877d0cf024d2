"""A month's tables in a person's words, the same on the page and on paper."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.contract.sentences import Language
from hub import times
from hub.language import catalogue, translator
from hub.meanings import meaning
from hub.monthly.sums import Cell, Table
from hub.sentences import number

_NUMBERS = ("kwh_", "hours", "litres", "count", "done", "open", "absences", "percent")
_HIDDEN = ("address",)
Names = Callable[[str, str], str]
"""What a thing of a node (address, `kind/id`) is called."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table to read. `rights`: which columns hold numbers. `note`: how it was counted, or what was left out."""

    kind: str
    title: str
    note: str
    heads: tuple[str, ...]
    rights: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    left: str
    none: str


class Wording:
    """Words tables in one language; instants in local time of one zone."""

    def __init__(self, language: Language, zone: ZoneInfo, names: Names, many: bool) -> None:
        """`many`: there are several communes, so that areas are told apart by theirs."""
        self._language: Language = language
        self._zone = zone
        self._names = names
        self._many = many
        self._t = translator(language)

    def table(self, table: Table) -> Shown:
        """A table with its title and heads."""
        t, hidden = self._t, (*_HIDDEN, *(() if self._many else ("commune",)))
        kept = [place for place, column in enumerate(table.columns) if column not in hidden]
        kept = [place for place in kept if not self._is_empty(table, place)]
        columns = [table.columns[place] for place in kept]
        rows = []
        for row in table.rows:
            of = dict(zip(table.columns, row, strict=True))
            rows.append(tuple(self._cell(table.columns[place], row[place], of) for place in kept))
        return Shown(
            kind=table.kind,
            title=t(f"monthly.{table.kind}"),
            note=t(f"monthly.{table.kind}_note"),
            heads=tuple(t(f"monthly.column_{column}") for column in columns),
            rights=tuple(column.startswith(_NUMBERS) for column in columns),
            rows=tuple(rows),
            left=t("monthly.left", count=table.left) if table.left else "",
            none=t("monthly.none"),
        )

    def _is_empty(self, table: Table, place: int) -> bool:
        """A column of energy or litres that no row has."""
        column = table.columns[place]
        return column.startswith(("kwh_", "litres")) and all(row[place] is None for row in table.rows)

    def _cell(self, column: str, value: Cell, row: Mapping[str, Cell]) -> str:
        address, text = str(row.get("address") or ""), str(value or "").strip()
        match column:
            case "node":
                return text or address.partition("/")[2]
            case "area":
                return text or self._t("monthly.no_area")
            case "thing" | "camera":
                return self._names(address, text if column == "thing" else f"camera/{text}")
            case "fault" | "act":
                return self._coded(column, text)
            case "since" | "until":
                return self._instant(text) if text else self._t("monthly.still")
            case _:
                return self._number(column, value)

    def _number(self, column: str, value: Cell) -> str:
        if value is None:
            return self._t("monthly.unknown")
        if isinstance(value, str):
            return value
        return f"{self._digits(value)} %" if column == "percent" else self._digits(value)

    def _coded(self, column: str, code: str) -> str:
        key = f"monthly.{column}_{code.rpartition('.')[2] if column == 'act' else code}"
        return catalogue(self._language).get(key) or meaning(code, self._language) or code

    def _instant(self, value: str) -> str:
        return times.dated(datetime.fromisoformat(value), self._zone, self._language)

    def _digits(self, value: float) -> str:
        text = number(value)
        return text.replace(".", ",") if self._language == "vi" else text

"""The log as CSV and JSON, row by row: a long month takes no more memory than a short one."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from edge_agent.contract.airings import Airing
from edge_agent.contract.base import iso
from hub.aired.rows import INSTANCES, Row, started_at

COLUMNS = (
    *("date", "time", "planned", "started", "commune", "node", "node_name", "speaker", "id", "title", "class"),
    *("authority", "state", "seconds", "volume_percent", "start_error_ms", "uncertainty_ms", "heard", "heard_score"),
    *("instances", "repetitions", "interruptions", "by", "approved_by", "code", "reason", "voice", "output", "sha256"),
)
"""Names of the columns, fixed: programs read them. `date` and `time` are local; other instants are ISO 8601, UTC."""
BOM = "\ufeff"
"""By this mark Excel sees that the file is UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def record(row: Row, zone: ZoneInfo, names: Mapping[str, str]) -> dict[str, object]:
    """A row as plain values, by `COLUMNS`; None where nothing is known."""
    airing, there = row.airing, row.at.astimezone(zone)
    commune, _, node = row.address.partition("/")
    plain = airing.model_dump(by_alias=True, include=_SAME)
    return {
        **dict.fromkeys(COLUMNS),
        **plain,
        "date": f"{there:%Y-%m-%d}",
        "time": f"{there:%H:%M:%S}",
        "planned": iso(airing.planned) if airing.planned else None,
        "started": _started(airing),
        "commune": commune,
        "node": node,
        "node_name": names.get(row.address, node),
        "volume_percent": airing.volume,
        "instances": airing.params.get(INSTANCES, 1),
        "heard": row.heard,
        "heard_score": row.score,
        "interruptions": [each.model_dump(mode="json") for each in airing.interruptions],
        "sha256": list(airing.sha256),
    }


_SAME = set(COLUMNS) & set(Airing.model_fields) - {"planned", "heard", "heard_score", "interruptions", "sha256"} | {
    "class_"
}


def csv_lines(rows: Iterable[Row], zone: ZoneInfo, names: Mapping[str, str], *, head: bool = True) -> Iterator[str]:
    """The file, line by line: UTF-8 with its mark, commas, CRLF (RFC 4180). `head`: with the names of the columns."""
    if head:
        yield BOM + ",".join(COLUMNS) + "\r\n"
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([_cell(value) for value in record(row, zone, names).values()])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def json_lines(rows: Iterable[Row], zone: ZoneInfo, names: Mapping[str, str]) -> Iterator[str]:
    """A JSON list, one row a line."""
    yield "["
    comma = "\n"
    for row in rows:
        yield comma + json.dumps(record(row, zone, names), ensure_ascii=False)
        comma = ",\n"
    yield "\n]\n"


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula is marked as text: titles come from people and from nodes."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(each if isinstance(each, str) else _interruption(each) for each in value)
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return value


def _interruption(one: dict[str, object]) -> str:
    return f"{one['at']}/{one['by']}/{one['then']}"


def _started(airing: Airing) -> str | None:
    started = started_at(airing)
    return started.isoformat(timespec="microseconds") if started else None

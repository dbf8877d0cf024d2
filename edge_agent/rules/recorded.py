"""What sensors said in the past: from a CSV file, or from a node's own database."""

import csv
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

_MOST = 2_000_000
_UNKNOWN = frozenset({"", "nan", "null", "none", "unknown", "?"})
_COLUMNS = ("time", "sensor", "value")
_METRIC = "sensor/"


class Sample(NamedTuple):
    """One value of one sensor; None: it was known to be unknown."""

    at: datetime
    sensor: str
    value: float | None


class BadRecording(Exception):
    """A recording that cannot be read. `key` and `params` give the sentence of the terminal."""

    def __init__(self, key: str, **params: str | int) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


def read_csv(file: Path, zone: ZoneInfo) -> list[Sample]:
    """Samples in the order of their time, of a table with the columns time, sensor and value.

    Times without offset are local to `zone`. With semicolons between the columns a number may have a decimal comma, as
    spreadsheets write it here. An empty value is unknown.

    Raises:
        BadRecording: with the line where it is wrong.
        OSError: the file cannot be read.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            head = opened.readline()
            mark = ";" if ";" in head else "\t" if "\t" in head else ","
            columns = [name.strip().lower() for name in head.rstrip("\r\n").split(mark)]
            if not set(_COLUMNS) <= set(columns):
                raise BadRecording("rules.csv_columns", columns=", ".join(_COLUMNS), found=head.strip()[:80])
            places = [columns.index(name) for name in _COLUMNS]
            samples = list(_rows(csv.reader(opened, delimiter=mark), places, mark, zone))
    except UnicodeDecodeError as error:
        raise BadRecording("rules.csv_not_utf8") from error
    except csv.Error as error:
        raise BadRecording("rules.csv_row", line=0, detail=str(error)) from error
    return _sorted(samples)


def _rows(rows: Iterable[list[str]], places: list[int], mark: str, zone: ZoneInfo) -> Iterator[Sample]:
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if line > _MOST:
            raise BadRecording("rules.too_many", limit=_MOST)
        if len(row) <= max(places):
            raise BadRecording("rules.csv_row", line=line, detail=mark.join(row)[:80])
        at, sensor, value = (row[place].strip() for place in places)
        yield Sample(_time(at, line, zone), sensor, _value(value, line, comma=mark != ","))


def _time(text: str, line: int, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRecording("rules.csv_time", line=line, text=text[:40]) from error


def _value(text: str, line: int, *, comma: bool) -> float | None:
    if text.lower() in _UNKNOWN:
        return None
    try:
        value = float(text.replace(",", ".") if comma else text)
    except ValueError as error:
        raise BadRecording("rules.csv_value", line=line, text=text[:40]) from error
    return value if math.isfinite(value) else None


def read_database(path: Path, hours: float, now: datetime) -> list[Sample]:
    """Samples of the telemetry that a node still holds: what the centre has confirmed is gone from it.

    Raises:
        BadRecording: there is no database, or it cannot be read.
    """
    if not path.exists():
        raise BadRecording("rules.no_database", path=str(path))
    begin, samples = now - timedelta(hours=hours), list[Sample]()
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            for (body,) in database.execute(
                "SELECT body FROM outbox WHERE kind = 1 ORDER BY seq DESC LIMIT ?", (_MOST,)
            ):
                samples += _measured(body, begin)
        finally:
            database.close()
    except sqlite3.Error as error:
        raise BadRecording("rules.database", path=str(path), detail=str(error)) from error
    return _sorted(samples)


def _measured(body: str, begin: datetime) -> Iterator[Sample]:
    try:
        record = json.loads(body)
        at, values = datetime.fromisoformat(record["at"]), dict(record["values"])
    except (ValueError, KeyError, TypeError):
        return  # a damaged record is no measurement
    for name, value in values.items():
        if at >= begin and name.startswith(_METRIC) and isinstance(value, int | float):
            yield Sample(at.astimezone(UTC), name.removeprefix(_METRIC), float(value))


def _sorted(samples: list[Sample]) -> list[Sample]:
    if not samples:
        raise BadRecording("rules.nothing")
    return sorted(samples, key=lambda each: each.at)

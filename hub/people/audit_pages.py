"""`/audit`: who did what, where, when, and what became of it; `/audit.csv` and `/audit.json` for keeping elsewhere."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import date, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.language import catalogue
from hub.meanings import meaning
from hub.people import audit_rows
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.audit_rows import Filter, Line
from hub.people.door import Door, somewhere
from hub.people.kit import Kit
from hub.people.outcomes import NOT_DONE
from hub.people.rights import Place, Right
from hub.store import Store

PAGE = 50
COLUMNS = ("id", "at", "name", "person", "act", "place", "what", "outcome", "details", "hash")
"""Of the exports; `hash` chains the rows, see docs/people.md."""
WORDS = ("act_in_words", "outcome_in_words")
"""Of the CSV besides, as the page says it."""
_COUNTED = re.compile(r"\d+ [\w.]+(, \d+ [\w.]+)*")
"""What became of a command to many, as `asked.py` writes it."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class AuditPages:
    """The page, and the exports."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        return [
            door.route("/audit", self._page, administers),
            door.route("/audit.csv", self._csv, administers),
            door.route("/audit.json", self._json, administers),
        ]

    async def _page(self, request: Request) -> Response:
        kit, language, wanted = self._kit, self._kit.language(request), _wanted(request)
        select, before = self._select(wanted), _number(request.query_params.get("before"))
        rows = await kit.store.read(lambda c: audit_rows.page(c, select, before, PAGE + 1))
        known = await kit.store.read(audit_rows.known_acts)
        words = catalogue(language)
        asked = {name: value for name, value in request.query_params.items() if name not in ("before", "lang", "said")}
        older = urlencode({**asked, "before": rows[PAGE - 1].id}) if len(rows) > PAGE else ""

        def where(row: Line) -> str:
            return kit.place(Place.parse(row.place), language) if row.place else ""

        lines = [
            (row, kit.moment(datetime.fromisoformat(row.at)), _act(words, row.act), _outcome(language, row), where(row))
            for row in rows[:PAGE]
        ]
        return kit.page(
            request,
            "people_audit.html",
            "audit",
            lines=lines,
            acts=[(act, _act(words, act)) for act in known],
            wanted=wanted,
            older=older,
            export=urlencode(asked),
        )

    async def _csv(self, request: Request) -> Response:
        select = self._select(_wanted(request))
        self._kit.audit.note("audit.export", what="CSV")
        lines = csv_lines(self._kit.store, select, self._kit.zone, self._kit.language(request))
        return _attached(lines, "text/csv; charset=utf-8", "audit.csv")

    async def _json(self, request: Request) -> Response:
        select = self._select(_wanted(request))
        self._kit.audit.note("audit.export", what="JSON")
        return _attached(json_lines(self._kit.store, select), "application/json", "audit.json")

    def _select(self, wanted: Filter) -> sa.Select[tuple[object, ...]]:
        return select_of(wanted, self._kit.areas, self._kit.zone)


def select_of(wanted: Filter, areas: Areas, zone: ZoneInfo) -> sa.Select[tuple[object, ...]]:
    """The rows that are wanted, of those that the acting person may see."""
    places = person().places(Right.ADMINISTER)
    nodes = [node.address for place in places if place.area or place.node for node in areas.inside(place)]
    return audit_rows.query(wanted, places, nodes, zone)


async def csv_lines(
    store: Store, select: sa.Select[tuple[object, ...]], zone: ZoneInfo, language: Language = "vi"
) -> AsyncIterator[bytes]:
    """UTF-8 with a mark, as spreadsheets like it; what looks like a formula is made text.

    Times are of the commune's zone, with its offset; JSON has them as they were written, of which the hashes are made.
    """
    yield "\ufeff".encode() + _row((*COLUMNS, *WORDS))
    async for rows in audit_rows.stream(store, select):
        yield b"".join(_row([_cell(value) for value in _values(row, zone, language)]) for row in rows)


async def json_lines(store: Store, select: sa.Select[tuple[object, ...]]) -> AsyncIterator[bytes]:
    """A list, one row a line: one JSON object a line would need a reader of its own."""
    opening = b"[\n"
    async for rows in audit_rows.stream(store, select):
        yield opening + b",\n".join(_object(row) for row in rows)
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"


def _wanted(request: Request) -> Filter:
    query = request.query_params
    return Filter(
        query.get("name", "").strip()[:100],
        query.get("act", "")[:100],
        query.get("place", "").strip()[:200],
        _day(query.get("first")),
        _day(query.get("last")),
    )


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 2000 <= day.year < 3000 else None


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


def _act(words: dict[str, str], act: str) -> str:
    return words.get(f"audit.act.{act}", act)


def _outcome(language: Language, row: Line) -> str:
    """Why it was not done; what the person was told of it where the sentence needs filling in."""
    outcome, words = str(row.outcome), catalogue(language)
    if outcome == "done":
        return ""
    if _COUNTED.fullmatch(outcome):
        counts = (each.split(" ") for each in outcome.split(", "))
        return ", ".join(words["audit.counted"].format(count=n, why=_became(language, word)) for n, word in counts)
    said = _became(language, outcome)
    told = str(json.loads(row.details).get("said") or "")
    return told or said if "{" in said or outcome == NOT_DONE else said


def _became(language: Language, outcome: str) -> str:
    words = catalogue(language)
    return words.get(f"audit.outcome.{outcome}") or words.get(outcome) or meaning(outcome, language) or outcome


def _values(row: Line, zone: ZoneInfo, language: Language) -> list[object]:
    at = datetime.fromisoformat(row.at).astimezone(zone).isoformat(timespec="milliseconds")
    values = [at if name == "at" else getattr(row, name) for name in COLUMNS]
    words = catalogue(language)
    became = words["audit.outcome.done"] if row.outcome == "done" else _outcome(language, row)
    return [*values, _act(words, row.act), became]


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(values: object) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(values)  # type: ignore[arg-type]
    return out.getvalue().encode(errors="replace")


def _object(row: Line) -> bytes:
    values = {name: getattr(row, name) for name in COLUMNS}
    values["details"] = json.loads(row.details)
    return json.dumps(values, ensure_ascii=False).encode(errors="replace")


def _attached(body: AsyncIterator[bytes], kind: str, name: str) -> Response:
    return StreamingResponse(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

"""`/audit`: who did what, where, when, and what became of it; `/audit.csv` and `/audit.json` for keeping elsewhere."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import date, datetime
from urllib.parse import urlencode

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from hub.language import catalogue
from hub.people import audit_rows
from hub.people.acting import person
from hub.people.audit_rows import Filter, Line
from hub.people.door import Door, somewhere
from hub.people.kit import Kit
from hub.people.rights import Right

PAGE = 50
COLUMNS = ("id", "at", "name", "person", "act", "place", "what", "outcome", "details", "hash")
"""Of the exports; `hash` chains the rows, see docs/people.md."""
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
        lines = [
            (row, kit.moment(datetime.fromisoformat(row.at)), _act(words, row.act), _outcome(words, row.outcome))
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
        """UTF-8 with a mark, as spreadsheets like it; what looks like a formula is made text."""
        select = self._select(_wanted(request))
        self._kit.audit.note("audit.export", what="CSV")

        async def lines() -> AsyncIterator[bytes]:
            yield "\ufeff".encode() + _row(COLUMNS)
            async for rows in audit_rows.stream(self._kit.store, select):
                yield b"".join(_row([_cell(getattr(row, name)) for name in COLUMNS]) for row in rows)

        return _attached(lines(), "text/csv; charset=utf-8", "audit.csv")

    async def _json(self, request: Request) -> Response:
        """One JSON object a line would need a reader of its own: this is a list."""
        select = self._select(_wanted(request))
        self._kit.audit.note("audit.export", what="JSON")

        async def lines() -> AsyncIterator[bytes]:
            opening = b"[\n"
            async for rows in audit_rows.stream(self._kit.store, select):
                yield opening + b",\n".join(_object(row) for row in rows)
                opening = b",\n"
            yield b"\n]\n" if opening == b",\n" else b"[]\n"

        return _attached(lines(), "application/json", "audit.json")

    def _select(self, wanted: Filter) -> sa.Select[tuple[object, ...]]:
        who = person()
        places = who.places(Right.ADMINISTER)
        nodes = [node.address for place in places if place.area or place.node for node in self._kit.areas.inside(place)]
        return audit_rows.query(wanted, places, nodes, self._kit.zone)


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


def _outcome(words: dict[str, str], outcome: str) -> str:
    return "" if outcome == "done" else words.get(f"audit.outcome.{outcome}") or words.get(outcome, outcome)


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

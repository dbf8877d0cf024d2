"""`/api/alerts`: alerts from programs, and what became of them."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.base import JsonObject, iso
from hub.cap.acts import CapActs
from hub.cap.bringing import body
from hub.cap.desk import Taken
from hub.cap.looking import Found
from hub.cap.problems import REFUSALS, as_json, refusal
from hub.cap.reading import Problem
from hub.people.door import Door, somewhere
from hub.people.rights import Right

BASE = "/api/alerts"
_XML = ("application/cap+xml", "application/common-alerting-protocol+xml", "application/xml", "text/xml")


class CapApi:
    """For programs that send CAP as it comes; `/api/v1/alerts` does the same and more."""

    def __init__(self, acts: CapActs) -> None:
        self._acts = acts

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route(BASE, self._take, somewhere(Right.WRITE), ["POST"]),
            door.route(f"{BASE}/{{alert}}", self._one, somewhere(Right.WRITE)),
        ]

    async def _take(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _XML:
            return _refused((Problem("cap.bad_content_type", "", 0, {"known": ", ".join(_XML)}),), 415)
        try:
            taken = await self._acts.bring(await body(request))
        except REFUSALS as error:
            return _refused(*refusal(error))
        except SQLAlchemyError:
            return _refused((Problem("cap.unreadable", "", 0),), 503)
        return JSONResponse(_taken(taken), 201 if taken.new else 200, {"Location": f"{BASE}/{taken.id}"})

    async def _one(self, request: Request) -> Response:
        try:
            found = await self._acts.looking.find(request.path_params["alert"])
        except SQLAlchemyError:
            return _refused((Problem("cap.unreadable", "", 0),), 503)
        if found is None:
            return _refused((Problem("cap.not_found", "", 0),), 404)
        return JSONResponse(_found(found))


def _taken(taken: Taken) -> JsonObject:
    return {"id": taken.id, "state": taken.state.value, "new": taken.new}


def _found(found: Found) -> JsonObject:
    row = found.row
    return {
        "id": row.id,
        "sender": row.sender,
        "identifier": row.identifier,
        "sent": iso(row.sent),
        "received": iso(row.received),
        "expires": iso(row.expires),
        "status": row.status,
        "msgType": row.msg_type,
        "state": row.state.value,
        "reason": row.reason,
        "proved": row.proved,
        "level": row.level,
        "title": row.title,
        "nodes": list(found.plan.nodes),
    }


def _refused(problems: tuple[Problem, ...], status: int) -> Response:
    return JSONResponse({"state": "rejected", "problems": [as_json(problem) for problem in problems]}, status)

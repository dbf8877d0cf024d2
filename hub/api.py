"""The JSON API for programs: switch, look, follow. Answers when the node has answered, with what really happened.

Who may use it is who may use the page: requests of other sites are refused (`Guard`), and a body must be declared as
JSON, which no form of a foreign page can do.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_agent.contract import invalid
from edge_agent.contract.base import Strict
from edge_agent.contract.commands import ArmRule, ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Fault
from hub.commands import Commands, Outcome
from hub.feed import Feed
from hub.people.door import Door, at_commune, at_node, everywhere
from hub.people.rights import Right
from hub.registry import Node, Registry
from hub.things.campaigns import AWAY, Campaigns

Asked = TypeVar("Asked", bound=Strict)

ANSWER_S = 6.0
"""How long a program waits; afterwards the node refuses the command, so it never switches unexpectedly."""
MAX_BODY = 16 * 1024
STATUS = {"done": 200, "accepted": 202, "rejected": 409, "failed": 409, "silent": 504, "unsent": 503}
_SWITCHING: dict[str, type[SwitchOverride | SwitchRelease | ResetInterlock]] = {
    "switch": SwitchOverride,
    "release": SwitchRelease,
    "reset": ResetInterlock,
}
ACTS: dict[str, type[SwitchOverride | SwitchRelease | ResetInterlock | ArmRule]] = {**_SWITCHING, "arm": ArmRule}
"""Last part of the address -> the command that the body holds, without its `do`."""


class Api:
    """Everything below `/api/`."""

    def __init__(self, registry: Registry, commands: Commands, campaigns: Campaigns, feed: Feed) -> None:
        self._registry = registry
        self._commands = commands
        self._campaigns = campaigns
        self._feed = feed

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        commune = at_commune(Right.SWITCH)
        acts = [
            door.route(f"/api/nodes/{{commune}}/{{node}}/{name}", self._act(model), at_node(Right.SWITCH), ["POST"])
            for name, model in ACTS.items()
        ]
        return [
            *acts,
            door.route("/api/communes/{commune}/switch", self._many(SwitchOverride), commune, ["POST"]),
            door.route("/api/communes/{commune}/release", self._many(SwitchRelease), commune, ["POST"]),
            door.route("/api/nodes/{commune}/{node}/states", self._states, at_node(Right.SEE)),
            door.route("/api/nodes/{commune}/{node}", self._node, at_node(Right.SEE)),
            door.route("/api/nodes", self._nodes, everywhere(Right.SEE)),
            door.route("/api/events", self._events, everywhere(Right.SEE)),
        ]

    def _act(
        self, model: type[SwitchOverride | SwitchRelease | ResetInterlock | ArmRule]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            node = self._find(request)
            if node is None:
                return _no_node(request)
            args = await _read(request, model)
            if isinstance(args, Response):
                return args
            if not node.online:
                return _answer({"node": node.address, **_told(AWAY)}, 503)
            outcome = await self._commands.send(node.address, args, limit=ANSWER_S, life=ANSWER_S)
            return _answer({"node": node.address, **_told(outcome)}, STATUS[outcome.state])

        return endpoint

    def _many(self, model: type[SwitchOverride | SwitchRelease]) -> Callable[[Request], Awaitable[Response]]:
        """One command for all nodes of a commune that have the thing; the answer holds that of each."""

        async def endpoint(request: Request) -> Response:
            args = await _read(request, model)
            if isinstance(args, Response):
                return args
            campaign = await self._campaigns.run(request.path_params["commune"], args)
            told = {address: _told(outcome) for address, outcome in campaign.outcomes.items()}
            everybody = len(campaign.nodes)
            status = 404 if not everybody else 200 if campaign.done == everybody else 207
            return _answer({"done": campaign.done, "all": everybody, "nodes": told}, status)

        return endpoint

    async def _states(self, request: Request) -> Response:
        node = self._find(request)
        if node is None:
            return _no_node(request)
        states = [s.model_dump(mode="json", exclude_none=True, by_alias=True) for s in node.states.values()]
        return _answer({**_summary(node), "states": states})

    async def _node(self, request: Request) -> Response:
        node = self._find(request)
        if node is None:
            return _no_node(request)
        about = node.about.model_dump(mode="json", exclude_none=True) if node.about else None
        return _answer({**_summary(node), "about": about})

    async def _nodes(self, _: Request) -> Response:
        return _answer([_summary(node) for node in self._registry.nodes.values()])

    async def _events(self, request: Request) -> Response:
        return self._feed.response(request)

    def _find(self, request: Request) -> Node | None:
        return self._registry.nodes.get(f"{request.path_params['commune']}/{request.path_params['node']}")


async def _read(request: Request, model: type[Asked]) -> Asked | Response:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _wrong(Fault.of("command.malformed", detail="Content-Type: application/json"), 415)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return _wrong(Fault.of("command.too_large", size=len(body), limit=MAX_BODY), 413)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        return _wrong(Fault.of("command.invalid", **invalid.first(error)), 422)


def _summary(node: Node) -> dict[str, Any]:
    return {"node": node.address, "name": node.title, "online": node.online}


def _told(outcome: Outcome) -> dict[str, Any]:
    fault = {"fault": outcome.fault.model_dump(mode="json")} if outcome.fault else {}
    return {"state": outcome.state, "result": outcome.result, **fault}


def _no_node(request: Request) -> Response:
    id_ = f"{request.path_params['commune']}/{request.path_params['node']}"
    return _wrong(Fault.of("command.unknown_node", id=id_), 404)


def _wrong(fault: Fault, status: int) -> Response:
    return _answer({"state": "rejected", "fault": fault.model_dump(mode="json")}, status)


def _answer(body: object, status: int = 200) -> Response:
    return Response(to_json(body, inf_nan_mode="null"), status, media_type="application/json")

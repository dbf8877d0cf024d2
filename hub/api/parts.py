"""What the API needs of the hub, and what its endpoints have in common."""

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from edge_agent.contract.base import NAME_PATTERN
from hub.api.coming_in import wrong_kind
from hub.api.errors import ApiError, Error, answer, faulty, refused
from hub.api.more import More
from hub.api.once import HEADER, LONGEST_KEY, METHODS, Once
from hub.api.prepares import Prepares
from hub.bulletins.desk import Bulletins
from hub.bulletins.part import ForPrograms
from hub.cameras.lookback_asking import Asking
from hub.clock import Clock
from hub.commands import Commands
from hub.feed import Feed
from hub.forms import FormError
from hub.linked import UNSENT
from hub.node import Node
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door, Needs
from hub.people.joining import Wrong
from hub.people.tokens import Tokens
from hub.registry import Registry
from hub.store import Store
from hub.things.campaigns import Campaigns
from hub.voice import Voice

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Parts:
    """Of the hub. `bulletins`: None where the hub has no desk for them."""

    registry: Registry
    areas: Areas
    door: Door
    commands: Commands
    campaigns: Campaigns
    feed: Feed
    store: Store
    tokens: Tokens
    audit: Audit
    clock: Clock
    zone: ZoneInfo
    voice: Voice
    lookback: Asking
    more: More
    once: Once
    planning: ForPrograms
    bulletins: Bulletins | None = None
    prepares: Prepares = field(default_factory=Prepares)


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Hub = Annotated[Parts, Depends(_parts)]
Commune = Annotated[str, Path(pattern=NAME_PATTERN, description="Official code of the commune", examples=["26734"])]
NodeName = Annotated[str, Path(pattern=NAME_PATTERN, examples=["tram-bom"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Entries at most")]

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "No request that makes sense"},
    401: {"model": Error, "description": "No token, or one that opens nothing"},
    403: {"model": Error, "description": "Not with this right, or not here"},
    413: {"model": Error, "description": "Too large"},
    415: {"model": Error, "description": "The body is no `application/json`"},
    422: {"model": Error, "description": "Something in the request is wrong; `where` says what"},
    429: {"model": Error, "description": "Too often; `Retry-After` says when again"},
    503: {"model": Error, "description": "The database, the broker or the node is away; nothing was done"},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "There is none"}}
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "As it was, by `If-None-Match`"}}


KEY: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Chosen by who asks, new for each act: the same request with it again is done once, for a day",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}
ONCE: dict[str, Any] = {"model": Error, "description": "With this `Idempotency-Key` it was begun already"}


def needs(what: Needs, *, secret: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Which right an endpoint takes, and where. `secret`: its answer holds one, and is kept nowhere."""

    def marked(endpoint: Endpoint) -> Endpoint:
        endpoint.needs = what  # type: ignore[attr-defined]
        endpoint.secret = secret  # type: ignore[attr-defined]
        return endpoint

    return marked


def brings(*kinds: str) -> dict[str, Any]:
    """What the description says of an address whose body is a file, of these kinds; see `UPLOADS`."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}


class Guarded(APIRoute):
    """A route behind the door: one that does not say what it needs cannot be made."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        self.needs: Needs = endpoint.needs  # type: ignore[attr-defined]
        self._secret: bool = endpoint.secret  # type: ignore[attr-defined]
        if {*METHODS} & {*more.get("methods", ())}:
            more["openapi_extra"] = {**(more.get("openapi_extra") or {}), "parameters": [KEY]}
            more["responses"] = {409: ONCE, **(more.get("responses") or {})}
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Looks at the right before the request is looked at."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except ApiError as error:
                return answer(error)
            except (FormError, Wrong) as error:
                return answer(worded(error))

        async def once(request: Request) -> Response:
            if (wrong := wrong_kind(request.scope)) is not None:
                return wrong
            try:
                return await _parts(request).once.answer(request, answered, secret=self._secret)
            except ApiError as error:
                return answer(error)

        async def guarded(request: Request) -> Response:
            return await _parts(request).door.guard(once, self.needs)(request)

        return guarded


def worded(error: FormError | Wrong, status: int = 422, where: str = "body") -> ApiError:
    """What the pages would say. While the broker is away nothing is wrong with what was asked: 503."""
    if error.key == UNSENT:
        status = 503
    params = {
        name: value if isinstance(value, str | int | float) else str(value) for name, value in error.params.items()
    }
    return refused(status, error.key, where, **params)


def is_there(hub: Parts, node: Node) -> bool:
    """Whether it can be reached now: while the hub itself is cut off, none can."""
    return node.online and hub.more.shown.link.connected


def router(tag: str) -> APIRouter:
    """A group of endpoints."""
    return APIRouter(route_class=Guarded, tags=[tag], responses=REFUSALS)


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON; absent values are left out."""
    if isinstance(body, BaseModel):
        body = body.model_dump(mode="json", exclude_none=True, by_alias=True)
    return Response(to_json(body, inf_nan_mode="null"), status, headers, "application/json")


def tagged(request: Request, body: object) -> Response:
    """The same with an ETag; 304 where the reader has it already."""
    made = reply(body)
    tag = f'"{hashlib.blake2b(bytes(made.body), digest_size=12).hexdigest()}"'
    known = request.headers.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers={"ETag": tag})
    made.headers["ETag"] = tag
    return made


def found(hub: Parts, commune: str, node: str) -> Node:
    """The node, or the answer that there is none. Raises ApiError."""
    address = f"{commune}/{node}"
    known = hub.registry.nodes.get(address)
    if known is None:
        raise faulty(404, "command.unknown_node", "path", id=address)
    return known

"""The door: every address of the hub says what it takes to come in, and nobody passes it by another way."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from hub.people.acting import acting
from hub.people.areas import Areas
from hub.people.audit import Audit, noting
from hub.people.outcomes import not_done, why_of
from hub.people.rights import EVERYWHERE, NOBODY, Person, Place, Right
from hub.people.sessions import COOKIE, Session, Sessions

SAFE = ("GET", "HEAD", "OPTIONS")
OVER = 4401
"""WebSockets are closed with this when the session is over."""
Endpoint = Callable[[Request], Awaitable[Response]]
Where = Literal["node", "commune", "place", "everywhere", "somewhere"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What an address takes.

    `right` None: to be signed in; `public`: nothing. `where`: at the node, commune or place that the address names
    (`{commune}`, `{node}`, `{place:path}`), everywhere, or somewhere (the endpoint itself shows only what may be seen).
    """

    right: Right | None = None
    where: Where = "somewhere"
    public: bool = False


PUBLIC = Needs(public=True)
SIGNED_IN = Needs()


def at_node(right: Right) -> Needs:
    """The right at the node of the address."""
    return Needs(right, "node")


def at_commune(right: Right) -> Needs:
    """The right in the whole commune of the address."""
    return Needs(right, "commune")


def somewhere(right: Right) -> Needs:
    """The right in any place; what is shown or done is limited by the endpoint."""
    return Needs(right, "somewhere")


def everywhere(right: Right) -> Needs:
    """The right without a limit of place."""
    return Needs(right, "everywhere")


class Refused(Exception):
    """Not let in. `signed_in`: known, but without the right."""

    def __init__(self, signed_in: bool, needs: Needs) -> None:
        super().__init__(needs.right or "")
        self.signed_in = signed_in
        self.needs = needs


class Door:
    """Makes the routes of the hub. Endpoints run only for whom `Needs` lets in."""

    def __init__(self, areas: Areas, audit: Audit) -> None:
        self._areas = areas
        self._audit = audit

    def route(
        self,
        path: str,
        endpoint: Endpoint,
        needs: Needs,
        methods: Iterable[str] = ("GET",),
    ) -> Route:
        """An address over HTTP."""
        route = Route(path, self.guard(endpoint, needs), methods=list(methods))
        route.needs = needs  # type: ignore[attr-defined]
        return route

    def guard(self, endpoint: Endpoint, needs: Needs) -> Endpoint:
        """What answers a request: only for whom `needs` lets in, and nothing is done without a note."""

        async def guarded(request: Request) -> Response:
            self.check(request, needs)
            if request.method in SAFE or needs.public:
                return await endpoint(request)
            status = 500
            with noting() as noted:
                try:
                    answer = await endpoint(request)
                    status = answer.status_code
                    return answer
                except Exception as error:  # answered further out; here it only is written down
                    not_done("refused" if isinstance(error, Refused) else why_of(error))
                    raise
                finally:
                    # Who does it knows best what to note; but nothing is done without a note.
                    if not noted.acts:
                        outcome, what = noted.outcome(status), request.url.path
                        self._audit.afterwards("web.act", _place(request), what, outcome, noted.said)

        return guarded

    def websocket(self, path: str, endpoint: Callable[[WebSocket], Awaitable[None]], needs: Needs) -> WebSocketRoute:
        """An address of a WebSocket; it is closed by 4401 or 4403 for who may not come in."""

        async def guarded(socket: WebSocket) -> None:
            try:
                self.check(socket, needs)
            except Refused as refused:
                await socket.accept()
                await socket.close(4403 if refused.signed_in else 4401)
                return
            await endpoint(socket)

        route = WebSocketRoute(path, guarded)
        route.needs = needs  # type: ignore[attr-defined]
        return route

    def mount(self, path: str, app: ASGIApp) -> Mount:
        """Something that everybody may have: the style sheets and scripts."""
        mount = Mount(path, app)
        mount.needs = PUBLIC  # type: ignore[attr-defined]
        return mount

    def check(self, connection: HTTPConnection, needs: Needs) -> None:
        """Raises Refused."""
        if needs.public:
            return
        who = person_of(connection)
        if who is NOBODY:
            raise Refused(False, needs)
        if not self._lets_in(who, needs, connection):
            self._audit.refused("web.refused", _place(connection), connection.url.path, "refused")
            raise Refused(True, needs)

    def _lets_in(self, who: Person, needs: Needs, connection: HTTPConnection) -> bool:
        if needs.right is None:
            return True
        path = connection.path_params
        match needs.where:
            case "somewhere":
                return who.may_somewhere(needs.right)
            case "everywhere":
                return who.may(needs.right, EVERYWHERE)
            case "commune":
                return who.may(needs.right, Place(path["commune"]))
            case "place":
                return who.may(needs.right, Place.parse(path["place"]))
            case "node":
                return self._areas.may(who, needs.right, f"{path['commune']}/{path['node']}")


def unguarded(routes: Iterable[BaseRoute]) -> list[str]:
    """Routes that were not made by the door; there must be none."""
    return [str(getattr(route, "path", route)) for route in routes if not hasattr(route, "needs")]


def person_of(connection: HTTPConnection) -> Person:
    """Who asks."""
    who = connection.scope.get("person", NOBODY)
    return who if isinstance(who, Person) else NOBODY


def session_of(connection: HTTPConnection) -> Session | None:
    """By which session; None for programs and for nobody."""
    session = connection.scope.get("session_of_person")
    return session if isinstance(session, Session) else None


class WhoAsks:
    """ASGI middleware: finds out who asks, by the cookie. When the session ends, what it has open is over at once."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with `person` and `session_of_person` in the scope."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        session, who = self._sessions.find(HTTPConnection(scope).cookies.get(COOKIE))
        scope["person"], scope["session_of_person"] = who, session
        with acting(who):
            if session is None:
                await self._app(scope, receive, send)
            else:
                await Held(self._app, session.ended).run(scope, receive, send)


class Held:
    """One request or WebSocket, as long as its session lasts; then its endpoint hears that the other side left."""

    def __init__(self, app: ASGIApp, ended: asyncio.Event) -> None:
        self._app = app
        self._ended = ended
        self._told = self._begun = self._done = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the endpoint is done."""
        over: Message = {"type": "http.disconnect"}
        if scope["type"] == "websocket":
            over = {"type": "websocket.disconnect", "code": OVER}

        async def sent(message: Message) -> None:
            self._begun = self._begun or message["type"] == "http.response.start"
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            self._done = self._done or whole or message["type"] == "websocket.close"
            await send(message)

        async def received() -> Message:
            message = await self._either(receive)
            self._told = self._told or message is None
            return message or over

        await self._app(scope, received, sent)
        if not self._told or self._done:
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": OVER})
        elif self._begun:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _either(self, receive: Receive) -> Message | None:
        """What comes; None once the session has ended."""
        if self._ended.is_set():
            return None
        coming, ending = asyncio.ensure_future(receive()), asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((coming, ending), return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else None
        finally:
            coming.cancel()
            ending.cancel()


def _place(connection: HTTPConnection) -> str:
    path = connection.path_params
    if "place" in path:
        return str(path["place"])
    return "/".join(str(path[name]) for name in ("commune", "node") if name in path)

"""The listener for nodes: TLS by the hub's own CA, and nothing of the console on it."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvicorn
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge_agent.contract import invalid
from edge_agent.contract.enrolment import CA_PATH, ENROL_PATH, RENEW_PATH, EnrolmentRequest, Grant, RenewalRequest
from edge_agent.contract.errors import Fault, Refusal
from hub.clock import Clock
from hub.enrolment.desk import Enrolling
from hub.enrolment.pace import Pace
from hub.protocol import BoundedProtocol
from hub.store import StoreFull

logger = logging.getLogger(__name__)

MAX_BODY = 32 * 1024
RECEIVE_S = 15.0
MOST_AT_ONCE = 200
GRACE_S = 1
_STATUS = {"enrol.too_often": 429, "enrol.too_large": 413, "enrol.busy": 503, "enrol.bad_request": 422}
Asked = TypeVar("Asked", bound=BaseModel)


class _Server(uvicorn.Server):
    """Ends with the hub, not by signals of its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class NodeListener:
    """Serves as long as `run` runs. `more`: further addresses for nodes, before it runs."""

    def __init__(self, desk: Enrolling, clock: Clock) -> None:
        self._desk = desk
        self._pace = Pace(clock)
        self.more: list[BaseRoute] = []
        self.port = 0
        """Where it listens; 0: not yet."""

    async def run(self) -> None:
        """Until cancelled. Raises OSError (the port is taken), ConfigError."""
        listen = self._desk.settings.listen
        pem, key = await asyncio.to_thread(self._desk.authority.server, "listener", self._desk.settings.listener_names)
        listener = _bound(listen.host, listen.port)
        settings = uvicorn.Config(
            self._application(),
            lifespan="off",
            http=BoundedProtocol,
            ws="none",
            ssl_certfile=str(pem),
            ssl_keyfile=str(key),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=5,
            limit_concurrency=MOST_AT_ONCE,
        )
        server = _Server(settings)
        self.port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="nodes")
        try:
            await asyncio.shield(serving)
        finally:
            self.port = 0
            server.should_exit = True
            await serving
            listener.close()

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route(CA_PATH, self._ca),
                Route(ENROL_PATH, self._enrol, methods=["POST"]),
                Route(RENEW_PATH, self._renew, methods=["POST"]),
                *self.more,
            ]
        )

    async def _ca(self, request: Request) -> Response:
        if seconds := self._pace.wait(_address(request)):
            return _refusal(Refusal("enrol.too_often", seconds=seconds), seconds)
        return Response(self._desk.authority.pem, media_type="application/x-pem-file")

    async def _enrol(self, request: Request) -> Response:
        return await self._answer(request, EnrolmentRequest, self._desk.enrol)

    async def _renew(self, request: Request) -> Response:
        return await self._answer(request, RenewalRequest, self._desk.renew)

    async def _answer(
        self, request: Request, kind: type[Asked], act: Callable[[Asked, str], Awaitable[Grant]]
    ) -> Response:
        address = _address(request)
        if seconds := self._pace.wait(address):
            return _refusal(Refusal("enrol.too_often", seconds=seconds), seconds)
        try:
            grant = await act(_read(kind, await _body(request)), address)
        except Refusal as refusal:
            self._pace.mistake(address)
            return _refusal(refusal)
        except (SQLAlchemyError, StoreFull) as error:
            logger.error("a node could not be served: %s", error)
            return _refusal(Refusal("enrol.busy"), 10)
        return Response(grant.body(), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(RECEIVE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Refusal("enrol.too_large")
    except (TimeoutError, ClientDisconnect) as error:
        raise Refusal("enrol.bad_request", where="-", detail="it did not come to its end") from error
    return body


def _read(kind: type[Asked], body: bytes) -> Asked:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Refusal("enrol.bad_request", **invalid.first(error)) from error


def _refusal(refusal: Refusal, retry_s: int = 0) -> Response:
    fault: Fault = refusal.fault
    headers = {"Connection": "close", **({"Retry-After": str(retry_s)} if retry_s else {})}
    return Response(fault.body(), _STATUS.get(fault.code, 403), headers, "application/json")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener

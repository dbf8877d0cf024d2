"""Every refusal of the API has one shape: a stable code, its sentence in both languages, and where the mistake is."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from edge_agent.contract import invalid
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault
from hub.language import sentence
from hub.people.door import Refused
from hub.people.outcomes import not_done
from hub.store import StoreFull

logger = logging.getLogger(__name__)


class Message(BaseModel):
    """A sentence in both languages."""

    vi: str
    en: str


class Also(BaseModel):
    """Another thing that is wrong."""

    code: str
    message: Message
    where: str = ""


class Error(BaseModel):
    """Why something was not done."""

    code: str = Field(description="Stable; the reference lists those of nodes", examples=["people.forbidden"])
    message: Message
    where: str = Field(default="", description="The node, or the part of the request that is wrong")
    params: dict[str, str | int | float] = Field(default_factory=dict, description="What fills the sentence")
    state: str | None = Field(default=None, description="Of a command: rejected, failed, silent or unsent")
    result: JsonObject | None = Field(default=None, description="Of a command: what was done of it all the same")
    also: list[Also] | None = Field(default=None, description="What else is wrong, in the order of the file")


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, error: Error, headers: dict[str, str] | None = None) -> None:
        super().__init__(error.code)
        self.status = status
        self.error = error
        self.headers = headers


def refused(status: int, key: str, where: str = "", /, **params: str | int | float) -> ApiError:
    """By a sentence of hub/text."""
    message = Message(vi=sentence("vi", key, **params), en=sentence("en", key, **params))
    return ApiError(status, Error(code=key, message=message, where=where, params=params))


def of_fault(fault: Fault, where: str = "", **more: Any) -> Error:
    """A fault of the contract in this shape."""
    return Error(code=fault.code, message=Message(vi=fault.vi, en=fault.en), where=where, params=fault.params, **more)


def faulty(status: int, code: str, where: str = "", /, **params: str | int | float) -> ApiError:
    """By a code of the contract."""
    return ApiError(status, of_fault(Fault.of(code, **params), where))


def answer(error: ApiError) -> Response:
    """As it goes over the wire."""
    not_done(error.error.code)
    body = error.error.model_dump(exclude_none=True)
    return Response(to_json(body, inf_nan_mode="null"), error.status, error.headers, "application/json")


def handle(app: FastAPI) -> None:
    """Have the application answer all that is raised in it this way."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(StoreFull, _store)
    app.add_exception_handler(SQLAlchemyError, _store)


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for no other
    return answer(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for no other
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"]) or "body"
    if found["type"] == "json_invalid":
        return answer(faulty(422, "command.malformed", "body", detail="JSON"))
    reason = invalid.reason(found["type"], found.get("ctx") or {}, found["msg"])
    return answer(faulty(422, "command.invalid", where, where=where, **reason))


_HTTP = {404: "api.no_address", 405: "api.no_method", 413: "api.too_large", 415: "api.not_json"}


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for no other
    said = refused(error.status_code, _HTTP.get(error.status_code, "api.bad_request"))
    said.headers = dict(error.headers or {})
    return answer(said)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for no other
    if error.signed_in:
        return answer(faulty(403, "people.forbidden"))
    said = faulty(401, "people.not_signed_in")
    said.headers = {"WWW-Authenticate": "Bearer"}
    return answer(said)


async def _store(_: Request, error: Exception) -> Response:
    logger.error("the database did not serve the API: %s", error)
    said = refused(503, "api.no_database")
    said.headers = {"Retry-After": "5"}
    return answer(said)

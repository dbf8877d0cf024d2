"""The API as one application below `/api/v1`, and its description."""

import json
import re
from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from edge_agent.version import VERSION
from hub.api import (
    acts,
    alerts,
    births,
    bulletins,
    cameras,
    clips,
    devices,
    emergencies,
    exports,
    gone,
    health,
    horns,
    inviting,
    lights,
    log,
    looking,
    maps,
    nodes,
    notices,
    notify,
    people,
    prepared,
    programs,
    residents,
    rewriting,
    rounds,
    signing,
    sounding,
    sounds,
    trusting,
)
from hub.api.coming_in import ComingIn
from hub.api.errors import handle
from hub.api.parts import Parts
from hub.people.door import PUBLIC

PATH = "/api/v1"
GROUPS = (
    nodes,
    trusting,
    gone,
    births,
    health,
    maps,
    acts,
    sounding,
    emergencies,
    prepared,
    rounds,
    horns,
    lights,
    bulletins,
    rewriting,
    sounds,
    signing,
    alerts,
    notices,
    residents,
    cameras,
    looking,
    clips,
    log,
    exports,
    notify,
    people,
    inviting,
    devices,
    programs,
)
ROUTES = tuple(route for part in GROUPS for route in part.routes.routes)
"""All addresses, each with its `needs`."""
ABOUT = """For programs beside the console: follow nodes, switch, speak, file bulletins, read the logs.

A program comes in by a token, `Authorization: Bearer ehub_...`, that an administrator made; it may do what the token
says, where it says. Every refusal has one shape: `code`, `message` in both languages, `where`."""


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of all there is."""
    return _application().openapi()


@cache
def text() -> str:
    """The same as it is kept in the reference."""
    return json.dumps(description(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def mounted(parts: Parts) -> Mount:
    """For the hub's application. Every route of it passes the door by itself; only the description is for all."""
    app = _application()
    app.state.parts = parts
    mount = Mount(PATH, ComingIn(app, parts.tokens))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)  # also with a line break in it
    mount.needs = PUBLIC  # type: ignore[attr-defined]
    mount.inner = ROUTES  # type: ignore[attr-defined]
    return mount


def _application() -> FastAPI:
    app = FastAPI(
        title="edge-hub",
        version=VERSION,
        description=ABOUT,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        servers=[{"url": PATH}],
        separate_input_output_schemas=False,
        redirect_slashes=False,
    )
    for part in GROUPS:
        app.include_router(part.routes)
    handle(app)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = plain()
            made.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            made["security"] = [{"token": []}]
        return app.openapi_schema or plain()

    app.openapi = openapi  # type: ignore[method-assign]

    async def described(_: Request) -> Response:
        return Response(text(), media_type="application/json")

    app.add_route("/openapi.json", described, include_in_schema=False)
    return app

"""The signed folder of updates over HTTP, for nodes, and renewed each hour before anything in it expires."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from hub.keys import Tokens
from hub.language import sentence
from hub.people.door import PUBLIC, Door
from hub.updates.keys import ONLINE, load
from hub.updates.repository import TIMESTAMP_LIFE, Repository

logger = logging.getLogger(__name__)
FOLDER = "updates"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,220}")
_KINDS = frozenset({"metadata", "targets"})
_EVERY_S = 3600.0


class Updates:
    """`data/updates`: `metadata` and `targets` for nodes, `keys/online.pem` for us."""

    def __init__(self, data: Path, tokens: Tokens) -> None:
        self._folder = data / FOLDER
        self._tokens = tokens

    def routes(self, door: Door) -> list[Route]:
        """Beside the console."""
        return [door.route("/updates/{kind}/{name}", self.get, PUBLIC)]

    def for_nodes(self) -> list[Route]:
        """On the listener of the nodes."""
        return [Route("/updates/{kind}/{name}", self.get)]

    async def get(self, request: Request) -> Response:
        """A file, or a part of it (`Range`), for a node by its token."""
        if not self._tokens.allow(request.headers.get("authorization", "")):
            said = {language: sentence(language, "media.bad_token") for language in ("vi", "en")}
            return JSONResponse({"code": "media.bad_token", **said}, 401, {"WWW-Authenticate": "Bearer"})
        kind, name = str(request.path_params["kind"]), str(request.path_params["name"])
        path = self._folder / kind / name
        if kind not in _KINDS or not _NAME.fullmatch(name) or not await asyncio.to_thread(path.is_file):
            return Response(status_code=404)
        return FileResponse(path, media_type="application/octet-stream", headers={"Cache-Control": "no-cache"})

    def runs(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs as long as the hub: name, the function."""
        return [("updates", self.run)]

    async def run(self) -> None:
        """Renew for ever."""
        while True:
            try:
                await asyncio.to_thread(renewed, self._folder)
            except (OSError, ValueError) as error:
                logger.error("the list of updates cannot be signed again: %s", error)
            await asyncio.sleep(_EVERY_S)


def renewed(folder: Path) -> bool:
    """Sign again what has lived for half its life; whether that was so. Raises OSError, ValueError."""
    repository = Repository(folder)
    if not repository.begun or not (folder / "keys" / f"{ONLINE}.pem").exists():
        return False
    if repository.expires() - datetime.now(UTC) > TIMESTAMP_LIFE / 2 + timedelta(hours=1):
        return False
    repository.renew(load(folder / "keys", ONLINE))
    return True

"""Style sheets, scripts and icons. Their addresses carry a stamp, so a browser may keep them for ever."""

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"


@cache
def stamp() -> str:
    """Changes when a static file changes."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


class Statics(StaticFiles):
    """What is asked for by its stamp stays as it is; all else is asked for again."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file."""
        answer = await super().get_response(path, scope)
        if answer.status_code in (200, 304) and scope.get("query_string", b"").decode("ascii", "replace") == stamp():
            answer.headers["Cache-Control"] = FOR_EVER
        return answer

"""What is said when the database or the disk does not take what somebody did: nothing is pretended, nothing lost."""

import errno
import logging
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from edge_agent.contract.sentences import Language
from hub.language import sentence
from hub.render import Renderer
from hub.store import StoreFull

logger = logging.getLogger(__name__)

NOT_KEPT = (SQLAlchemyError, StoreFull, OSError)
"""What the writing of something raises when it is not kept."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO})
Handler = Callable[[Request, Exception], Awaitable[Response]]


def is_not_kept(error: Exception) -> bool:
    """Whether the database or the disk did not take something; other faults of the system are none of that."""
    return not isinstance(error, OSError) or error.errno in _FULL


class Unkept:
    """Answers for every page that has no better answer of its own."""

    def __init__(self, renderer: Renderer, language: Callable[[Request], Language]) -> None:
        self._renderer = renderer
        self._language = language

    def handlers(self) -> Mapping[type[Exception], Handler]:
        """For the application."""
        return dict.fromkeys(NOT_KEPT, self.answer)

    async def answer(self, request: Request, error: Exception) -> Response:
        """503 with a sentence; in a page that stays as it is, where a script asked. Raises what is no such error."""
        if not is_not_kept(error):
            raise error
        logger.error("%s %s was not kept: %s", request.method, request.url.path, error)
        language = self._language(request)
        key = "page.unreadable" if request.method in ("GET", "HEAD") else "page.not_kept"
        if request.headers.get("hx-request") == "true":
            html = self._renderer.toast(language, sentence(language, key), False)
            return HTMLResponse(html, 503, {"HX-Reswap": "afterbegin", "HX-Retarget": "#toasts"})
        return HTMLResponse(self._renderer.message(language, key), 503)

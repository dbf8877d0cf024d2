"""What somebody sees who is not let in: the way to sign in, or a sentence that says who can help."""

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from hub.people.door import Refused, session_of
from hub.people.sessions import Sessions
from hub.render import Renderer


class Refusing:
    """Answers `Refused`: pages are led to the sign-in, programs get a status and a code."""

    def __init__(self, renderer: Renderer, language: Callable[[Request], Language], sessions: Sessions) -> None:
        self._renderer = renderer
        self._language = language
        self._sessions = sessions

    async def answer(self, request: Request, refused: Exception) -> Response:
        """401 or the sign-in for nobody, 403 for somebody without the right."""
        assert isinstance(refused, Refused)  # noqa: S101 - registered for no other
        status = 403 if refused.signed_in else 401
        if request.url.path.startswith("/api/"):
            fault = Fault.of("people.forbidden" if refused.signed_in else "people.not_signed_in")
            return JSONResponse({"state": "rejected", "fault": fault.model_dump(mode="json")}, status)
        if request.headers.get("hx-request") == "true" and not refused.signed_in:
            return Response(status_code=401, headers={"HX-Redirect": self._sign_in(request, "/")})
        if refused.signed_in or request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            html = self._renderer.message(self._language(request), f"people.{'forbidden' if status == 403 else 'out'}")
            return HTMLResponse(html, status)
        if request.method == "GET":
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(self._sign_in(request, request.url.path + query), 303)
        return RedirectResponse(self._sign_in(request, "/"), 303)

    def _sign_in(self, request: Request, after: str) -> str:
        """To the password, or, once that was given, to the second factor."""
        session = session_of(request)
        half = session is not None and not self._sessions.is_whole(session)
        return f"/sign-in{'/second' if half else ''}?next={quote(after)}"

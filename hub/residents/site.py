"""What the pages of this part take: how they are drawn, in which language and time, and by which address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edge_agent.contract.sentences import Language
from hub.clock import Clock
from hub.config import HubConfig
from hub.language import remember, sentence, switched
from hub.render import Renderer
from hub.times import moment
from hub.toasts import Toast, Toasts


@dataclass(frozen=True, slots=True)
class Site:
    """Made once."""

    renderer: Renderer
    toasts: Toasts
    language: Callable[[HTTPConnection], Language]
    clock: Clock
    config: HubConfig

    @property
    def zone(self) -> ZoneInfo:
        """The commune's."""
        return self.config.zone

    def page(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        """A page; what `?said=` names is said on it."""
        language, query = self.language(request), request.query_params
        values.setdefault("toast", self.toasts.take(query.get("said")))
        other = switched(query, language)
        html = self.renderer.sheet_of(
            template, language, "residents", other_language=other, at=lambda when: self.moment(when, language), **values
        )
        return remember(HTMLResponse(html, status, {"Vary": "Cookie"}), query)

    def say(self, request: Request, path: str, key: str, good: bool = True, **params: object) -> Response:
        """To another page, which says a sentence."""
        said = self.toasts.keep(Toast(sentence(self.language(request), key, **params), good, key=key))
        return RedirectResponse(f"{path}{'&' if '?' in path else '?'}said={said}", 303)

    def refuse(self, request: Request, key: str, status: int = 404) -> Response:
        """A page of one sentence."""
        return HTMLResponse(self.renderer.message(self.language(request), key), status)

    def words(self, request: Request, key: str, **params: object) -> str:
        """A sentence in the language of the request."""
        return sentence(self.language(request), key, **params)

    def moment(self, at: datetime, language: Language) -> str:
        """An instant as people say it."""
        return moment(at, self.clock.now(), self.zone, language)

    def link(self, request: Request, path: str) -> str:
        """A whole address, for QR codes."""
        return f"{self.config.address.rstrip('/') or f'{request.url.scheme}://{request.url.netloc}'}{path}"

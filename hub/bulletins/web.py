"""What every page of bulletins takes: how it is drawn, kept live, and in which language."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edge_agent.contract.sentences import Language
from hub.language import remember, switched
from hub.live import Live
from hub.render import Renderer
from hub.toasts import Toast, Toasts


@dataclass(frozen=True, slots=True)
class Web:
    """`language`: which one a request wants."""

    renderer: Renderer
    live: Live
    toasts: Toasts
    language: Callable[[Request], Language]

    def page(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        """A page below "Bulletins", with the note that the last form left."""
        language, query = self.language(request), request.query_params
        values.setdefault("toast", self.toasts.take(query.get("said")))
        other = switched(query, language)
        html = self.renderer.sheet_of(template, language, "bulletins", other_language=other, **values)
        return remember(HTMLResponse(html, status, headers={"Vary": "Cookie"}), query)

    def said(self, where: str, text: str, good: bool, key: str = "") -> Response:
        """To another page, with a note. `key`: of the sentence that says why it was not done."""
        joint = "&" if "?" in where else "?"
        return RedirectResponse(f"{where}{joint}said={self.toasts.keep(Toast(text, good, key=key))}", 303)

    def part(self, language: Language, macro: str, *what: object) -> str:
        """One of the parts that change."""
        return self.renderer.part("bulletins_parts.html", language, macro, *what, True)

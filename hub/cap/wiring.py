"""All addresses of alerts, put together for the application."""

from collections.abc import Callable

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.cap.acts import CapActs
from hub.cap.api import CapApi
from hub.cap.forms import CapForms
from hub.cap.pages import CapPages
from hub.live import Live
from hub.people.door import Door
from hub.render import Renderer, Shown
from hub.toasts import Toasts


def routes(
    door: Door,
    acts: CapActs,
    shown: Shown,
    renderer: Renderer,
    live: Live,
    toasts: Toasts,
    language: Callable[[HTTPConnection], Language],
) -> list[BaseRoute]:
    """Pages, forms and the API of alerts."""
    pages = CapPages(shown, renderer, live, acts.looking, toasts, language)
    forms = CapForms(pages, acts, renderer, toasts, language)
    return [*CapApi(acts).routes(door), *pages.routes(door), *forms.routes(door)]

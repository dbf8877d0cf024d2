"""All addresses of alerts, put together for the application."""

from collections.abc import Callable

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.cap.api import CapApi
from hub.cap.forms import CapForms
from hub.cap.intake import Intake
from hub.cap.looking import Looking
from hub.cap.pages import CapPages
from hub.live import Live
from hub.people.door import Door
from hub.readingdesk import ReadingDesk
from hub.render import Renderer, Shown
from hub.toasts import Toasts


def routes(
    door: Door,
    intake: Intake,
    shown: Shown,
    renderer: Renderer,
    live: Live,
    reading: ReadingDesk,
    toasts: Toasts,
    language: Callable[[HTTPConnection], Language],
) -> list[BaseRoute]:
    """Pages, forms and the API of alerts."""
    looking = Looking(intake, shown.registry, intake.areas, shown.clock)
    pages = CapPages(shown, renderer, live, looking, toasts, language)
    forms = CapForms(pages, looking, intake.desk, intake.decisions, reading, renderer, toasts, language)
    return [*CapApi(intake.desk, intake.decisions, looking).routes(door), *pages.routes(door), *forms.routes(door)]

"""What all pages about the air are made with."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from edge_agent.contract.sentences import Language
from hub.live import Live
from hub.node import Node
from hub.people.areas import Areas
from hub.render import Renderer, Shown
from hub.sentences import Speaker
from hub.toasts import Toasts
from hub.views import node_zone


@dataclass(frozen=True)
class Site:
    """Drawing, live parts, notes for the next page, the language of a request, and who may do what where."""

    shown: Shown
    renderer: Renderer
    live: Live
    toasts: Toasts
    areas: Areas
    language: Callable[[HTTPConnection], Language]

    def speaker(self, language: Language) -> Speaker:
        """Speaks in the hub's own time."""
        return Speaker(language, self.shown.zone, self.shown.clock.now())

    def speaker_at(self, language: Language) -> Callable[[Node], Speaker]:
        """Speaks in the time of where a node stands."""
        now = self.shown.clock.now()
        return lambda node: Speaker(language, node_zone(node, self.shown.zone), now)

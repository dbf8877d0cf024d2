"""Everything of the console that has to do with what is on air now, put together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.mic_page import MicPage
from hub.air.mic_socket import MicSocket
from hub.air.mic_words import Told
from hub.air.voices import Voices
from hub.commands import Commands
from hub.live import Live
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door
from hub.readingdesk import ReadingDesk
from hub.registry import Node
from hub.render import Renderer, Shown
from hub.sentences import Speaker
from hub.store import Store
from hub.toasts import Toasts
from hub.views import node_zone
from hub.voice import Voice


@dataclass(frozen=True)
class Needs:
    """What the desk works with."""

    shown: Shown
    renderer: Renderer
    live: Live
    toasts: Toasts
    commands: Commands
    voice: Voice
    reading: ReadingDesk
    areas: Areas
    audit: Audit
    store: Store
    language: Callable[[HTTPConnection], Language]
    closing: asyncio.Event


class AirDesk:
    """On air: now and next, speaking now, live, emergencies."""

    def __init__(self, needs: Needs) -> None:
        shown = needs.shown

        def told(language: Language) -> Told:
            def speaker(node: Node) -> Speaker:
                return Speaker(language, node_zone(node, shown.zone), shown.clock.now())

            return Told(language, speaker)

        voices = Voices(needs.commands, shown.link.pass_on, shown.clock)
        self._mic = MicSocket(voices, needs.areas, needs.audit, told, needs.language, needs.closing, shown.clock)
        self._mic_page = MicPage(needs.renderer, needs.areas, needs.language)

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [*self._mic.routes(door), *self._mic_page.routes(door)]

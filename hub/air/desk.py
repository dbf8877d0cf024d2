"""Everything of the console that has to do with what is on air now, put together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.acts import emergencies_of
from hub.air.emergency import Emergencies
from hub.air.emergency_acts import EmergencyActs
from hub.air.emergency_follow import EmergencyFollow
from hub.air.emergency_pages import EmergencyPages
from hub.air.mic_page import MicPage
from hub.air.mic_socket import MicSocket
from hub.air.mic_words import Told
from hub.air.now_page import AirPage
from hub.air.prepared import Prepared
from hub.air.prepared_page import PreparedPage
from hub.air.proofs import Proofs
from hub.air.round_acts import RoundActs
from hub.air.round_page import RoundPage
from hub.air.rounds import Rounds
from hub.air.site import Site
from hub.air.speak_page import SpeakPage
from hub.air.voices import Voices
from hub.commands import Commands
from hub.live import Live
from hub.media import MediaStore
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door
from hub.readingdesk import ReadingDesk
from hub.render import Renderer, Shown
from hub.store import Store
from hub.supervise import supervise
from hub.toasts import Toasts
from hub.voice import Voice


@dataclass(frozen=True)
class Needs:
    """What the desk works with. `can_reach`: whether a node is there now, by its address."""

    shown: Shown
    renderer: Renderer
    live: Live
    toasts: Toasts
    commands: Commands
    can_reach: Callable[[str], bool]
    voice: Voice
    reading: ReadingDesk
    media: MediaStore
    areas: Areas
    audit: Audit
    store: Store
    language: Callable[[HTTPConnection], Language]
    closing: asyncio.Event


class AirDesk:
    """On air: now and next, speaking now, live, emergencies."""

    def __init__(self, needs: Needs) -> None:
        shown, clock = needs.shown, needs.shown.clock
        site = Site(shown, needs.renderer, needs.live, needs.toasts, needs.areas, needs.language)
        common = (needs.store, needs.commands, needs.can_reach, needs.audit, shown.notice, clock)
        self.emergencies = Emergencies(*common, sounds=partial(_sounds, shown))
        self.prepared = Prepared(needs.store, needs.voice, needs.media, needs.audit, clock)
        self.reading = needs.reading
        self.alarms = EmergencyActs(site, needs.reading, self.emergencies, self.prepared)
        self._rounds = Rounds(needs.commands, shown.notice, clock)
        voices = Voices(needs.commands, shown.link.pass_on, clock)
        self._registry, self._proofs = shown.registry, Proofs(needs.store, shown.ledger, clock)
        self.rounds = RoundActs(site, self._rounds, self._proofs, needs.reading, needs.audit)
        needs.renderer.emergency_page = lambda id_: f"/air/emergency/{id_}" if self.emergencies.get(id_) else ""
        self._pages = (
            MicSocket(voices, needs.areas, needs.audit, _told(site), needs.language, needs.closing, clock),
            MicPage(needs.renderer, needs.areas, needs.language),
            SpeakPage(site, self.rounds, needs.reading),
            PreparedPage(site, self.prepared, needs.reading),
            EmergencyPages(site, needs.reading, self.alarms, self.prepared),
            EmergencyFollow(site, self.alarms),
            RoundPage(site, self.rounds),
            AirPage(site, self.rounds, self.alarms, self._proofs),
        )

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [route for page in self._pages for route in page.routes(door)]

    async def load(self) -> None:
        """Read what is kept. Raises SQLAlchemyError, StoreFull."""
        await self.prepared.load()
        await self.emergencies.load()
        self._registry.unheard |= await self._proofs.unheard()

    async def run(self) -> None:
        """Send and end emergencies, make sounds beforehand; until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(supervise("emergencies", self.emergencies.run))
                group.create_task(supervise("prepared messages", self.prepared.run))
        finally:
            await self._rounds.stop()


def _told(site: Site) -> Callable[[Language], Told]:
    return lambda language: Told(language, site.speaker_at(language))


def _sounds(shown: Shown, address: str, emergency: str) -> bool:
    """Whether a node says itself that it repeats an emergency."""
    node = shown.registry.nodes.get(address)
    return node is not None and emergency in emergencies_of(node)

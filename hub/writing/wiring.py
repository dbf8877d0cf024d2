"""Writing, put together for the application."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.bulletins.desk import Bulletins
from hub.config import HubConfig
from hub.documents.reader import Documents
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door
from hub.readingdesk import ReadingDesk
from hub.store import Store
from hub.writing.drafts import Drafts
from hub.writing.finish import Finisher
from hub.writing.hearing import Hearing
from hub.writing.pages import WritePages
from hub.writing.parts import Parts
from hub.writing.proposer import Proposer
from hub.writing.sounds import Sounds
from hub.writing.uploads import Receiver
from hub.writing.whole import Wholes

if TYPE_CHECKING:
    from hub.render import Renderer, Shown


class Writing:
    """Drafts, documents and sounds, and their pages. What programs share with these stands from `routes` on."""

    def __init__(self, config: HubConfig, store: Store, areas: Areas, bulletins: Bulletins, audit: Audit) -> None:
        """Raises ConfigError when the key of the language model cannot be read."""
        self._store = store
        self._areas = areas
        self._bulletins = bulletins
        self._audit = audit
        self._proposer = Proposer(config.drafting)
        self._documents = Documents()
        self._folder = config.data / "sounds"
        self._config = config
        self.receiver = Receiver()
        self.sounds: Sounds
        self.finisher: Finisher
        self.drafts: Drafts
        self.wholes: Wholes

    def routes(
        self,
        door: Door,
        shown: "Shown",
        renderer: "Renderer",
        desk: ReadingDesk,
        language: Callable[[Request], Language],
        session_s: float | None = None,
    ) -> list[BaseRoute]:
        """For the application, which calls this before `start`. `session_s`: seconds that a session may last."""
        self.sounds = Sounds(self._folder, shown.media)
        self.wholes = Wholes(self._config.data / "whole", desk.voice, self._config.voice, shown.media)
        self.finisher = Finisher(desk, shown.media)
        self.drafts = Drafts(self._store, shown.clock)
        parts = Parts(
            shown=shown,
            renderer=renderer,
            areas=self._areas,
            drafts=self.drafts,
            documents=self._documents,
            sounds=self.sounds,
            proposer=self._proposer,
            desk=desk,
            finisher=self.finisher,
            hearing=Hearing(self.wholes, self.finisher),
            bulletins=self._bulletins,
            audit=self._audit,
            language=language,
            session_s=session_s,
            receiver=self.receiver,
        )
        return WritePages(parts).routes(door)

    async def start(self) -> None:
        """Make ready the folders of sounds. Raises OSError."""
        await self.sounds.start()
        await self.wholes.start()

    async def stop(self) -> None:
        """End what is being made."""
        await self.wholes.stop()

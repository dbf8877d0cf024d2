"""Messages to people as one part of the hub: what it is made of, what runs, which addresses it has."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.alerts.channels import Channels
from hub.alerts.desk import ChannelDesk
from hub.alerts.engine import Engine
from hub.alerts.news import News
from hub.alerts.pages import NotifyPages
from hub.alerts.settings import Notify
from hub.alerts.stands import Stands
from hub.alerts.watch import Watch
from hub.alerts.words import Writer
from hub.people.door import Door
from hub.people.kit import Kit


@dataclass(frozen=True, slots=True)
class Local:
    """The commune: its language, time, name, and the console's address."""

    language: Language
    zone: ZoneInfo
    name: str
    address: str


class NotifyPart:
    """`load` before, `tasks` while the hub runs; `wake` when something may not wait; `routes` for the application."""

    def __init__(self, settings: Notify, on: Stands, here: Local) -> None:
        self._store = on.store
        self._channels = Channels(on.store, on.seal)
        writer = Writer(here.language, here.zone, here.name, here.address)
        watch = Watch(on.registry, settings, here.language, here.zone)
        self._engine = Engine(settings, on, watch, self._channels, writer)
        self._writer = writer
        self.desk: ChannelDesk
        """What the pages do with channels, for the API; there once `routes` was called."""

    async def load(self) -> None:
        """Read what was told before the last stop. Raises SQLAlchemyError."""
        await self._engine.load()

    def wake(self, *_: object) -> None:
        """Look at once."""
        self._engine.wake()

    def tasks(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        """Name and body of each task."""
        return (("what to tell", self._engine.run), ("messages to people", self._engine.deliver))

    def routes(self, door: Door, kit: Kit) -> list[BaseRoute]:
        """For the application."""
        self.desk = ChannelDesk(self._store, self._channels, self._writer, kit.audit, kit.clock)
        return NotifyPages(kit, self.desk).routes(door)


__all__ = ["Local", "News", "NotifyPart", "Stands"]

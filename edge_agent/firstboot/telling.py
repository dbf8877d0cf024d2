"""Who hears how the first boot goes: the card, and who stands beside the box."""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.clock import Clock
from edge_agent.config.model import NodeConfig
from edge_agent.firstboot.card import Card
from edge_agent.firstboot.journal import Journal
from edge_agent.firstboot.result import FOR_PEOPLE, FOR_PROGRAMS, Result
from edge_agent.firstboot.system import System

log = logging.getLogger(__name__)
_ZONE = "Asia/Ho_Chi_Minh"
_WRITE_AGAIN_S = 3600.0
_DAY = range(6, 20)
"""Hours."""


class Teller:
    """Writes a result at each change, and says each thing once."""

    def __init__(self, card: Card, journal: Journal, system: System, clock: Clock) -> None:
        self._card = card
        self._journal = journal
        self._system = system
        self._clock = clock
        self._said: set[str] = set()
        self._written: tuple[Result | None, float] = (None, 0.0)

    def tell(self, result: Result, node: NodeConfig | None) -> None:
        """Onto the card, and aloud: what is still wrong at another boot only by day."""
        self.write(result, node)
        what = result.fault.code if result.fault is not None else result.state
        if what in self._said:
            return
        self._said.add(what)
        known = f"{what}:{self._journal.marks}"
        if known == self._journal.done.said and not self._by_day(node):
            return
        self._journal.remember(said=known)
        self._system.speak(result.aloud().vi, node.storage.path if node is not None else None)

    def write(self, result: Result, node: NodeConfig | None) -> None:
        """Onto the card alone."""
        log.info("%s: %s", result.state, result.fault.en if result.fault is not None else result.step)
        told_s = self._clock.monotonic()
        if result == self._written[0] and told_s - self._written[1] < _WRITE_AGAIN_S:
            return  # a card wears out by being written
        self._written = (result, told_s)
        now, trusted = datetime.now(_zone(node)), self._clock.trusted
        for name, text in (
            (FOR_PEOPLE, result.for_people(now, trusted)),
            (FOR_PROGRAMS, result.for_programs(now, trusted)),
        ):
            try:
                self._card.write(name, text)
            except OSError as error:
                log.warning("%s could not be written onto the card: %s", name, error.strerror)

    def _by_day(self, node: NodeConfig | None) -> bool:
        """Whether people are surely awake: a box that starts again at night says nothing twice."""
        return self._clock.trusted and datetime.now(_zone(node)).hour in _DAY


def _zone(node: NodeConfig | None) -> ZoneInfo:
    return ZoneInfo(node.node.timezone if node is not None else _ZONE)

"""Takes each message off the broker to where it belongs. Nothing that a node sends can stop the hub."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from edge_agent.contract.commands import Ack
from edge_agent.contract.records import EventBatch, TelemetryBatch
from edge_agent.contract.reports import About, Status
from hub.aired.naming import Naming
from hub.clock import Clock
from hub.commands import Commands
from hub.feed import Feed
from hub.hubclock import said_at
from hub.ledger import Ledger
from hub.messages import Malformed, decode
from hub.registry import Registry
from hub.strangers import Strangers

logger = logging.getLogger(__name__)

QUIET_S = 10.0
"""Malformed messages are logged at most once in so many seconds: whoever floods the broker does not fill the card."""


class Inbox:
    """The hub's side of every topic it reads."""

    def __init__(
        self,
        registry: Registry,
        ledger: Ledger,
        commands: Commands,
        naming: Naming,
        feed: Feed,
        clock: Clock,
        strangers: Strangers,
    ) -> None:
        self._registry = registry
        self._ledger = ledger
        self._commands = commands
        self._naming = naming
        self._feed = feed
        self._clock = clock
        self.strangers = strangers
        self.on_instant: Callable[[str, datetime], None] = _nobody_compares
        """Told by address what time it is there, with what a node sends now (what the broker has kept is older)."""
        self.on_status: Callable[[str, Status], Status] = _as_it_is
        """Shown each status by address; what it gives back is taken in its place."""
        self._quiet_until = 0.0
        self.malformed = 0

    def take(self, topic: str, payload: bytes, retained: bool) -> None:
        """Look at one message."""
        try:
            message = decode(topic, payload, retained)
        except Malformed as error:
            self.malformed += 1
            self._complain(topic, self.malformed, str(error)[:200])
            return
        if self.strangers.refuses(message.topic.commune, message.topic.node):
            self._complain(topic, self.strangers.messages, "not in `communes`")
            return
        if not retained and (at := said_at(message.body)):
            self.on_instant(message.address, at)
        match message.body:
            case Ack() as ack:
                self._commands.on_ack(message.address, ack)
            case EventBatch() | TelemetryBatch() as batch:
                self._ledger.take(message.address, batch)
            case _:
                if isinstance(message.body, About):
                    self._naming.learn(message.address, message.body)
                if isinstance(message.body, Status):
                    message = replace(message, body=self.on_status(message.address, message.body))
                if self._registry.apply(message):
                    self._feed.take(message)

    def _complain(self, topic: str, count: int, why: str) -> None:
        now = self._clock.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            logger.warning("a message on %r was refused (%d so far): %s", topic[:120], count, why)


def _as_it_is(_: str, status: Status) -> Status:
    return status


def _nobody_compares(_: str, __: datetime) -> None:
    """Without a clock to compare with."""

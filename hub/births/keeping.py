"""Takes birth records off the stream of events, in the transaction that keeps the event. Runs in the store's thread."""

import logging

from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event, Sample
from hub.births.rows import save
from hub.clock import Clock

logger = logging.getLogger(__name__)


class BirthLog:
    """Keeps what is genuine; of the rest, that it came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def note(self, connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        """Keep a birth record; others are passed over."""
        del epoch
        if isinstance(record, Event) and record.type == "installed":
            why = save(connection, address, self._clock.now(), record.data)
            if why is not None:
                logger.warning("a birth record of %s was refused: %s", address, why)

"""Events and telemetry of all nodes: exactly once in the database, and the last few in memory for the page."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event, EventBatch, Sample, TelemetryBatch
from hub import decisions
from hub.notice import Notice
from hub.records import Note, Progress, Records
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

SHOWN = 20
"""Events in memory per node."""
CLASHES = 10
"""Of these the last that may ask for a person's choice."""
TITLES = 50
"""Of what was spoken last, per node."""


@dataclass
class Account:
    """What the ledger knows of one node."""

    progress: Progress
    kept: tuple[bytes, ...] = ()
    """The last events as JSON, newest first: as objects those of ten thousand nodes would take 300 MB."""
    clashes: list[Event] = field(default_factory=list)
    decided: set[int] = field(default_factory=set)
    titles: dict[str, str] = field(default_factory=dict)
    sample: Sample | None = None
    version: int = 0

    @property
    def events(self) -> list[Event]:
        """The last ones, newest first."""
        return [Event.model_validate_json(body) for body in self.kept]

    def decide(self, seq: int) -> None:
        """A person has chosen what goes first in the clash of this number."""
        self.decided.add(seq)
        self.version += 1

    def absorb(self, progress: Progress) -> None:
        """Take over what a commit brought."""
        self.progress = progress
        self.version += 1
        events = [_light(r) for r in progress.new if isinstance(r, Event) and _is_news(r)]
        if events:
            last = sorted([*self.events, *events], key=lambda e: (e.at, e.seq), reverse=True)[:SHOWN]
            self.kept = tuple(event.model_dump_json(exclude_defaults=True).encode() for event in last)
        fresh = [e for e in events if e.type == "clash"]
        self.clashes = sorted([*self.clashes, *fresh], key=lambda e: e.seq)[-CLASHES:]
        self.decided &= {e.seq for e in self.clashes}
        for event in sorted(events, key=lambda e: e.seq):
            self._learn(event)
        samples = [r for r in progress.new if isinstance(r, Sample)]
        self.sample = max([*samples, *([self.sample] if self.sample else [])], key=lambda s: s.at, default=None)

    def _learn(self, event: Event) -> None:
        """What a spoken notice says: in states it only stands with its id."""
        id_, words = event.data.get("id"), event.data.get("title") or event.data.get("text")
        if not isinstance(id_, str) or not isinstance(words, str) or not words:
            return
        self.titles.pop(id_, None)
        self.titles[id_[:100]] = words[:200]
        while len(self.titles) > TITLES:
            del self.titles[next(iter(self.titles))]


class Ledger:
    """Takes batches in the event loop, has them written in the store's thread."""

    def __init__(self, store: Store, notice: Notice, keep: int, note: Note | None = None) -> None:
        """`keep`: rows at most. `note`: what else is done with a new record."""
        self._store = store
        self._notice = notice
        self._records = Records(keep, note)
        self._dropped = 0
        self.accounts: dict[str, Account] = {}
        store.on_rollback.append(self._records.forget)

    async def load(self) -> None:
        """Read what was known before the last stop. Raises SQLAlchemyError."""
        for progress in await self._store.call(self._records.known):
            self._absorb(progress, None)
        for address, epoch, seq in await self._store.read(decisions.read):
            account = self.accounts.get(address)
            if account is not None and account.progress.epoch == epoch:
                account.decide(seq)

    def decide(self, address: str, seq: int) -> None:
        """A person has chosen what goes first in the clash of this number at a node."""
        account = self.accounts.get(address)
        if account is None:
            return
        account.decide(seq)
        oldest = min((event.seq for event in account.clashes), default=seq)
        job = partial(decisions.keep, address=address, epoch=account.progress.epoch, seq=seq, oldest=oldest)
        with contextlib.suppress(StoreFull):  # then it is asked once more after a restart
            self._store.offer(job)
        self._notice.bump()

    def take(self, address: str, batch: EventBatch | TelemetryBatch) -> None:
        """Have a batch written. When the card is too slow it is dropped here, shows as missing, and is asked for."""
        self._offer(partial(self._write, address=address, batch=batch))

    def give_up(self, address: str, first: int, last: int) -> None:
        """Do not ask for first..last any more: they count as lost, until they come after all."""
        self._offer(partial(self._records.give_up, address=address, first=first, last=last))

    def _offer(self, job: Callable[[Connection], Progress]) -> None:
        try:
            self._store.offer(job, self._absorb)
        except StoreFull:
            self._dropped += 1
            if self._dropped % 1000 == 1:
                logger.warning("the database is too slow, %d batches put off so far", self._dropped)

    def _write(self, connection: Connection, address: str, batch: EventBatch | TelemetryBatch) -> Progress:
        return self._records.write(connection, address, batch)

    def _absorb(self, progress: Any, error: BaseException | None) -> None:
        if error is not None or not isinstance(progress, Progress):
            return  # the store has logged it; the numbers stay missing and are asked for again
        if progress.restarted:
            logger.warning("%s counts from 1 again: it lost its database", progress.address)
        account = self.accounts.setdefault(progress.address, Account(progress))
        account.absorb(progress)
        self._notice.bump()


def _is_news(event: Event) -> bool:
    """Whether people want to read of it. Commands that went well show by what they did."""
    return event.type != "command" or event.data.get("state") not in ("accepted", "done")


def _light(event: Event) -> Event:
    """Without what is kept elsewhere: a birth record has pictures in it, and lists need none of it."""
    return event.model_copy(update={"data": {}}) if event.type == "installed" else event

"""Alerts on air: what was decided is sent to nodes, and ended there, until they have answered."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import Connection

from edge_agent.contract.bulletins import Approval, Bulletin
from edge_agent.contract.commands import CancelBulletin, PlanBulletin
from hub.cap import rows, said
from hub.cap.settings import CapSettings
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.notice import Notice
from hub.people.acting import acting
from hub.people.rights import Person
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
LOOK_EVERY_S = 15.0
"""What could not be sent is tried again so often."""
TOGETHER = timedelta(seconds=3)
"""Nodes begin together so long after they were asked."""
PREPARING = timedelta(seconds=20)
"""Words that are no emergency are on air so long afterwards: the voice must have made them."""
END_LIFE_S = 60.0
ENDING = 40
"""Nodes that are asked to end at the same time."""
AT_ONCE = 400
"""Nodes in one command."""


CanReach = Callable[[str], bool]
Has = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Batch:
    """Words for nodes of one commune."""

    alert: str
    words: said.Words
    addresses: tuple[str, ...]


class Airing:
    """Sends what the database says is to be sent. So nothing that was decided is lost when the hub or the broker ends.

    This is the one place through which alerts reach loudspeakers: as a bulletin of the alert's own name, planned for
    now. Sent twice it is aired once, a newer one of the same name takes its place, and it is ended by its name.
    """

    def __init__(
        self,
        store: Store,
        commands: Commands,
        can_reach: CanReach,
        has: Has,
        settings: CapSettings,
        notice: Notice,
        clock: Clock,
    ) -> None:
        """`can_reach`: whether a node can be reached now, by its address; `has`: whether it shows a bulletin."""
        self._store = store
        self._can_reach = can_reach
        self._has = has
        self._commands = commands
        self._settings = settings
        self._notice = notice
        self._clock = clock
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There is something to send."""
        self._news.set()

    async def run(self) -> None:
        """Send and end, for ever. Raises SQLAlchemyError where the database fails."""
        while True:
            self._news.clear()
            for batch in await self._batches():
                await self._send(batch)
            places = asyncio.Semaphore(ENDING)
            wanted = await self._store.read(partial(said.to_end, now=self._clock.now()))
            await asyncio.gather(*(self._end(places, alert, address) for alert, address in wanted))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._news.wait()

    async def _batches(self) -> list[Batch]:
        open_ = await self._store.read(said.unsent)
        grouped: dict[tuple[str, int, str], list[str]] = {}
        for alert, number, address, state in open_:
            if state == "silent" and (not self._can_reach(address) or self._has(address, alert)):
                continue  # the broker keeps it for a node that is away; one that shows it has it
            grouped.setdefault((alert, number, address.partition("/")[0]), []).append(address)
        known: dict[str, Mapping[int, said.Words]] = {}
        batches: list[Batch] = []
        for (alert, number, _), addresses in grouped.items():
            if alert not in known:
                found = await self._store.read(partial(said.said, id_=alert))
                known[alert] = {words.number: words for words in found}
            words = known[alert][number]
            if words.until <= self._clock.now():
                await self._too_late(alert, addresses)
                continue
            parts = (addresses[n : n + AT_ONCE] for n in range(0, len(addresses), AT_ONCE))
            batches += [Batch(alert, words, tuple(part)) for part in parts]
        return batches

    async def _too_late(self, alert: str, addresses: Iterable[str]) -> None:
        for address in addresses:
            await self._store.call(partial(said.told, id_=alert, address=address, state="late", fault=""))
        self._notice.bump()

    async def _send(self, batch: Batch) -> None:
        now = self._clock.now()
        row = await self._store.read(partial(rows.get, id_=batch.alert))
        if row is None:
            return
        bulletin = self._bulletin(row, batch.words, now)
        commune = batch.addresses[0].partition("/")[0]
        life = max((batch.words.until - now).total_seconds(), ANSWER_S)
        if bulletin.class_ != "emergency":
            life = PREPARING.total_seconds()
        with acting(Person("", batch.words.approved_by)):
            outcomes = await self._commands.send_all(
                commune,
                PlanBulletin(bulletin=bulletin),
                batch.addresses,
                limit=ANSWER_S,
                life=life,
                on_answer=partial(self._heard, batch.alert),
            )
        # Written before the next look at what is to be sent, or it would be sent again.
        await self._store.call(partial(_tell, alert=batch.alert, outcomes=outcomes))
        self._notice.bump()

    def _bulletin(self, row: rows.Row, words: said.Words, now: datetime) -> Bulletin:
        at = now + (TOGETHER if words.class_ == "emergency" else PREPARING)
        left = words.until - at
        return Bulletin.model_validate(
            {
                "id": row.id,
                "title": row.title[:200] or row.id,
                "text": words.text,
                "readings": words.readings,
                "strict_reading": False,
                "class": words.class_,
                "at": at,
                "catch_up_s": int(min(max(left.total_seconds(), 60), 86_400)),
                "repeat_every_s": self._settings.repeat_every_s,
                "repeat_until": at + min(max(left, timedelta(seconds=5)), timedelta(days=1)),
                "approval": Approval(by=words.approved_by[:100] or "-", at=now),
            }
        )

    def _heard(self, alert: str, address: str, outcome: Outcome) -> None:
        """Write what a node answered, as it comes."""
        try:
            self._store.offer(partial(_tell, alert=alert, outcomes={address: outcome}), lambda *_: self._notice.bump())
        except StoreFull:
            logger.error("the answer of %s about %s could not be kept", address, alert)

    async def _end(self, places: asyncio.Semaphore, alert: str, address: str) -> None:
        if not self._can_reach(address):
            return  # it is asked when it is back
        async with places:
            args = CancelBulletin(bulletin=alert)
            outcome = await self._commands.send(address, args, limit=ANSWER_S, life=END_LIFE_S)
        unknown = outcome.fault is not None and outcome.fault.code == "command.unknown_thing"
        if outcome.state in ("done", "accepted") or unknown:
            await self._store.call(partial(said.ended, id_=alert, address=address))
            self._notice.bump()


def _tell(connection: Connection, alert: str, outcomes: Mapping[str, Outcome]) -> None:
    """Write what became of it at nodes."""
    for address, outcome in outcomes.items():
        fault = json.dumps(outcome.fault.model_dump(), ensure_ascii=False) if outcome.fault else ""
        said.told(connection, alert, address, outcome.state, fault)

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

from edge_agent.contract.commands import CancelBulletin, PlanBulletin
from hub.cap import rows, said
from hub.cap.bulletin import PREPARING, all_clear, bulletin, clear_id
from hub.cap.settings import CapSettings
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.notice import Notice
from hub.people.acting import by
from hub.store import Store, StoreFull
from hub.telling import tell_all

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
LOOK_EVERY_S = 15.0
"""What could not be sent is looked at again so often, at least."""
HURRY_S = 2.0
"""The same while the broker is away, or nobody knows yet what nodes have of it."""
SETTLE_S = 20.0
"""So long after a start a node is waited for that may have been told before it."""
END_LIFE_S = 60.0

CanReach = Callable[[str], bool]
Has = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Batch:
    """Words for nodes that have not got them yet."""

    alert: str
    words: said.Words
    open: tuple[said.Open, ...]


class Airing:
    """Sends what the database says is to be sent. So nothing that was decided is lost when the hub or the broker ends.

    This is the one place through which alerts reach loudspeakers: as a bulletin of the alert's own name, planned for
    now. A newer one of the same name takes its place, and it is ended by its name. What a node was told by a hub that
    ended before it could write that down is not sent to it again: the node shows that it has it.
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
        self._hurry = False
        self._began: datetime | None = None
        self._there: dict[str, datetime] = {}

    def wake(self) -> None:
        """There is something to send."""
        self._news.set()

    async def run(self) -> None:
        """Send and end, for ever. Raises SQLAlchemyError where the database fails."""
        self._began = self._began or self._clock.now()
        while True:
            self._news.clear()
            self._hurry = False
            await asyncio.gather(*[self._send(batch) for batch in await self._batches()])
            ending = await self._store.read(partial(said.to_end, now=self._clock.now()))
            await asyncio.gather(*[self._end(alert, nodes) for alert, nodes in _by_alert(ending).items()])
            clearing = await self._store.read(partial(said.to_clear, now=self._clock.now()))
            await asyncio.gather(*[self._clear(alert, nodes) for alert, nodes in _by_alert(clearing).items()])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HURRY_S if self._hurry else LOOK_EVERY_S):
                    await self._news.wait()

    async def _batches(self) -> list[Batch]:
        grouped: dict[tuple[str, int], list[said.Open]] = {}
        for each in await self._store.read(said.unsent):
            if not await self._waits(each):
                grouped.setdefault((each.alert, each.words), []).append(each)
        found: list[Batch] = []
        for (alert, number), open_ in grouped.items():
            known = {words.number: words for words in await self._store.read(partial(said.said, id_=alert))}
            if known[number].until <= self._clock.now():
                await self._mark(alert, {each.address: Outcome("silent") for each in open_}, "late")
            else:
                found.append(Batch(alert, known[number], tuple(open_)))
        return found

    async def _waits(self, each: said.Open) -> bool:
        """Whether it must not be sent now."""
        shows = self._has(each.address, each.alert)
        if each.state == "silent":  # the broker keeps it for a node that is away; one that shows it has it
            return shows or not self._can_reach(each.address)
        if self._began is None or each.at >= self._began or each.words:
            return False
        if shows:
            await self._mark(each.alert, {each.address: Outcome("done")})
            return True
        if self._settled(each.address, self._began):
            return False
        self._hurry = True
        return True

    def _settled(self, address: str, began: datetime) -> bool:
        """Whether what a node shows since this hub began can be believed: all of it comes within a moment."""
        now = self._clock.now()
        if self._can_reach(address) and now - self._there.setdefault(address, now) >= timedelta(seconds=HURRY_S / 2):
            return True
        return now - began >= timedelta(seconds=SETTLE_S)

    async def _send(self, batch: Batch) -> None:
        now = self._clock.now()
        row = await self._store.read(partial(rows.get, id_=batch.alert))
        if row is None:
            return
        planned = bulletin(row, batch.words, self._settings.repeat_every_s, now)
        life = (batch.words.until - now if planned.class_ == "emergency" else PREPARING).total_seconds()
        outcomes = await tell_all(
            self._commands,
            batch.words.approved_by,
            PlanBulletin(bulletin=planned),
            [each.address for each in batch.open],
            limit=ANSWER_S,
            life=life,
            heard=partial(self._heard, batch.alert),
        )
        before = {each.address: each.state for each in batch.open}
        self._hurry |= any(outcome.state == "unsent" for outcome in outcomes.values())
        # Written before the next look at what is to be sent, or it would be sent again.
        await self._mark(batch.alert, {a: o for a, o in outcomes.items() if before[a] != o.state})

    async def _mark(self, alert: str, outcomes: Mapping[str, Outcome], state: str = "") -> None:
        """Write what became of it at nodes; `state` in place of what they said."""
        if outcomes:
            await self._store.call(partial(_tell, alert=alert, outcomes=outcomes, state=state))
            self._notice.bump()

    def _heard(self, alert: str, address: str, outcome: Outcome) -> None:
        """Write what a node answered, as it comes."""
        try:
            self._store.offer(partial(_tell, alert=alert, outcomes={address: outcome}), lambda *_: self._notice.bump())
        except StoreFull:
            logger.error("the answer of %s about %s could not be kept", address, alert)

    async def _end(self, alert: str, nodes: list[str]) -> None:
        there = [address for address in nodes if self._can_reach(address)]  # the others are asked when they are back
        args = CancelBulletin(bulletin=alert)
        outcomes = await tell_all(
            self._commands, by(), args, there, limit=ANSWER_S, life=END_LIFE_S, heard=lambda *_: None
        )
        over = [address for address, outcome in outcomes.items() if _is_over(outcome)]
        if over:
            await self._store.call(partial(said.ended, id_=alert, addresses=over))
            self._notice.bump()

    async def _clear(self, alert: str, nodes: list[str]) -> None:
        """Say that it is over where it was ended; one that may have heard so already is looked at, not told again."""
        row = await self._store.read(partial(rows.get, id_=alert))
        words = (await self._store.read(partial(said.said, id_=alert)))[-1]
        if row is None:
            return
        name = clear_id(alert, words.number)
        known = [address for address in nodes if self._has(address, name)]
        there = [address for address in nodes if address not in set(known) and self._can_reach(address)]
        outcomes = await tell_all(
            self._commands,
            words.approved_by,
            PlanBulletin(bulletin=all_clear(row, words, self._clock.now())),
            there,
            limit=ANSWER_S,
            life=PREPARING.total_seconds(),
            heard=lambda *_: None,
        )
        said_at = [address for address, outcome in outcomes.items() if outcome.state in ("done", "accepted")]
        if known or said_at:
            await self._store.call(partial(said.ended, id_=alert, addresses=[*known, *said_at], state="cleared"))
            self._notice.bump()


def _is_over(outcome: Outcome) -> bool:
    unknown = outcome.fault is not None and outcome.fault.code == "command.unknown_thing"
    return outcome.state in ("done", "accepted") or unknown


def _by_alert(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for alert, address in found:
        grouped.setdefault(alert, []).append(address)
    return grouped


def _tell(connection: Connection, alert: str, outcomes: Mapping[str, Outcome], state: str = "") -> None:
    """Write what became of it at nodes."""
    for address, outcome in outcomes.items():
        fault = json.dumps(outcome.fault.model_dump(), ensure_ascii=False) if outcome.fault else ""
        said.told(connection, alert, address, state or outcome.state, fault)

"""Emergencies of the commune: sounded on many clusters, followed, repeated, ended by the all-clear.

What is to be said is written as it is sent, so that nothing that was decided is lost when the hub or the broker ends;
where it cannot be written it sounds nevertheless, and is written as soon as it can be. A bulletin of the same name,
sent twice, sounds once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from edge_agent.contract.commands import Args, CancelBulletin, PlanBulletin
from edge_agent.contract.ids import uuid7
from hub.air import emergency_book as book
from hub.air.emergency_book import Emergency, Told, Words
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.notice import Notice
from hub.people.acting import by
from hub.people.audit import Audit
from hub.store import Store, StoreFull
from hub.telling import tell_all

__all__ = ["MINUTES", "Emergencies", "Words"]

logger = logging.getLogger(__name__)

MINUTES = (5, 15, 30, 60)
"""How long the siren and the words may repeat, unless somebody ends it."""
TOGETHER = timedelta(seconds=3)
"""Nodes begin together so long after they were asked."""
CLEAR_AFTER = timedelta(seconds=8)
"""The all-clear is no emergency: its voice is made first."""
ANSWER_S = 10.0
LOOK_S = 10.0
"""What could not be sent is tried again so often."""
ONCE_MORE = timedelta(seconds=20)
"""A node that is there and did not answer is asked again so long after it was asked."""
KEPT_S = 3.0
"""So long somebody waits for the record; the nodes are asked meanwhile."""
END_LIFE = timedelta(hours=1)
"""So long after its end a node that comes back is told that an emergency is over."""


class Emergencies:
    """All emergencies that were sounded from this hub."""

    def __init__(
        self,
        store: Store,
        commands: Commands,
        can_reach: Callable[[str], bool],
        audit: Audit,
        notice: Notice,
        clock: Clock,
        sounds: Callable[[str, str], bool] = lambda _address, _emergency: False,
    ) -> None:
        """`can_reach`: whether a node is there now, by its address.

        `sounds`: whether a node itself says that it repeats an emergency, by its id.
        """
        self._store = store
        self._commands = commands
        self._can_reach = can_reach
        self._sounds = sounds
        self._audit = audit
        self._notice = notice
        self._clock = clock
        self._known: dict[str, Emergency] = {}
        self._news = asyncio.Event()

    async def load(self) -> None:
        """Read what may still sound, and the last ones. Raises SQLAlchemyError."""
        self._known = {each.id: each for each in await self._store.read(book.last)}

    @property
    def all(self) -> tuple[Emergency, ...]:
        """The last ones, the newest first."""
        return tuple(sorted(self._known.values(), key=lambda each: each.id, reverse=True))

    def get(self, id_: str) -> Emergency | None:
        """One of them."""
        return self._known.get(id_)

    async def sound(self, words: Words, addresses: Iterable[str], minutes: float, id_: str | None = None) -> str:
        """Sound it on these nodes, all at one instant, repeating for so many minutes; returns its id.

        It is sent at once, also where it cannot be written: a village that wakes up matters more than the record.
        Asked again with the same `id_` it changes nothing.
        """
        now, id_ = self._clock.now(), id_ or new_id()
        if id_ in self._known:
            return id_
        nodes = {address: Told() for address in addresses}
        made = Emergency(id_, words, by(), now, now + timedelta(minutes=minutes), nodes)
        self._known[id_] = made
        try:
            self._audit.note(
                "emergency.sound", ", ".join(nodes)[:300], words.title, id=id_, text=words.text, minutes=minutes
            )
        except StoreFull:
            logger.error("the audit log does not hold that %s sounded %s", made.by, id_)
        self._keep(made)
        self._changed()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KEPT_S):
                await made.asked_to_keep.wait()
        return id_

    async def again(self, id_: str, may: Callable[[str], bool] = lambda _address: True) -> int:
        """Ask those once more that did not answer well; returns how many. `may`: whether of a node, by its address.

        Raises KeyError, StoreFull.
        """
        emergency = self._known[id_]
        if not emergency.repeats(self._clock.now()):
            return 0
        left = [address for address, told in emergency.nodes.items() if told.state != "done" and may(address)]
        self._audit.note("emergency.again", ", ".join(left)[:300], emergency.words.title, id=id_)
        for address in left:
            self._note(emergency, address, Told())
        self._changed()
        return len(left)

    async def all_clear(self, id_: str) -> None:
        """End it everywhere, and say that it is over. Raises KeyError, and SQLAlchemyError, StoreFull for one that
        stands in the database: else it would repeat again after a restart.
        """
        emergency = self._known[id_]
        if emergency.cleared is not None:
            return
        now, who = self._clock.now(), by()
        self._audit.note("emergency.clear", ", ".join(emergency.nodes)[:300], emergency.words.title, id=id_)
        if emergency.kept:
            await self._store.call(lambda connection: book.clear(connection, id_, now, who))
        emergency.cleared, emergency.cleared_by = now, who
        self._changed()

    async def run(self) -> None:
        """Send and end, until cancelled: each by itself, so that none waits for a node that does not answer another."""
        tending: dict[tuple[str, bool], asyncio.Task[None]] = {}
        missed: set[tuple[str, bool]] = set()

        def tended(part: tuple[str, bool], _: asyncio.Task[None]) -> None:
            del tending[part]
            if part in missed:  # there was news of it meanwhile
                missed.remove(part)
                self._news.set()

        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for emergency in self.all:
                    part = emergency.id, emergency.cleared is not None  # an end does not wait for the beginning either
                    if part in tending:
                        missed.add(part)
                    else:
                        tending[part] = group.create_task(self._tend(emergency))
                        tending[part].add_done_callback(partial(tended, part))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()

    def _changed(self) -> None:
        self._news.set()
        self._notice.bump()

    async def _tend(self, emergency: Emergency) -> None:
        now = self._clock.now()
        if not emergency.kept and emergency.asked_to_keep.is_set():
            self._keep(emergency)
        if emergency.repeats(now):
            unasked = [address for address in emergency.nodes if self._is_due(emergency, address, now)]
            if unasked:
                await self._send(emergency, unasked)
        elif emergency.cleared is not None and now < max(emergency.until, emergency.cleared) + END_LIFE:
            await self._end(emergency)

    def _is_due(self, emergency: Emergency, address: str, now: datetime) -> bool:
        """Not asked yet; or there again, or still, without an answer: the broker may have lost what it kept."""
        told, last = emergency.nodes[address], emergency.asked.get(address)
        if told.state == "silent" and self._can_reach(address):
            return last is None or now - last >= ONCE_MORE
        return not told.state

    def _keep(self, emergency: Emergency) -> None:
        """Have it written as it is now. Where that fails it is tried again."""
        emergency.asked_to_keep.clear()
        kept = book.rows(emergency)

        def done(_: object, error: BaseException | None) -> None:
            emergency.kept = error is None
            emergency.asked_to_keep.set()
            self._notice.bump()

        try:
            self._store.offer(lambda connection: book.keep(connection, *kept), done)
        except StoreFull as full:
            logger.error("%s sounds, but cannot be written", emergency.id)
            done(None, full)

    async def _send(self, emergency: Emergency, addresses: list[str]) -> None:
        now = self._clock.now()
        emergency.asked |= dict.fromkeys(addresses, now)
        args = PlanBulletin(bulletin=book.bulletin(emergency, now + TOGETHER, now))
        life = (emergency.until - now).total_seconds()

        def heard(address: str, outcome: Outcome) -> None:
            if outcome.state != "unsent":
                self._note(emergency, address, Told(outcome.state, outcome.fault, emergency.nodes[address].ended))
                if emergency.cleared is not None:
                    self._news.set()  # its end may have come before its beginning was taken

        await self._ask(emergency.by, args, addresses, life, heard)

    async def _end(self, emergency: Emergency) -> None:
        """Take it off the nodes' calendars, and say the all-clear where it was on."""
        first = not emergency.ending
        emergency.ending = True
        left = [address for address in emergency.nodes if self._is_left(emergency, address)]
        open_ = left if first else [address for address in left if self._can_reach(address)]
        if not open_:
            return
        now = self._clock.now()

        def heard(address: str, outcome: Outcome) -> None:
            gone = outcome.fault is not None and outcome.fault.code == "command.unknown_thing"
            told = emergency.nodes[address]
            pending = not told.state and address in emergency.asked
            if outcome.state in ("done", "accepted") or (gone and not pending):
                self._note(emergency, address, Told(told.state, told.fault, self._clock.now()))

        life = max((emergency.until - now).total_seconds(), 60.0)
        await self._ask(emergency.cleared_by, CancelBulletin(bulletin=emergency.id), open_, life, heard)
        if first and emergency.words.clear:
            words = PlanBulletin(bulletin=book.clear_bulletin(emergency, self._clock.now() + CLEAR_AFTER))
            there = [address for address in open_ if self._can_reach(address)]
            await self._ask(emergency.cleared_by, words, there, 60.0, lambda *_: None)

    def _is_left(self, emergency: Emergency, address: str) -> bool:
        """Whether it is still to be ended there: also where nobody knows that it began, and where it is heard again."""
        return not emergency.nodes[address].ended or self._sounds(address, emergency.id)

    async def _ask(
        self, who: str, args: Args, addresses: list[str], life: float, heard: Callable[[str, Outcome], None]
    ) -> None:
        """Each node is told of once it answers; those that do not at the end."""
        outcomes = await tell_all(self._commands, who, args, addresses, limit=ANSWER_S, life=life, heard=heard)
        _rest(outcomes, heard)

    def _note(self, emergency: Emergency, address: str, told: Told) -> None:
        """Keep what a node answered. Where that cannot be written, it is asked again: better heard twice."""
        emergency.nodes[address] = told
        self._notice.bump()
        try:
            self._store.offer(lambda connection: book.tell(connection, emergency.id, address, told))
        except StoreFull:
            logger.error("the answer of %s about %s could not be kept", address, emergency.id)


def _rest(outcomes: Mapping[str, Outcome], heard: Callable[[str, Outcome], None]) -> None:
    for address, outcome in outcomes.items():
        if outcome.state in ("silent", "unsent", "rejected"):
            heard(address, outcome)


def new_id() -> str:
    """For a new emergency."""
    return f"kc-{uuid7()}"

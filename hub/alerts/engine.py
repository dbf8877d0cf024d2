"""Looks what is wrong, has it told, and sends: `run` and `deliver` do again and again what `look` and `send` do."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.alerts import outbox
from hub.alerts.channels import Channels
from hub.alerts.foreign import ForeignAlerts
from hub.alerts.model import Channel, Rule, Trouble
from hub.alerts.outbox import Kind, Limits, Message
from hub.alerts.own import KEY, OwnLink
from hub.alerts.sending import Undelivered, send
from hub.alerts.settings import Notify
from hub.alerts.stands import Stands
from hub.alerts.tables import items, news, told
from hub.alerts.watch import Watch
from hub.alerts.words import Writer
from hub.people.rights import Place
from hub.times import local

logger = logging.getLogger(__name__)

EVERY_S = 5.0
SEND_EVERY_S = 2.0
CALM_S = 20.0
"""So long after the broker was found nothing is judged: it tells all nodes' states first."""
AT_ONCE = frozenset({Rule.AWAY, Rule.UNREADY, Rule.CAP})
"""These have lasted already, or may not wait."""
_TOGETHER = 200
"""Troubles in one write; others write between."""


@dataclass(frozen=True, slots=True)
class Told:
    """A trouble that was told."""

    rule: Rule
    place: Place
    area: str
    name: str


class Engine:
    """`wake` has it look at once."""

    def __init__(
        self,
        settings: Notify,
        on: Stands,
        watch: Watch,
        channels: Channels,
        writer: Writer,
    ) -> None:
        self._settings = settings
        self._store = on.store
        self._watch = watch
        self._channels = channels
        self._writer = writer
        self._connected = on.connected
        self._clock = on.clock
        self._foreign = ForeignAlerts(on.store, on.concerns, watch.language)
        self._own = OwnLink(on.connected, settings, watch.language)
        self._told: dict[str, Told] = {}
        self._first: dict[str, datetime] = {}
        self._gone: dict[str, datetime] = {}
        self._calm: datetime | None = None
        self._pruned: datetime | None = None
        self._woken = asyncio.Event()
        self._turns = asyncio.Semaphore(2)

    async def load(self) -> None:
        """Read what was told before the last stop. Raises SQLAlchemyError."""
        await self._channels.load()
        rows = await self._store.read(lambda c: c.execute(sa.select(told)).mappings().fetchall())
        for row in rows:
            self._told[row["key"]] = Told(Rule(row["rule"]), Place.parse(row["place"]), row["area"], row["name"])

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            await self.look()
            self._woken.clear()
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def deliver(self) -> None:
        """Send, until cancelled."""
        while True:
            await self.send()
            await asyncio.sleep(SEND_EVERY_S)

    async def look(self) -> None:
        """What is new, and what is over; then make messages of what waits. Raises SQLAlchemyError, StoreFull."""
        now = self._clock.now()
        await self._take_news(now)
        if kind := self._own.news(now, told=KEY in self._told):
            await self._tell([replace(self._own.trouble, urgent=kind == "new")], kind, now)
        if self._is_calm(now):
            await self._judge(now)
        await self._compose(now)
        if self._pruned is None or now - self._pruned > timedelta(hours=1):
            self._pruned = now
            await self._store.call(partial(outbox.prune, before=now - timedelta(days=self._settings.keep_days)))

    async def send(self) -> None:
        """One try of the oldest message of each channel whose turn has come. Raises SQLAlchemyError, StoreFull."""
        now = self._clock.now()
        channels = [channel for channel in self._channels.all() if channel.on]
        waiting = await self._store.read(lambda c: [(each, outbox.next_of(c, each.id, now)) for each in channels])
        due = [self._try(channel, message) for channel, message in waiting if message is not None]
        for result in await asyncio.gather(*due, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _try(self, channel: Channel, message: Message) -> None:
        async with self._turns:
            try:
                if not channel.url:
                    raise Undelivered("notify.error_key")
                limit, local_ = self._settings.timeout_s, self._settings.local_services
                await send(channel.url, message.title, message.body, limit, local=local_)
            except Undelivered as error:
                logger.warning("channel %s: message %d did not go out: %s", channel.id, message.id, error)
                give_up = timedelta(hours=self._settings.give_up_hours)
                why, now = str(error), self._clock.now()
                await self._store.call(lambda c: outbox.failed(c, message, why, now, give_up))
            else:
                now = self._clock.now()
                await self._store.call(lambda c: outbox.sent(c, message, now))

    def _is_calm(self, now: datetime) -> bool:
        """Whether what is known of nodes can be believed: while the broker is away it is old."""
        if not self._connected():
            self._calm = None
            return False
        self._calm = self._calm or now + timedelta(seconds=CALM_S)
        return now >= self._calm

    async def _judge(self, now: datetime) -> None:
        current = self._watch.troubles(now) | await self._foreign.troubles()
        settle = timedelta(seconds=self._settings.settle_s)
        self._first = {key: self._first.get(key, now) for key in current}
        fresh = [
            trouble
            for key, trouble in current.items()
            if key not in self._told and (trouble.urgent or trouble.rule in AT_ONCE or now - self._first[key] >= settle)
        ]
        over: list[Trouble] = []
        dropped: list[str] = []
        self._gone = {key: self._gone.get(key, now) for key in self._told if key not in current}
        for key, since in self._gone.items():
            known = self._told[key]
            well = self._watch.is_well(key, known.rule, known.place, now)
            if well is None:
                self._gone[key] = now  # it must be well for so long as somebody can tell
            elif not well:
                dropped.append(key)
            elif known.rule is Rule.CAP or now - since >= settle:
                over.append(Trouble(key, known.rule, self._placed(known), known.area, known.name))
        await self._tell(fresh, "new", now)
        await self._tell(over, "over", now)
        for start in range(0, len(dropped), _TOGETHER):
            await self._drop(dropped[start : start + _TOGETHER])

    async def _drop(self, keys: Sequence[str]) -> None:
        """Forget without a word what was told: there is nothing more to say of it."""
        gone = told.delete().where(told.c.key.in_(keys))
        await self._store.call(lambda c: c.execute(gone).rowcount)
        for key in keys:
            self._told.pop(key, None)

    def _placed(self, known: Told) -> Place:
        """Where it is, with its area."""
        if not known.place.node:
            return known.place
        return self._watch.where(f"{known.place.commune}/{known.place.node}")[0]

    async def _tell(self, troubles: Sequence[Trouble], kind: Kind, now: datetime) -> None:
        for start in range(0, len(troubles), _TOGETHER):
            some = troubles[start : start + _TOGETHER]
            await self._store.call(partial(_tell_all, channels=self._channels.all(), troubles=some, kind=kind, now=now))
            for trouble in some:
                if kind == "new":
                    self._told[trouble.key] = Told(trouble.rule, trouble.place, trouble.area, trouble.name)
                else:
                    self._told.pop(trouble.key, None)

    async def _take_news(self, now: datetime) -> None:
        """Hand what happened once to channels, and forget it, in one."""
        rows = await self._store.read(
            lambda c: c.execute(sa.select(news).order_by(news.c.id).limit(_TOGETHER)).mappings().fetchall()
        )
        if not rows:
            return
        channels = self._channels.all()

        def write(connection: Connection) -> None:
            for row in rows:
                connection.execute(news.delete().where(news.c.id == row["id"]))
                outbox.tell(connection, channels, self._once(row), "once", now)

        await self._store.call(write)

    def _once(self, row: "sa.RowMapping") -> Trouble:
        rule = Rule(row["rule"])
        place, area, name = self._watch.where(row["address"], row["thing"])
        key = f"{row['rule']}:{row['address']}:{row['thing']}"
        if rule is Rule.MISSED and row["title"]:
            name = f"{row['title']}, {self._watch.where(row['address'])[2]}"[:200]
        return Trouble(key, rule, place, area, name)

    async def _compose(self, now: datetime) -> None:
        there = local(now, self._watch.zone).time()
        limits = Limits(self._settings.gather_s, self._settings.per_hour)
        waiting = sa.select(items.c.channel).where(items.c.message == 0).distinct()
        having = await self._store.read(lambda c: set(c.execute(waiting).scalars()))
        for channel in self._channels.all():
            if channel.on and channel.id in having:
                quiet = channel.is_quiet(there)
                write = partial(self._writer.write, now=now)
                await self._store.call(
                    partial(outbox.compose, channel=channel, now=now, limits=limits, write=write, quiet=quiet)
                )


def _tell_all(
    connection: Connection, channels: Sequence[Channel], troubles: Sequence[Trouble], kind: Kind, now: datetime
) -> None:
    for trouble in troubles:
        outbox.tell(connection, channels, trouble, kind, now)

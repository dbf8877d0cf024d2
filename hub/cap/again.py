"""Looks at alerts again, as time goes by and nodes appear."""

from functools import partial

from hub.cap import rows, said
from hub.cap.airing import Airing
from hub.cap.desk import BY_RULE, Desk, parsed
from hub.cap.rows import Row, State
from hub.cap.rules import why_not
from hub.clock import Clock
from hub.notice import Notice
from hub.store import Store

MOST = 50
"""Alerts that are looked at in one go, the newest."""


class Again:
    """What was judged once may have to be judged anew."""

    def __init__(self, desk: Desk, store: Store, airing: Airing, notice: Notice, clock: Clock) -> None:
        self._desk = desk
        self._store = store
        self._airing = airing
        self._notice = notice
        self._clock = clock

    async def look(self) -> None:
        """What nobody decided in time is over; nodes that have appeared count. Raises SQLAlchemyError, StoreFull."""
        late = await self._store.read(partial(rows.overdue, now=self._clock.now()))
        for row in late:
            await self._store.call(partial(rows.move, id_=row.id, state=State.EXPIRED, of=(State.WAITING,)))
        if late:
            self._notice.bump()
        for row in await self._store.read(partial(rows.listed, states=(State.WAITING,), most=MOST)):
            if row.reason in ("", "area") or (row.reason == "clock" and row.expires > self._clock.now()):
                await self._judge(row)
        for row in await self._store.read(partial(rows.listed, states=(State.AIRED,), most=MOST)):
            await self._follow(row)

    async def _judge(self, row: Row) -> None:
        """It waits only because no node was known, as after a start, or it was not judged when the hub ended."""
        before = await self._store.read(partial(said.said, id_=row.id))
        if before:
            return
        alert = await parsed(row.body)
        comes_to = await self._desk.plan(alert)
        reason = why_not(alert, comes_to, self._desk.settings, proved=row.proved, now=self._clock.now())
        if reason and reason != row.reason:
            await self._store.call(partial(rows.move, id_=row.id, state=State.WAITING, reason=reason))
        elif not reason:
            await self._desk.air_by_rule(row, alert, comes_to)
            self._airing.wake()
            self._notice.bump()

    async def _follow(self, row: Row) -> None:
        """A siren that sounds by rule sounds also at nodes in its area that have appeared since."""
        words = await self._store.read(partial(said.said, id_=row.id))
        living = [w for w in words if w.until > self._clock.now() and w.class_ == "emergency"]
        if not living or not all(w.approved_by.startswith(BY_RULE) for w in words):
            return
        aired = await self._store.read(partial(said.aired_at, id_=row.id))
        if any(each.ending for each in aired):
            return
        comes_to, known = await self._desk.plan(await parsed(row.body)), {each.address for each in aired}
        for each in living:
            nodes = comes_to.parts[each.number].nodes if each.number < len(comes_to.parts) else ()
            if late := [node for node in nodes if node not in known]:
                job = partial(said.also, id_=row.id, number=each.number, addresses=late, at=self._clock.now())
                await self._store.call(job)
                self._airing.wake()

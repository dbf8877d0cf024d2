"""What the programmes will do tonight and tomorrow night, told ahead: once for all things that follow the same one."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from edge_agent.clock import Clock
from edge_agent.contract.timetables import MOST_SWITCHES, ComingSwitch, TimetableState
from edge_agent.timetable.sun import NoSun
from edge_agent.timetable.timetable import Ahead, Plan

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 60.0


class Foretelling:
    """Posts a state for each timetable: at the start, as each night begins, and when the clock was set."""

    def __init__(self, plans: Mapping[str, Plan], clock: Clock, post: Callable[[TimetableState], None]) -> None:
        """`plans`: by the ids under which they are told."""
        self._plans = plans
        self._clock = clock
        self._post = post
        self._holds: dict[str, tuple[datetime, datetime]] = {}
        """From when to when what was told last needs no other word."""

    async def run(self) -> None:
        """Look once a minute whether there is something new, for ever."""
        while True:
            self.tell()
            await self._clock.sleep(_LOOK_EVERY_S)

    def tell(self) -> None:
        """Say what has changed; nothing while nobody knows what time it is."""
        if not self._clock.trusted:
            return
        now = self._clock.now()
        for id_, plan in self._plans.items():
            begin, end = self._holds.get(id_, (now, now))
            if begin <= now < end:
                continue
            try:
                ahead = plan.ahead(now)
            except NoSun as error:  # its position is wrong; the thing itself tells
                log.warning("what %s will do is not known: %s", id_, error)
                continue
            self._holds[id_] = ahead.begin, ahead.next
            self._post(_state(id_, plan, ahead, now))


def _state(id_: str, plan: Plan, ahead: Ahead, now: datetime) -> TimetableState:
    switches = ahead.switches[:MOST_SWITCHES]
    more = len(ahead.switches) > MOST_SWITCHES
    names = tuple(name for name in ahead.programmes if name is not None)
    return TimetableState(
        id=id_,
        at=now,
        programmes=names,
        begin=ahead.begin,
        end=ahead.switches[MOST_SWITCHES].at if more else ahead.end,
        switches=tuple(ComingSwitch(at=each.at, level=round(each.level, 1)) for each in switches),
        photocell=bool(plan.photocells),
        more=more,
    )

"""What the end of the agent interrupted, a power cut say: told, and gone on with where its policy says so."""

from datetime import datetime, timedelta

from edge_agent.bulletins import airing as story
from edge_agent.bulletins.board import BulletinBoard
from edge_agent.bulletins.ledger import Ledger
from edge_agent.bulletins.onair import OnAir
from edge_agent.bulletins.passed import Watch
from edge_agent.bulletins.table import Begun, Planned
from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.errors import Fault

_LOOK_EVERY_S = 5.0


class Resuming:
    """Airings that were claimed when the agent stopped."""

    def __init__(self, ledger: Ledger, on_air: OnAir, watch: Watch, board: BulletinBoard, clock: Clock) -> None:
        self._ledger = ledger
        self._on_air = on_air
        self._watch = watch
        self._board = board
        self._clock = clock

    async def loaded(self, begun: Begun, planned: Planned | None, *, sounding: bool) -> bool:
        """After a start. False: nothing is left to be done about it; an emergency goes on by itself."""
        if sounding:
            return False
        if begun.seen is None:  # claimed, but not a sound yet: it is still to come, or to be caught up
            await self._ledger.unclaim(begun)
            if planned is not None:
                planned.handled = min(planned.handled, begun.due - timedelta(milliseconds=1))
                planned.stopped = begun.due
            return False
        fault = _fault(begun)
        policy = planned.bulletin.after_interruption if planned is not None else "drop"
        data: JsonObject = {"state": "interrupted", "at": iso(begun.due), "title": begun.airing.title, "then": policy}
        await self._ledger.tell(begun.key.bulletin, {**data, "seconds": begun.airing.seconds, "code": fault.code})
        if planned is None or policy == "drop":
            await self._ledger.settle(begun.key, begun.due, story.because(begun.airing, fault, "partly"))
        if planned is not None:
            self._board.show(planned.bulletin, "partly", last=begun.due, fault=fault)
        return planned is not None and policy != "drop"

    async def go_on(self, planned: Planned, begun: Begun) -> None:
        """Air the rest as soon as the time is known, unless it is too late by then."""
        window = timedelta(seconds=planned.bulletin.catch_up_s)
        until = (begun.seen or begun.due) + window
        if await self._in_time(until, window):
            await self._on_air.go_on(planned, begun, until)
        else:
            await self._on_air.settle(planned, begun, story.because(begun.airing, _fault(begun), "partly"))

    async def _in_time(self, until: datetime, window: timedelta) -> bool:
        while not self._watch.trusted():
            if timedelta(seconds=self._watch.running_s) > window:
                return False  # whatever time it is, the node was off before that
            await self._clock.sleep(_LOOK_EVERY_S)
        return self._clock.now() <= until


def _fault(begun: Begun) -> Fault:
    return Fault.of("bulletin.interrupted", seconds=round(begun.airing.seconds))

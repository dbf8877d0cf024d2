"""The states of all bulletins, as they are shown."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from edge_agent.clock import Clock
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState

_KEPT = 1_000
Actual = Literal["preparing", "ready", "on_air", "aired", "partly", "missed", "cancelled"]


class BulletinBoard:
    """The latest state of each bulletin; of those that are over, the newest are remembered."""

    def __init__(self, clock: Clock, post: Callable[[BulletinState], None]) -> None:
        self._clock = clock
        self._post = post
        self._states: dict[str, BulletinState] = {}

    def show(
        self,
        bulletin: Bulletin,
        actual: Actual | None = None,
        *,
        coming: datetime | None = None,
        last: datetime | None = None,
        fault: Fault | None = None,
        error_ms: float | None = None,
        voice: str | None = None,
    ) -> None:
        """Publish a state; what is not given stays as it was, but for the fault."""
        before = self._states.pop(bulletin.id, None)
        state = BulletinState(
            id=bulletin.id,
            at=self._clock.now(),
            actual=actual or self._rest(before),
            title=bulletin.title,
            next=None if actual == "cancelled" else coming or (before.next if before else None),
            last=last or (before.last if before else None),
            fault=fault if actual is not None else (before.fault if before else None),
            start_error_ms=error_ms if error_ms is not None else (before.start_error_ms if before else None),
            voice=voice or (before.voice if before else None),
        )
        if before is not None and before.model_copy(update={"at": state.at}) == state:
            self._states[bulletin.id] = before  # nothing to say
        else:
            self._put(state)

    def over(self, bulletin: str) -> None:
        """It has no further instant."""
        before = self._states.pop(bulletin, None)
        if before is not None:
            self._put(before.model_copy(update={"next": None}))

    @staticmethod
    def _rest(before: BulletinState | None) -> Actual:
        if before is None:
            return "preparing"
        return before.actual if before.actual != "on_air" else "ready"

    def _put(self, state: BulletinState) -> None:
        self._states[state.id] = state
        if len(self._states) > _KEPT:
            del self._states[next(iter(self._states))]
        self._post(state)

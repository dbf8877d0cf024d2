"""The states of all bulletins, as they are shown."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from edge_agent.clock import Clock
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState
from edge_agent.prepare.readiness import Readiness

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
        last: datetime | None = None,
        fault: Fault | None = None,
        error_ms: float | None = None,
        voice: str | None = None,
    ) -> None:
        """Publish a state; what is not given stays as it was, but for the fault."""
        before = self._states.get(bulletin.id)
        news: dict[str, object] = {"last": last, "start_error_ms": error_ms, "voice": voice}
        changes = {name: value for name, value in news.items() if value is not None}
        if actual is not None:
            changes |= {"actual": actual, "fault": fault}
        if actual == "cancelled":
            changes |= {"next": None, "coming": ()}
        if actual == "on_air":
            changes["heard"] = None
        self._change(bulletin, before or self._first(bulletin), changes)

    def coming(self, bulletin: Bulletin, instants: tuple[datetime, ...], following: datetime | None) -> None:
        """When it is on air next, and within the next days."""
        before = self._states.get(bulletin.id) or self._first(bulletin)
        self._change(bulletin, before, {"next": following, "coming": instants})

    def ready(self, bulletin: Bulletin, readiness: Readiness, unlawful: Fault | None = None) -> None:
        """How far it is prepared. What is on air, or was, stays shown so while nothing is wrong with its next time."""
        before = self._states.get(bulletin.id) or self._first(bulletin)
        changes: dict[str, object] = {"prepared": readiness.prepared, "needed": readiness.needed or None}
        changes["said"] = readiness.said
        if before.actual in ("preparing", "ready") or (readiness.fault is not None and before.actual != "on_air"):
            changes["actual"] = "ready" if readiness.state == "ready" else "preparing"
            changes["fault"] = readiness.fault or unlawful
        self._change(bulletin, before, changes)

    def heard(self, bulletin: str, heard: bool) -> None:
        """What the microphone said of it."""
        before = self._states.get(bulletin)
        if before is not None:
            self._put(before.model_copy(update={"heard": heard, "at": self._clock.now()}))

    def over(self, bulletin: str) -> None:
        """It has no further instant."""
        before = self._states.pop(bulletin, None)
        if before is not None:
            self._put(before.model_copy(update={"next": None, "coming": ()}))

    def _first(self, bulletin: Bulletin) -> BulletinState:
        fields = {"id": bulletin.id, "at": self._clock.now(), "actual": "preparing", "title": bulletin.title}
        return BulletinState.model_validate({**fields, "class": bulletin.class_})

    def _change(self, bulletin: Bulletin, before: BulletinState, changes: dict[str, object]) -> None:
        always = {"title": bulletin.title, "class_": bulletin.class_}
        state = before.model_copy(update={**always, **changes, "at": before.at})
        if state == self._states.get(bulletin.id):
            return  # nothing to say
        self._put(state.model_copy(update={"at": self._clock.now()}))

    def _put(self, state: BulletinState) -> None:
        self._states.pop(state.id, None)
        self._states[state.id] = state
        if len(self._states) > _KEPT:
            del self._states[next(iter(self._states))]
        self._post(state)

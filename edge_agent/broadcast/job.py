"""One item on its way through the air: what it still has to play, and what was heard of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from drivers.contract import PlayStart
from edge_agent.broadcast.item import Item
from edge_agent.broadcast.sources import Sources
from edge_agent.contract.airings import Airing, Interruption
from edge_agent.contract.bulletins import AfterInterruption
from edge_agent.contract.errors import Fault
from edge_agent.desk.act import Begin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_THEN: dict[AfterInterruption, Literal["resumed", "restarted", "dropped"]] = {
    "resume": "resumed",
    "restart": "restarted",
    "drop": "dropped",
}
_AGAIN_S = 1.0
"""What is gone on with begins this much earlier, so that the word that was cut is heard whole."""


@dataclass(eq=False)
class Job:
    """See the module. `came` and `number`: when it was asked for, and as the how manieth. Seconds are of the item."""

    item: Item
    speaker: str
    begin: Begin | None
    on_start: Callable[[PlayStart], None] | None
    came: datetime
    number: int
    sources: Sources = field(init=False)
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    """It has the air, or was cut."""
    kicked: asyncio.Event = field(default_factory=asyncio.Event)
    """It has to leave the air."""
    beginning: asyncio.Task[None] | None = None
    cut: Fault | None = None
    """Somebody ended it."""
    made_way_for: str | None = None
    """Id of the item that takes the air from it now."""
    failure: Fault | None = None
    """What the speaker said last; gone when it sounds again."""
    not_before: float = float("-inf")
    """Monotonic: tried again then."""
    tries: int = 0
    left_at: float | None = None
    """Monotonic: since when it does not sound any more, although it had begun."""
    begun: bool = False
    away: bool = False
    """It had begun, and does not sound now."""
    started: datetime | None = None
    start_error_ms: float | None = None
    uncertainty_ms: float | None = None
    seconds: float = 0.0
    position_s: float = 0.0
    volume: float = 0.0
    output: str | None = None
    interruptions: list[Interruption] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources = Sources(self.item)
        self.position_s = self.item.skip_s

    def leave(self, now: float) -> None:
        """It had begun and does not sound any more: where it goes on is set."""
        self.away, self.left_at = True, now
        if self.item.after == "restart":
            self.position_s = 0.0
        elif self.item.after == "resume" and not self._in_live():
            self.position_s = max(0.0, self.position_s - _AGAIN_S)

    def interrupted(self, by: str, at: datetime) -> None:
        """It had to make way; call `leave` after it."""
        told = Interruption(at=at, by=by, position_s=round(self.position_s, 3), then=_THEN[self.item.after])
        self.interruptions.append(told)
        if self.item.after == "drop":
            self.cut = Fault.of("bulletin.dropped", by=by)

    def sounds(self) -> None:
        """It is heard (again)."""
        self.begun, self.away, self.tries = True, False, 0

    @property
    def is_live(self) -> bool:
        """Whether it begins with something live, which is in step with its instant even when that is past."""
        pieces = self.sources.pieces
        return pieces is not None and len(pieces) > 0 and pieces[0].live

    def airing(self) -> Airing:
        """What is told of it."""
        item = self.item
        fault = self.cut or self.failure or self.sources.fault
        interruptions = list(self.interruptions)
        if self.away and interruptions:
            interruptions[-1] = interruptions[-1].model_copy(update={"then": "dropped"})
        return Airing(
            id=item.id,
            speaker=self.speaker,
            title=item.title,
            **{"class": item.class_},
            authority=item.authority,
            state="partly" if fault is not None else "aired",
            planned=item.at,
            planned_us=None if item.at is None else microseconds(item.at),
            started_us=None if self.started is None else microseconds(self.started),
            start_error_ms=None if self.start_error_ms is None else round(self.start_error_ms, 3),
            uncertainty_ms=None if self.uncertainty_ms is None else round(self.uncertainty_ms, 3),
            seconds=round(self.seconds, 3),
            volume=round(self.volume * 100, 1),
            voice=item.voice,
            said=item.said,
            sha256=item.sha256,
            output=self.output,
            interruptions=tuple(interruptions),
            code=fault.code if fault is not None else None,
            params=fault.params if fault is not None else {},
            reason=fault.en if fault is not None else None,
            by=item.by,
            approved_by=item.approved_by,
        )

    def _in_live(self) -> bool:
        stretch = self.sources.stretch(self.position_s)
        return stretch is not None and stretch.live_since_s is not None


def microseconds(instant: datetime) -> int:
    """Since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def heard_so_far(one: Airing, other: Airing) -> Airing:
    """Two parts of the same thing as one: the beginning of the first, the seconds of both."""
    return one.model_copy(
        update={
            "seconds": round(one.seconds + other.seconds, 3),
            "interruptions": (*one.interruptions, *other.interruptions),
        }
    )

"""The sounds that a bulletin needs: its own, and those of single instances that have other words."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from drivers.contract import Piece
from edge_agent.backoff import Backoff
from edge_agent.broadcast.item import Prepared
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault, caused_by
from edge_agent.contract.segments import Live, Pause, Relay, Segment, Text
from edge_agent.prepare.readiness import Readiness
from tts.manner import Manner

MOST_WAIT_S = 300.0
_FIRST_S = 5.0
NEVER = datetime.max.replace(tzinfo=UTC)


class Preparer(Protocol):
    """What makes sounds: `edge_agent.prepare.preparer.Preparer`."""

    async def prepare(
        self,
        owner: str,
        segments: tuple[Segment, ...],
        manner: Manner,
        progress: Callable[[int, int], None],
        *,
        better: bool = False,
    ) -> Prepared:
        """The sounds, kept until `release`. Raises Refusal."""

    async def release(self, owner: str) -> None:
        """They are not needed any more."""


@dataclass(eq=False)
class Sounds:
    """The sounds of a bulletin, or of its one instance with other words. `due`: when they are needed next."""

    owner: str
    bulletin: str
    segments: tuple[Segment, ...]
    manner: Manner
    due: datetime = NEVER
    readiness: Readiness = field(default_factory=Readiness)
    prepared: Prepared | None = None
    retry_at: float = 0.0
    """Monotonic; not before it."""
    backoff: Backoff = field(default_factory=lambda: Backoff(first=_FIRST_S, most=MOST_WAIT_S))
    task: asyncio.Task[Prepared] | None = None
    gone: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float | None:
        """How long they last, if that is known."""
        if self.prepared is None:
            return None
        if self.prepared.seconds is not None:
            return self.prepared.seconds
        streams = sum(each.seconds for each in self.segments if isinstance(each, Relay | Live))
        files = [piece.seconds for piece in self.prepared.sources if isinstance(piece, Piece)]
        known = [seconds for seconds in files if seconds is not None]
        return streams + sum(known) if len(known) == len(files) else None

    @property
    def lacking(self) -> bool:
        """Whether something is still to be made, or could be made better."""
        return self.task is None and (self.prepared is None or bool(self.prepared.own))

    def end(self) -> None:
        """Nobody wants them any more."""
        self.gone = True
        if self.task is not None:
            self.task.cancel()


def manner(bulletin: Bulletin) -> Manner:
    """How it is read: strictly, but an emergency is never silent for the sake of an acronym."""
    return Manner(bulletin.readings, bulletin.strict_reading and bulletin.class_ != "emergency")


def why_not_ready(fault: Fault | None) -> Fault:
    """The reason of a miss."""
    late = {"detail": "it was not made in time", "detail_vi": "chưa làm kịp"}
    cause = caused_by(fault) if fault is not None else late
    voice = fault is not None and fault.code.startswith("speech.")
    return Fault.of("bulletin.missed_voice" if voice else "bulletin.missed_sound", **cause)


def least_seconds(segments: tuple[Segment, ...]) -> float | None:
    """How long it lasts, where that is known before anything is prepared."""
    if all(isinstance(each, Relay | Live | Pause) for each in segments):
        return sum(each.seconds for each in segments if isinstance(each, Relay | Live | Pause))
    return None


def wanted(bulletin: Bulletin, languages: tuple[str, ...], now: datetime) -> list[Sounds]:
    """All sounds of a bulletin where these languages are spoken."""
    how, parts = manner(bulletin), bulletin.parts(languages)
    found = [Sounds(bulletin.id, bulletin.id, parts, how, readiness=Readiness(0, len(parts)))]
    for change in bulletin.recurrence.changes if bulletin.recurrence else ():
        if change.text is not None and change.at > now:
            parts = (Text(text=change.text, readings=bulletin.readings),)
            owner = owner_of(bulletin.id, change.planned)
            found.append(Sounds(owner, bulletin.id, parts, how, due=change.at, readiness=Readiness(0, 1)))
    return found


def owner_of(bulletin: str, planned_as: datetime) -> str:
    """Whose the sounds of an instance with its own words are."""
    return f"{bulletin}@{planned_as.astimezone(UTC):%Y%m%dT%H%M%SZ}"

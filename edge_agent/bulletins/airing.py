"""The proof of one instance, from what was planned and what was heard. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from edge_agent.calendar import Occurrence
from edge_agent.contract.airings import Airing, Interruption
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RESTART = "restart"
"""What interrupted it, when the node itself stopped."""


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def instant(us: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def intended(bulletin: Bulletin, occurrence: Occurrence, speaker: str, by: str) -> Airing:
    """What is known before anything was heard."""
    return Airing.model_validate(
        {
            "id": bulletin.id,
            "speaker": speaker,
            "title": bulletin.title,
            "class": bulletin.class_,
            "authority": bulletin.authority,
            "state": "missed",
            "planned": occurrence.at,
            "planned_us": micros(occurrence.at),
            "repetitions": 0,
            "by": by,
            "approved_by": bulletin.approval.by if bulletin.approval else None,
        }
    )


def because(airing: Airing, fault: Fault, state: Literal["partly", "missed"] | None = None) -> Airing:
    """It was cut short or missed, and why. Without `state`: by whether something was heard."""
    state = state or ("partly" if airing.seconds else "missed")
    why = {"code": fault.code, "params": fault.params, "reason": fault.en}
    return airing.model_copy(update={"state": state, "repetitions": int(state == "partly"), **why})


def interrupted(airing: Airing, at: datetime, position_s: float, *, again: bool) -> Airing:
    """The node stopped in the middle; now it goes on, or begins again."""
    then: Literal["restarted", "resumed"] = "restarted" if again else "resumed"
    more = Interruption(at=at, by=RESTART, position_s=round(position_s, 3), then=then)
    return airing.model_copy(update={"interruptions": (*airing.interruptions, more)})


def joined(before: Airing, heard: Airing) -> Airing:
    """What was intended, or heard before the node stopped, and what was heard now: one airing."""
    changes: dict[str, object] = {
        "id": before.id,
        "title": before.title,
        "planned": before.planned,
        "planned_us": before.planned_us,
        "seconds": round(before.seconds + heard.seconds, 3),
        "interruptions": (*before.interruptions, *heard.interruptions),
        "by": before.by,
        "approved_by": before.approved_by,
    }
    if before.started_us is not None:
        first = ("started_us", "start_error_ms", "uncertainty_ms")
        changes |= {name: getattr(before, name) for name in first}
    return heard.model_copy(update=changes)

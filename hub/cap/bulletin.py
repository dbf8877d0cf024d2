"""The bulletins by which nodes hear of an alert: its words, and that it is over."""

from datetime import datetime, timedelta

from edge_agent.contract.bulletins import Approval, Bulletin
from hub.cap import said
from hub.cap.rows import Row
from hub.titles import clear_of

TOGETHER = timedelta(seconds=3)
"""Nodes begin together so long after they were asked."""
PREPARING = timedelta(seconds=20)
"""Words that are no emergency are on air so long afterwards: the voice must have made them."""


def bulletin(row: Row, words: said.Words, repeat_every_s: float, now: datetime) -> Bulletin:
    """The words, from now on; repeated while they hold if they are an emergency."""
    at = now + (TOGETHER if words.class_ == "emergency" else PREPARING)
    left = words.until - at
    return Bulletin.model_validate(
        {
            "id": row.id,
            "title": row.title[:200] or row.id,
            "text": words.text,
            "readings": words.readings,
            "strict_reading": False,
            "class": words.class_,
            "at": at,
            "catch_up_s": int(min(max(left.total_seconds(), 60), 86_400)),
            "repeat_every_s": repeat_every_s,
            "repeat_until": at + min(max(left, timedelta(seconds=5)), timedelta(days=1)),
            "approval": Approval(by=words.approved_by[:100] or "-", at=now),
        }
    )


def clear_id(alert: str, number: int) -> str:
    """The name of an all-clear: the same for the same words."""
    return f"by-{alert.removeprefix('cap-')[:32]}-{number}"[:40]


def all_clear(row: Row, words: said.Words, now: datetime) -> Bulletin:
    """That it is over: said once, without a siren, and called so."""
    at = now + PREPARING
    return Bulletin.model_validate(
        {
            "id": clear_id(row.id, words.number),
            "title": clear_of(row.title or row.id),
            "text": words.text,
            "strict_reading": False,
            "class": "priority",
            "at": at,
            "catch_up_s": 600,
            "approval": Approval(by=words.approved_by[:100] or "-", at=now),
        }
    )

"""What of an alert may air by itself. Every doubt leaves it to a person, and says why."""

from datetime import datetime, timedelta

from hub.cap.message import Alert, MsgType, Scope, Status, Urgency
from hub.cap.plan import Part, Plan
from hub.cap.settings import CapSettings, Sender

AHEAD = timedelta(minutes=5)
"""A message from further in the future than clocks may differ is looked at by a person."""


def why_not(alert: Alert, plan: Plan, settings: CapSettings, *, proved: bool, now: datetime) -> str:
    """Why nothing of a message airs by itself: the end of a key `cap.wait_...`; empty: its parts may, each by its own.

    `proved`: by signature or by the way it came, that it is from its sender.
    """
    sender = settings.sender(alert.sender)
    checks = (
        ("kind", alert.msg_type not in (MsgType.ALERT, MsgType.UPDATE)),
        ("status", alert.status is not Status.ACTUAL),
        ("scope", alert.scope is not Scope.PUBLIC),
        ("sender", sender is None),
        ("unproved", not proved),
        ("rule", sender is not None and sender.auto is None),
        ("future", alert.sent > now + AHEAD),
        ("empty", not plan.parts),
        ("area", bool(plan.parts) and not plan.nodes),
    )
    return next((reason for reason, holds in checks if holds), "")


def why_part_waits(part: Part, sender: Sender | None, now: datetime) -> str:
    """The same for one part."""
    auto = sender.auto if sender else None
    if auto is None:
        return "rule"
    info = part.info
    checks = (
        ("level", part.level < auto.from_level),
        ("certainty", not info.certainty.at_least(auto.least)),
        ("urgency", info.urgency is Urgency.PAST),
        ("future", info.effective is not None and info.effective > now + AHEAD),
        ("area", not part.nodes),
        ("language", part.spoken is None),
    )
    return next((reason for reason, holds in checks if holds), "")

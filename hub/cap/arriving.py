"""How a message that comes in is kept: what is known of it by itself, before others are looked at."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.cap import rows
from hub.cap.message import Alert, MsgType, Status
from hub.cap.plan import Plan, chosen_infos, ends
from hub.cap.rows import Row, State
from hub.cap.rules import why_not
from hub.cap.settings import CapSettings


@dataclass(frozen=True, slots=True)
class By:
    """How it came: over which feed, or by whom, and whether it is certain that its sender sent it.

    `astray`: the hub's clock and who gave it are far from each other, so nobody knows what has expired.
    """

    source: str
    who: str
    proved: bool
    astray: bool = False


def row_of(alert: Alert, body: bytes, by: By, comes_to: Plan, settings: CapSettings, now: datetime) -> Row:
    """A message as it is kept, as if it were the only one."""
    infos = chosen_infos(alert.infos)
    title = next((info.headline or info.event for info in infos), "") or alert.note or alert.identifier
    areas = dict.fromkeys(area.description for info in infos for area in info.areas)
    row = Row(
        id=rows.id_of(*alert.key[:2], alert.sent),
        sender=alert.sender,
        identifier=alert.identifier,
        sent=alert.sent,
        received=now,
        source=by.source,
        given_by=by.who,
        proved=by.proved,
        status=alert.status.value,
        msg_type=alert.msg_type.value,
        state=State.WAITING,
        reason=why_not(alert, comes_to, settings, proved=by.proved, now=now),
        level=comes_to.level,
        title=" ".join(title.split())[:300],
        areas=", ".join(areas)[:500],
        expires=max(
            (ends(alert, info, settings) for info in alert.infos),
            default=alert.sent + timedelta(hours=settings.life_hours),
        ),
        body=body,
    )
    row = replace(row, state=_state(row, alert, comes_to))
    if by.astray and row.state is State.EXPIRED and alert.status is Status.ACTUAL:
        return replace(row, state=State.WAITING, reason="clock")
    return row


def _state(row: Row, alert: Alert, comes_to: Plan) -> State:
    """Where a new message stands, but for what other messages say of it."""
    if alert.msg_type in (MsgType.ACK, MsgType.ERROR, MsgType.CANCEL):
        return State.NOTED
    if row.expires <= row.received or (alert.infos and not comes_to.parts):
        return State.EXPIRED
    return State.WAITING if alert.status is Status.ACTUAL else State.NOTED

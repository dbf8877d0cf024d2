"""Updates and cancellations: which message stands for which, in whatever order they come."""

from dataclasses import replace

from sqlalchemy.engine import Connection

from hub.cap import rows, said
from hub.cap.message import Alert, MsgType
from hub.cap.rows import Row, State

LIVING = (State.WAITING, State.AIRED, State.NOTED)
"""States in which a newer message can still take an alert's place."""
REPLACED = (State.SUPERSEDED, State.CANCELLED)


def keep(connection: Connection, row: Row, alert: Alert) -> Row | None:
    """Write a new message and what it does to earlier ones, or they to it; None for one that came before."""
    newer = [other for other in rows.referring(connection, row.id) if _may_replace(other, row)]
    if row.state in LIVING and newer:
        row = replace(row, state=replaced_by(newer[-1]), reason="")
    if not rows.add(connection, row, alert):
        return None
    said.note(connection, row.id, said.Act(row.received, row.given_by, "received", row.source))
    if row.msg_type in (MsgType.UPDATE, MsgType.CANCEL):
        return _replace(connection, row)
    return row


def _replace(connection: Connection, row: Row) -> Row:
    """Let an Update or Cancel take the place of what it refers to; one that proves less than that waits."""
    old = rows.referred(connection, row.id)
    weaker = [each for each in old if each.state in LIVING and not _may_replace(row, each)]
    if weaker and row.state in (State.NOTED, State.WAITING):
        rows.move(connection, row.id, State.WAITING, "replaces")
        row = replace(row, state=State.WAITING, reason="replaces")
    replaced = [each for each in old if each.state in LIVING and _may_replace(row, each)]
    for each in replaced:
        rows.move(connection, each.id, replaced_by(row), row.id)
        said.note(connection, each.id, said.Act(row.received, "", str(replaced_by(row)), row.identifier))
    if row.state is not State.WAITING:  # else the old words go on until the new ones are on air
        said.end(connection, [each.id for each in replaced])
    return row


def _may_replace(new: Row, old: Row) -> bool:
    """Only its own sender, as well proved, and a test replaces no real alert."""
    return (
        new.sender == old.sender
        and new.status == old.status
        and (new.proved or not old.proved)
        and new.msg_type in (MsgType.UPDATE, MsgType.CANCEL)
    )


def replaced_by(row: Row) -> State:
    """What becomes of an alert whose place this one takes."""
    return State.CANCELLED if row.msg_type == MsgType.CANCEL else State.SUPERSEDED


def replace_by_person(connection: Connection, row: Row, act: said.Act) -> list[Row]:
    """A person says that an unproved Update or Cancel is right: it takes the place of what it refers to."""
    old = [each for each in rows.referred(connection, row.id) if each.state in LIVING and each.status == row.status]
    for each in old:
        rows.move(connection, each.id, replaced_by(row), row.id)
        said.note(connection, each.id, said.Act(act.at, act.who, str(replaced_by(row)), row.identifier))
    said.end(connection, [each.id for each in old])
    return old

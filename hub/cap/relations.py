"""Updates and cancellations: which message stands for which, in whatever order they come."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy.engine import Connection

from hub.cap import copies, rows, said
from hub.cap.copies import LIVING, Kept
from hub.cap.message import Alert, MsgType
from hub.cap.rows import Row, State

REPLACED = (State.SUPERSEDED, State.CANCELLED)


def keep(connection: Connection, row: Row, alert: Alert) -> Kept:
    """Write a new message and what it does to earlier ones, or they to it. `row.id`: by which others refer to it."""
    name, before = row.id, rows.of_name(connection, row.id)
    if (known := copies.known(connection, row, alert, before)) is not None:
        return known
    referring = rows.referring(connection, name)
    newer = [other for other in referring if _may_replace(other, row)]
    if row.state in LIVING and newer:
        row = replace(row, state=replaced_by(newer[-1]), reason="")
    proof = copies.proof_of(connection, row, alert, before) if row.proved else None
    if proof is None:
        row = copies.own(row, before)
        rows.add(connection, row, alert, name)
    row = proof or row
    said.note(connection, row.id, said.Act(row.received, row.given_by, "received", row.source))
    copies.outdo(connection, row, before)
    if row.state in LIVING:
        for other in referring:
            _ask_about(connection, other, row)
    if row.msg_type in (MsgType.UPDATE, MsgType.CANCEL):
        row = _replace(connection, row)
    return Kept(row, True)


def _ask_about(connection: Connection, cancel: Row, row: Row) -> None:
    """A Cancel that came first and proves nothing: now that there is something to take back, a person decides."""
    if cancel.msg_type == MsgType.CANCEL and not _may_replace(cancel, row) and cancel.sender == row.sender:
        rows.move(connection, cancel.id, State.WAITING, "replaces", of=(State.NOTED,))


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
    """Only its own sender, proved, and a test replaces no real alert. Of all else anybody could be the author."""
    return (
        new.sender == old.sender
        and new.status == old.status
        and new.proved
        and new.msg_type in (MsgType.UPDATE, MsgType.CANCEL)
    )


def replaced_by(row: Row) -> State:
    """What becomes of an alert whose place this one takes."""
    return State.CANCELLED if row.msg_type == MsgType.CANCEL else State.SUPERSEDED


def replace_by_person(connection: Connection, row: Row, act: said.Act, may: Collection[str] | None = None) -> None:
    """A person says that an unproved Update or Cancel is right: it takes the place of what it refers to.

    `may`: of these alerts only, for which that person decides; None: of all.
    """
    living = [each for each in rows.referred(connection, row.id) if each.state in LIVING]
    old = [each for each in living if each.status == row.status and (may is None or each.id in may)]
    for each in old:
        rows.move(connection, each.id, replaced_by(row), row.id)
        said.note(connection, each.id, said.Act(act.at, act.who, str(replaced_by(row)), row.identifier))
    said.end(connection, [each.id for each in old])

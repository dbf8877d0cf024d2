"""Messages of one name: copies, and what somebody else sends under the name of a sender's message.

A name is taken by nobody: a proved message comes in whatever was brought under its name before.
"""

import hashlib
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from hub.cap import rows, said
from hub.cap.message import Alert
from hub.cap.parse import CapError, parse
from hub.cap.rows import Row, State

LIVING = (State.WAITING, State.AIRED, State.NOTED)
"""States in which another message can still take an alert's place."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it is kept. `new`: it, or its proof, had not come; `differs`: a known one says something else."""

    row: Row
    new: bool
    differs: bool = False


def known(connection: Connection, row: Row, alert: Alert, copies: list[Row]) -> Kept | None:
    """What was kept under its name before, where nothing is to be added to that."""
    same = next((each for each in copies if _says(each, row, alert)), None)
    proved = next((each for each in copies if each.proved), None)
    if proved is not None:
        if differs := not _says(proved, row, alert):
            _note_other(connection, proved, row)
        return Kept(proved, False, differs)
    return Kept(same, False) if same is not None and not row.proved else None


def proof_of(connection: Connection, row: Row, alert: Alert, copies: list[Row]) -> Row | None:
    """The same message as it was kept without proof, if it can go on with it: nobody aired only a part of it."""
    same = next((each for each in copies if _says(each, row, alert)), None)
    if same is None or not (same.state is State.AIRED or not said.said(connection, same.id)):
        return None
    kept = replace(row, id=same.id, given_by=same.given_by, received=same.received)
    if same.state is State.AIRED:  # a person was quicker than the proof: no second siren
        kept = replace(kept, state=same.state, reason=same.reason)
    rows.prove(connection, kept)
    return kept


def own(row: Row, copies: list[Row]) -> Row:
    """The message by an id that is its own, where others came under its name; unproved ones are told apart aloud."""
    if not copies:
        return row
    digest = hashlib.sha256(row.id.encode() + (b"+" if row.proved else b"-") + row.body).hexdigest()
    row = replace(row, id=f"cap-{digest[:32]}")
    return replace(row, reason="differs") if row.state is State.WAITING and not row.proved else row


def outdo(connection: Connection, row: Row, copies: list[Row]) -> None:
    """A proved message takes the place of all others of its name; unproved ones wait side by side."""
    others = [each for each in copies if each.id != row.id]
    if not row.proved:
        for each in others:
            rows.move(connection, each.id, State.WAITING, "differs", of=(State.WAITING,))
        return
    rows.refer(connection, row.id, [each.id for each in others])
    for each in others:
        if each.state in LIVING:
            rows.move(connection, each.id, State.SUPERSEDED, row.id)
            said.note(connection, each.id, said.Act(row.received, "", "outproved", row.source))
    if row.state is not State.WAITING:  # else their words go on until the true ones are on air
        said.end(connection, [each.id for each in others])


def _says(kept: Row, row: Row, alert: Alert) -> bool:
    """Whether both say the same, whatever their bytes and signatures."""
    if kept.body == row.body:
        return True
    try:
        other = parse(kept.body)
    except CapError:
        return False
    return replace(other, signed=False, notes=()) == replace(alert, signed=False, notes=())


def _note_other(connection: Connection, proved: Row, row: Row) -> None:
    """Once for each who brings it: somebody sends something else under the name of a proved message."""
    who = row.given_by or row.source
    if not any(act.act == "differs" and act.who == who for act in said.history(connection, proved.id)):
        said.note(connection, proved.id, said.Act(row.received, who, "differs", row.source))

"""Who brings a message by hand: whether that person decides about it, and how many of theirs are taken in an hour."""

from datetime import timedelta

from sqlalchemy.engine import Connection

from hub.cap import rows, said
from hub.cap.copies import Kept
from hub.cap.message import Alert
from hub.cap.plan import Plan
from hub.cap.relations import keep
from hub.cap.rows import Row
from hub.people.areas import Areas
from hub.people.rights import Person, Right
from hub.store_group import NotKept

PER_HOUR = 10
"""Messages that prove nothing, of one person who does not decide about them."""
CALM = "calm"
"""The act that says: brought without proof by somebody who does not decide about it, so nobody is woken for it."""


class TooMany(NotKept):
    """That person has brought enough for this hour. Nothing was kept."""


def decides(who: Person, plan: Plan, areas: Areas) -> bool:
    """Whether somebody approves for all clusters that an alert means; for a commune, where it means none yet."""
    if not plan.nodes:
        return any(place.is_wide for place in who.places(Right.APPROVE))
    return all(areas.may(who, Right.APPROVE, node) for node in plan.nodes)


def keep_calm(connection: Connection, row: Row, alert: Alert) -> Kept:
    """Keep what somebody brings without proof who does not decide about it. Raises TooMany."""
    kept = keep(connection, row, alert)
    if kept.new:
        if rows.unproved_of(connection, row.given_by, row.received - timedelta(hours=1)) > PER_HOUR:
            raise TooMany  # the store takes back what was written
        said.note(connection, kept.row.id, said.Act(row.received, row.given_by, CALM, ""))
    return kept

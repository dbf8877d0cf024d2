"""What is sent to a node about a bulletin, and what its answer means."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge_agent.contract.bulletins import Approval, Bulletin
from edge_agent.contract.commands import Args, CancelBulletin, PlanBulletin
from edge_agent.contract.segments import Text, Version
from hub.bulletins.deliveries import Delivery, Sent
from hub.bulletins.model import Released
from hub.commands import Outcome
from hub.people.rights import NOBODY, Person

LONGEST_LIFE = timedelta(days=30)
"""A day less than a command may live: clocks differ."""
LATE = timedelta(minutes=5)
"""So much later than its instant a bulletin that is heard once may still come to a node."""


@dataclass(frozen=True, slots=True)
class Message:
    """A command, how long it is good for, and in whose name it is sent."""

    args: Args
    life: timedelta
    by: Person


def message(row: Delivery, released: Released | None, now: datetime, *, older: bool = False) -> Message | None:
    """What brings the node to what it shall have; None where that is over. `older`: as `for_node`."""
    if not row.wanted:
        return Message(CancelBulletin(bulletin=row.bulletin), LONGEST_LIFE, NOBODY)
    if released is None:
        return None
    life = LONGEST_LIFE
    if released.schedule.recurrence is None:
        life = min(max(released.schedule.at - now, timedelta()) + LATE, LONGEST_LIFE)
    return Message(
        PlanBulletin(bulletin=for_node(row.bulletin, released, older=older)), life, Person(released.by, released.name)
    )


def for_node(id_: str, released: Released, *, older: bool = False) -> Bulletin:
    """As nodes understand it. `older`: one that refuses voices by name, and needs none: the hub's sound has it."""
    content = released.content
    versions = tuple(map(_nameless, content.versions)) if older else content.versions
    return Bulletin.model_validate(
        {
            "id": id_,
            "title": content.title,
            "versions": versions,
            "class": content.class_,
            "authority": content.authority,
            "after_interruption": content.after,
            "at": released.schedule.at,
            "recurrence": released.schedule.recurrence,
            "approval": Approval(by=released.name, at=released.at),
        }
    )


def _nameless(version: Version) -> Version:
    segments = (
        each.model_copy(update={"voice": None}) if isinstance(each, Text) else each for each in version.segments
    )
    return version.model_copy(update={"segments": tuple(segments)})


def answered(row: Delivery, outcome: Outcome) -> Delivery:
    """The row after the node's answer, or after none."""
    match outcome.state:
        case "done":
            return replace(row, state=Sent.TAKEN, taken=row.wanted, fault=None, tries=0)
        case "rejected" | "failed" if row.wanted:
            return replace(row, state=Sent.REFUSED, fault=outcome.fault)
        case "rejected" | "failed":  # it was not on its calendar any more
            return replace(row, state=Sent.TAKEN, taken=0, fault=None)
        case "unsent":
            return replace(row, state=Sent.WAITING, fault=outcome.fault)
        case _:
            return replace(row, state=Sent.SENT, tries=min(row.tries + 1, 20))

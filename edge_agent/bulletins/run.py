"""An instance that goes on air, as the calendar follows it."""

from dataclasses import dataclass
from datetime import datetime

from edge_agent.broadcast.air import Air
from edge_agent.broadcast.item import Item, Prepared
from edge_agent.bulletins.table import Begun, Planned
from edge_agent.calendar import Occurrence
from edge_agent.contract.errors import Fault, caused_by

_OWN_CODES = ("bulletin.", "speaker.stopped", "hours.")
"""Codes that say by themselves why something was not heard; others are the speaker's."""


@dataclass(eq=False)
class Run:
    """An instance that goes on air. `before_s`: heard before the node stopped. `set_back`: the clock was."""

    planned: Planned
    begun: Begun
    item: Item
    air: Air
    left_s: float | None
    claimed: bool = False
    before_s: float = 0.0
    set_back: bool = False


def told(fault: Fault) -> Fault:
    """As the reason of a miss."""
    if fault.code == "command.busy":
        return Fault.of("bulletin.missed_busy")
    if fault.code.startswith(_OWN_CODES):
        return fault
    return Fault.of("bulletin.missed_speaker", **caused_by(fault))


def item_of(planned: Planned, occurrence: Occurrence, prepared: Prepared, until: datetime) -> Item:
    """What the station gets to play."""
    bulletin = planned.bulletin
    return Item(
        id=bulletin.id,
        title=bulletin.title,
        sources=prepared.sources,
        class_=bulletin.class_,
        authority=bulletin.authority,
        at=occurrence.at,
        not_after=until,
        volume=bulletin.volume if occurrence.volume is None else occurrence.volume,
        after=bulletin.after_interruption,
        voice=prepared.voice,
        sha256=prepared.sha256,
        by=planned.by,
        approved_by=bulletin.approval.by if bulletin.approval else None,
        spoken=prepared.spoken,
        said=prepared.said,
    )


def occurrence_of(planned: Planned, begun: Begun) -> Occurrence:
    """The instance that was interrupted, with its own words and volume if it has any."""
    recurrence = planned.bulletin.recurrence
    for change in recurrence.changes if recurrence else ():
        if change.planned == begun.key.planned_as:
            return Occurrence(begun.due, begun.key.planned_as, begun.key.bulletin, change.text, change.volume)
    return Occurrence(begun.due, begun.key.planned_as, begun.key.bulletin)

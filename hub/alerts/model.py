"""What messages are about, and to whom they go."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from hub.people.rights import Place


class Rule(StrEnum):
    """One kind of thing that is told; each channel chooses."""

    SILENT = "silent"
    """A loudspeaker was not heard."""
    AWAY = "away"
    """A node has been away for long."""
    LAMP = "lamp"
    """A lamp, pump or other switched thing."""
    CABINET = "cabinet"
    CAMERA = "camera"
    MOTION = "motion"
    """Something moved before a camera at night."""
    UNREADY = "unready"
    """A bulletin airs soon and is not ready."""
    MISSED = "missed"
    """A bulletin was not aired."""
    CAP = "cap"
    """A foreign alert waits for a person."""
    NODE = "node"
    """Anything else of a node: its disk, its clock."""
    HUB = "hub"
    """The hub itself has lost its broker."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is so now. `key`: the same as long as it is the same; `since`: told no earlier than this lasts.

    `places`: where it is, if it is in more than one place.
    """

    key: str
    rule: Rule
    place: Place
    area: str
    name: str
    detail: str = ""
    since: datetime | None = None
    urgent: bool = False
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """Where messages go. `url`: a secret, never shown nor logged, empty if its key is lost; `shown`: for people."""

    id: str
    name: str
    url: str
    shown: str
    place: Place
    rules: frozenset[Rule]
    quiet_from: time | None
    quiet_until: time | None
    on: bool
    since: datetime

    def wants(self, trouble: Trouble) -> bool:
        """Whether it is told of this: of a kind that it chose, and in its place; what has no place is everybody's."""
        places = trouble.places or (trouble.place,)
        return self.on and trouble.rule in self.rules and any(not p.commune or self.place.holds(p) for p in places)

    def is_quiet(self, there: time) -> bool:
        """Whether it is told of urgent things only, at this local time."""
        if self.quiet_from is None or self.quiet_until is None:
            return False
        return within(there, self.quiet_from, self.quiet_until)


def within(there: time, begin: time, end: time) -> bool:
    """Whether a time of day lies in hours that may go over midnight; the end is outside. Equal: never."""
    if begin <= end:
        return begin <= there < end
    return there >= begin or there < end

"""Where everything that is shown comes from."""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.clock import Clock
from hub.hubclock import HubClock
from hub.ledger import Ledger
from hub.link import Link
from hub.media import MediaStore
from hub.node import Node
from hub.notice import Notice
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.rights import Right
from hub.registry import Registry
from hub.standing import in_order
from hub.strangers import Strangers

Parts = dict[str, str]
"""Id of a part -> its HTML, marked as a replacement."""


@dataclass(frozen=True)
class Shown:
    """The parts of the hub that pages look at."""

    registry: Registry
    ledger: Ledger
    media: MediaStore
    link: Link
    notice: Notice
    clock: Clock
    zone: ZoneInfo
    name: str
    broker: str
    authorities: tuple[str, ...]
    areas: Areas
    strangers: Strangers
    hub_clock: HubClock
    backups: Path | None = None
    """The folder of the nightly backups, where there is one."""

    def nodes(self, right: Right = Right.SEE) -> list[Node]:
        """The nodes at which who asks has a right, by name; not to be altered."""
        if person().may_everywhere(right):
            return self.registry.standings.ordered()
        return in_order(self.areas.nodes(person(), right))

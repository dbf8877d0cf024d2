"""What an alert comes to here: which words at which nodes, how urgently, and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.contract.bulletins import BulletinClass
from hub.cap.level import level_of
from hub.cap.message import Alert, Info, Status
from hub.cap.settings import CapSettings
from hub.cap.spoken import Spoken, spoken
from hub.cap.targets import Covered, Spot, covered


@dataclass(frozen=True, slots=True)
class Part:
    """What one `info` comes to. `nodes`: where it is heard; a node in several hears the gravest."""

    info: Info
    level: int
    spoken: Spoken | None
    class_: BulletinClass
    nodes: tuple[str, ...]
    expires: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """All parts, the gravest first. `unplaced`, `unknown`: as `Covered` has them."""

    parts: tuple[Part, ...] = ()
    unplaced: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def level(self) -> int:
        """The highest; 0 where nobody knows."""
        return max((part.level for part in self.parts), default=0)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Everywhere."""
        return tuple(sorted({node for part in self.parts for node in part.nodes}))


def plan(alert: Alert, spots: Sequence[Spot], settings: CapSettings, now: datetime) -> Plan:
    """What an alert comes to at this moment; without parts where all of it is over."""
    living = [info for info in alert.infos if ends(alert, info, settings) > now]
    chosen = sorted(chosen_infos(living), key=lambda info: -level_of(info, settings))
    taken: set[str] = set()
    parts: list[Part] = []
    found: list[Covered] = []
    for info in chosen:
        where = covered(info.areas, spots, settings)
        found.append(where)
        parts.append(_part(alert, info, [n for n in where.nodes if n not in taken], settings))
        taken.update(where.nodes)
    unplaced = sorted({node for where in found for node in where.unplaced} - taken)
    unknown = dict.fromkeys(name for where in found for name in where.unknown)
    return Plan(tuple(parts), tuple(unplaced), tuple(unknown))


def chosen_infos(infos: Sequence[Info]) -> list[Info]:
    """Those in Vietnamese; where there are none, those in the language that comes first."""
    own = [info for info in infos if info.speaks("vi")]
    return own or [info for info in infos if info.language == infos[0].language]


def ends(alert: Alert, info: Info, settings: CapSettings) -> datetime:
    """When an `info` is over; where it does not say so, `life_hours` after it holds."""
    return info.expires or (info.effective or alert.sent) + timedelta(hours=settings.life_hours)


def _part(alert: Alert, info: Info, nodes: Iterable[str], settings: CapSettings) -> Part:
    level = level_of(info, settings)
    sender = settings.sender(alert.sender)
    words = spoken(alert, info, (sender.name if sender else "") or info.sender_name)
    real = alert.status is Status.ACTUAL and not info.is_all_clear
    class_: BulletinClass = "emergency" if real and level >= settings.siren_from else "priority"
    return Part(info, level, words, class_, tuple(nodes), ends(alert, info, settings))

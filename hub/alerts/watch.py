"""What is wrong now, by what the nodes say: one `Trouble` for each thing that a rule knows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import AnyState, BulletinState, SpeakerState
from edge_agent.contract.sentences import Language
from hub.alerts.model import Rule, Trouble
from hub.alerts.settings import Notify
from hub.marks import Mark
from hub.node import Node
from hub.people.rights import Place
from hub.registry import Registry
from hub.sentences import Speaker

_OF_KIND = {
    "light": Rule.LAMP,
    "switch": Rule.LAMP,
    "cabinet": Rule.CABINET,
    "camera": Rule.CAMERA,
    "speaker": Rule.SILENT,
}
_MEANT = frozenset({"fault.localOverride"})
"""Codes of what somebody does on purpose."""
_DANGER = frozenset({"fault.leakageDetected", "enrol.cloned"})
"""Told at any hour."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at all nodes; a few thousand take milliseconds, for only what is marked is looked into."""

    registry: Registry
    settings: Notify
    language: Language
    zone: ZoneInfo

    def troubles(self, now: datetime) -> dict[str, Trouble]:
        """What is wrong, by key."""
        marked, speak = self.registry.standings.marked, Speaker(self.language, self.zone, now)
        found: list[Trouble] = []
        for node in list(marked[Mark.AWAY].values()):
            found += self._away(node, now)
        for node in list(marked[Mark.SILENT].values()):
            found += _silent(node)
        for node in list(marked[Mark.FAULTY].values()):
            found += _faulty(node, speak)
        if marked[Mark.UNREADY]:
            found += self._unready(now, speak)
        return {trouble.key: trouble for trouble in found}

    def is_well(self, key: str, rule: Rule, place: Place, now: datetime) -> bool | None:
        """Of a trouble that is not there any more, whether that is good news; None: nobody can tell now.

        A node that was removed, and a bulletin whose time is over, are not well again: False.
        """
        if rule is Rule.CAP:
            return True
        if rule is Rule.HUB:
            return None  # `OwnLink` tells
        if rule is Rule.UNREADY:
            at = datetime.fromisoformat(key.rpartition("@")[2])
            return at > now
        node = self.registry.nodes.get(f"{place.commune}/{place.node}")
        if node is None:
            return False
        return True if node.online else None

    def where(self, address: str, thing: str = "") -> tuple[Place, str, str]:
        """Place, area in words, and name of a node, or of a thing (`kind/id`) of it."""
        node = self.registry.nodes.get(address)
        if node is None:
            commune, _, name = address.partition("/")
            return Place(commune, "", name), "", name
        return _place(node), _area(node), _name(node, *(thing.split("/", 1) if "/" in thing else ("", "")))

    def _away(self, node: Node, now: datetime) -> Iterator[Trouble]:
        since = node.offline.at if node.offline else now
        if now - since >= timedelta(minutes=self.settings.away_minutes):
            yield Trouble(f"away:{node.address}", Rule.AWAY, _place(node), _area(node), node.title, since=since)

    def _unready(self, now: datetime, speak: Speaker) -> Iterator[Trouble]:
        until = now + timedelta(minutes=self.settings.unready_minutes)
        places = self.registry.standings.in_place
        for commune in [place for place in places if place and "/" not in place]:
            for airing in self.registry.coming.between(now, until, places[commune]):
                if airing.unready:
                    detail = speak.t("notify.unready_detail", count=airing.unready, all=airing.nodes)
                    name = f"{airing.title}, {speak.moment(airing.at)}"
                    key = f"unready:{commune}:{airing.id}@{airing.at.isoformat()}"
                    yield Trouble(key, Rule.UNREADY, Place(commune), "", name, detail)


def _silent(node: Node) -> Iterator[Trouble]:
    if not node.online:
        return
    for (kind, id_), marks in list(node.marked.items()):
        state = node.states.get((kind, id_))
        if Mark.SILENT in marks and isinstance(state, SpeakerState):
            yield _trouble(node, Rule.SILENT, kind, id_, (state.title or "")[:200])


def _faulty(node: Node, speak: Speaker) -> Iterator[Trouble]:
    codes: set[str] = set()
    for (kind, id_), marks in list(node.marked.items()):
        fault = _fault(node.states.get((kind, id_)))
        if Mark.FAULTY in marks and fault is not None:
            codes.add(fault.code)
            if fault.code not in _MEANT:
                rule = _OF_KIND.get(kind, Rule.NODE)
                yield _trouble(node, rule, kind, id_, speak.fault(fault), urgent=fault.code in _DANGER)
    fault = node.status.fault if node.status else None
    if fault is not None and fault.code not in codes | _MEANT:
        key = f"node:{node.address}:{fault.code}"
        urgent = fault.code in _DANGER
        yield Trouble(key, Rule.NODE, _place(node), _area(node), node.title, speak.fault(fault), urgent=urgent)


def _fault(state: AnyState | None) -> Fault | None:
    return None if state is None or isinstance(state, BulletinState) else state.fault


def _trouble(node: Node, rule: Rule, kind: str, id_: str, detail: str, *, urgent: bool = False) -> Trouble:
    key = f"{rule.value}:{node.address}:{kind}/{id_}"
    return Trouble(key, rule, _place(node), _area(node), _name(node, kind, id_), detail, urgent=urgent)


def _name(node: Node, kind: str, id_: str) -> str:
    things = node.about.capabilities if node.about else ()
    thing = next((c.name for c in things if c.kind == kind and c.id == id_ and c.name), id_)
    return f"{thing}, {node.title}"[:200] if thing else node.title[:200]


def _place(node: Node) -> Place:
    return Place(node.commune, node.area, node.name)


def _area(node: Node) -> str:
    return (node.about.zone or "").strip()[:100] if node.about else ""

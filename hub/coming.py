"""Which nodes know which bulletin: kept as states come, so that the day of thousands of nodes is looked up."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from edge_agent.contract.reports import BulletinState


@dataclass(frozen=True, slots=True)
class Airing:
    """A bulletin at an instant that is still to come. `unready`: nodes that would miss it as things stand."""

    at: datetime
    id: str
    title: str
    class_: str
    nodes: int
    unready: int


class Coming:
    """The bulletins of all nodes, by id."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, BulletinState]] = {}
        self._summed: dict[str, list[Airing]] = {}
        """Of all nodes, until one of them says something new of that bulletin."""

    def put(self, address: str, id_: str, state: BulletinState | None) -> None:
        """What a node says of a bulletin; None: it does not know it any more."""
        self._summed.pop(id_, None)
        if state is not None and state.actual != "cancelled":
            self._known.setdefault(id_, {})[address] = state
        elif address in (nodes := self._known.get(id_, {})):
            del nodes[address]
            if not nodes:
                del self._known[id_]

    def between(self, start: datetime, end: datetime, among: Container[str] | None = None) -> list[Airing]:
        """What will be on air in that time, first to last. `among`: addresses; None: all nodes."""
        found = [airing for id_ in self._known for airing in self._of(id_, among) if start <= airing.at < end]
        return sorted(found, key=lambda airing: (airing.at, airing.title))

    def _of(self, id_: str, among: Container[str] | None) -> list[Airing]:
        if among is not None:
            return list(_airings(id_, [state for node, state in self._known[id_].items() if node in among]))
        if id_ not in self._summed:
            self._summed[id_] = list(_airings(id_, self._known[id_].values()))
        return self._summed[id_]


def _airings(id_: str, states: Iterable[BulletinState]) -> Iterator[Airing]:
    whole: dict[datetime, int] = {}
    unready: dict[datetime, int] = {}
    title, class_ = "", "ordinary"
    for state in states:
        title, class_ = state.title, state.class_
        bad = state.actual == "preparing" or state.fault is not None
        for at in state.coming or ((state.next,) if state.next else ()):
            whole[at] = whole.get(at, 0) + 1
            unready[at] = unready.get(at, 0) + bad
    for at, count in whole.items():
        yield Airing(at, id_, title[:200], class_, count, unready[at])

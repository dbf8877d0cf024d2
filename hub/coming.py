"""Which nodes know which bulletin: kept as states come, so that the day of thousands of nodes is looked up."""

from collections.abc import Container, Iterator
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

    def put(self, address: str, id_: str, state: BulletinState | None) -> None:
        """What a node says of a bulletin; None: it does not know it any more."""
        if state is not None and state.actual != "cancelled":
            self._known.setdefault(id_, {})[address] = state
        elif address in (nodes := self._known.get(id_, {})):
            del nodes[address]
            if not nodes:
                del self._known[id_]

    def between(self, start: datetime, end: datetime, among: Container[str] | None = None) -> list[Airing]:
        """What will be on air in that time, first to last. `among`: addresses; None: all nodes."""
        found = [airing for id_, nodes in self._known.items() for airing in _of(id_, nodes, (start, end), among)]
        return sorted(found, key=lambda airing: (airing.at, airing.title))


def _of(
    id_: str, nodes: dict[str, BulletinState], span: tuple[datetime, datetime], among: Container[str] | None
) -> Iterator[Airing]:
    whole: dict[datetime, int] = {}
    unready: dict[datetime, int] = {}
    last: BulletinState | None = None
    for address, state in nodes.items():
        if among is not None and address not in among:
            continue
        bad = state.actual == "preparing" or state.fault is not None
        for at in state.coming or ((state.next,) if state.next else ()):
            if span[0] <= at < span[1]:
                last = state
                whole[at] = whole.get(at, 0) + 1
                unready[at] = unready.get(at, 0) + bad
    for at, count in whole.items() if last is not None else ():
        yield Airing(at, id_, last.title[:200], last.class_, count, unready[at])  # type: ignore[union-attr]

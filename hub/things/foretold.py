"""What a thing will do by itself, as far as its node has told: what is in force now to its end, then its timetable."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from edge_agent.contract.switched import Switched
from edge_agent.contract.timetables import TimetableState
from hub.node import Node

Edge = tuple[datetime, float | None]
"""From an instant on: a level in per cent; None: nobody has told."""
_BY_ITSELF = ("program", "default")


@dataclass(frozen=True, slots=True)
class Foretold:
    """`edges`: first to last, the first is now. `photocell`: the switches may come earlier or later."""

    edges: tuple[Edge, ...]
    photocell: bool = False


def foretold(node: Node, state: Switched, now: datetime) -> Foretold:
    """From now on. A node goes on with its timetable when it is away, so that counts then too."""
    plan = _timetable(node, state)
    edges = [*_merged([(now, _level(state)), *_later(node, state, plan, now)])]
    return Foretold(tuple(edges), plan is not None and plan.photocell)


def _later(node: Node, state: Switched, plan: TimetableState | None, now: datetime) -> Iterator[Edge]:
    """What comes after what is in force."""
    until = state.until if state.until is not None and state.until > now else None
    if state.why in _BY_ITSELF:
        if plan is not None:
            yield from _of_plan(plan, now)
        elif until is not None or node.is_older or _follows(node, state):
            yield until or now, None
        return
    if until is None:  # a rule or an interlock, whose end hangs on what sensors say
        yield now, None
    elif plan is None:
        yield until, None
    else:
        yield until, _at(plan, until)
        yield from _of_plan(plan, until)


def _of_plan(plan: TimetableState, since: datetime) -> Iterator[Edge]:
    if not plan.begin <= since < plan.end:
        yield since, None
        return
    yield from ((switch.at, switch.level) for switch in plan.switches if switch.at > since)
    yield plan.end, None


def _at(plan: TimetableState, at: datetime) -> float | None:
    if not plan.begin <= at < plan.end:
        return None
    return next((switch.level for switch in reversed(plan.switches) if switch.at <= at), None)


def _merged(edges: list[Edge]) -> Iterator[Edge]:
    """Without those that change nothing; of two at one instant the later counts."""
    last: Edge | None = None
    for number, edge in enumerate(edges):
        following = edges[number + 1] if number + 1 < len(edges) else None
        if following is not None and following[0] <= edge[0]:
            continue
        if last is None or last[1] != edge[1]:
            last = edge
            yield edge


def _level(state: Switched) -> float:
    return state.wanted if state.actual is None else state.actual


def _follows(node: Node, state: Switched) -> str | None:
    known = node.about.capabilities if node.about else ()
    return next((each.timetable for each in known if each.id == state.id and each.kind in ("light", "switch")), None)


def _timetable(node: Node, state: Switched) -> TimetableState | None:
    found = node.states.get(("timetable", _follows(node, state) or ""))
    return found if isinstance(found, TimetableState) else None

"""What the pages show of where an alert was sent: what became of it at each node."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState
from hub.cap import said
from hub.node import Node
from hub.sentences import Speaker

MOST_LINES = 100
"""Clusters of which is shown what became of it there."""


@dataclass(frozen=True, slots=True)
class AiredLine:
    """What became of it at one node."""

    name: str
    word: str
    good: bool


@dataclass(frozen=True, slots=True)
class AiredView:
    """What became of it at all nodes; those that need somebody first. `more`: lines that are not shown."""

    lines: tuple[AiredLine, ...] = ()
    all: int = 0
    good: int = 0
    more: int = 0


def aired(sent: Iterable[said.Aired], id_: str, nodes: Mapping[str, Node], speak: Speaker) -> AiredView:
    """What became of it at each node: what the node shows of it now, else what it answered."""
    lines = sorted((_aired(each, id_, nodes.get(each.address), speak) for each in sent), key=lambda line: line.good)
    good = sum(line.good for line in lines)
    return AiredView(tuple(lines[:MOST_LINES]), len(lines), good, max(0, len(lines) - MOST_LINES))


def _aired(line: said.Aired, id_: str, node: Node | None, speak: Speaker) -> AiredLine:
    name = node.title if node is not None else line.address
    state = node.states.get(("bulletin", id_)) if node is not None else None
    if line.ending:
        return AiredLine(name, speak.t(f"cap.ending_{line.ending}"), line.ending != "wanted")
    if isinstance(state, BulletinState):
        return AiredLine(name, speak.bulletin(state), state.actual not in ("missed", "cancelled", "partly"))
    word = speak.t(f"cap.sent_{line.state}")
    if line.fault:
        fault = Fault.model_validate(json.loads(line.fault))
        word = f"{word} {speak.fault(fault)}"
    return AiredLine(name, word, line.state in ("done", "accepted", "pending"))

"""A node in one line of the list, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.contract.reports import AnyState, BulletinState, SpeakerState
from edge_agent.contract.sentences import Language
from hub.marks import Mark
from hub.node import Node
from hub.nodes.forgetting import came_back
from hub.sentences import Speaker
from hub.shown import Shown
from hub.things import words
from hub.views import node_zone, presence

_MOST_FACTS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """`state`: of the connection, and `troubled` where something is wrong. `facts`: icon, sentence, whether bad."""

    key: str
    path: str
    title: str
    area: str
    state: str
    word: str
    facts: tuple[tuple[str, str, bool], ...]
    more: int


def row(shown: Shown, node: Node, language: Language) -> Row:
    """The line of a node."""
    speak = Speaker(language, node_zone(node, shown.zone), shown.clock.now())
    state, word = presence(node, speak)
    back = came_back(shown, node.address, speak)
    facts = (*((("clock", back, False),) if back else ()), *_facts(node, speak))
    area = (node.about.zone or "") if node.about else ""
    return Row(
        node.key,
        f"/nodes/{node.address}",
        node.title,
        area,
        f"{state} troubled" if any(bad for _, _, bad in facts) else state,
        word,
        facts[:_MOST_FACTS],
        max(0, len(facts) - _MOST_FACTS),
    )


def _facts(node: Node, speak: Speaker) -> Iterator[tuple[str, str, bool]]:
    if Mark.ALARM in node.marks:
        yield "siren", speak.t("node.alarm"), True
    if node.status and node.status.online and node.status.fault:
        yield "warning", speak.fault(node.status.fault), True
    for key in node.marked:
        found = node.states.get(key)
        if found is not None:
            yield from _of_thing(node, found, node.marked[key], speak)


def _of_thing(node: Node, state: AnyState, marks: Mark, speak: Speaker) -> Iterator[tuple[str, str, bool]]:
    told = Mark.SILENT in marks and is_unheard(state)  # the same, once
    if Mark.FAULTY in marks and node.online and not told:
        yield from (("warning", text, True) for text in words.troubles(speak, state, name_of(node, state)))
    if Mark.SILENT in marks:
        yield "ear", with_name(speak.t("speaker.not_heard"), name_of(node, state)), True
    if Mark.UNREADY in marks and node.online:
        yield "clock", with_name(speak.t("node.unready"), str(getattr(state, "title", state.id))[:80]), True
    if Mark.ON_AIR in marks and node.online and isinstance(state, SpeakerState):
        yield "speaker", speak.speaker(state), False


def is_unheard(state: AnyState) -> bool:
    """Whether its fault is that its microphone did not hear it."""
    fault = None if isinstance(state, BulletinState) else state.fault
    return fault is not None and fault.code == "speaker.not_heard"


def name_of(node: Node, state: AnyState) -> str:
    """As people call a thing of a node."""
    known = node.about.capabilities if node.about else ()
    return next((c.name for c in known if (c.kind, c.id) == (state.kind, state.id) and c.name), state.id)


def with_name(text: str, name: str) -> str:
    """A sentence that says of what it speaks."""
    return text if name.casefold() in text.casefold() else f"{name}: {text}"

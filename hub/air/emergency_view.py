"""An emergency as people see it: how many clusters sound it, by what they say themselves, and which do not answer."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from edge_agent.contract.reports import BulletinState, SpeakerState
from hub.air.emergency_book import Emergency, Told, clear_id
from hub.node import Node
from hub.sentences import Speaker

ROWS = 100
"""Clusters that are named; those that need somebody first."""
_ORDER = ("bad", "silent", "away", "open", "taken", "sounding", "still", "over", "ended")
_CLEAR_COMES, _CLEAR_SHOWN = timedelta(seconds=60), timedelta(minutes=10)
"""So long its voice may take to be made; so long after it one wants to know whether it was spoken."""
_LEFT = ("bad", "silent", "away", "open")


@dataclass(frozen=True)
class EmergencyRow:
    """One cluster. `state` is one of `_ORDER`."""

    title: str
    path: str
    state: str
    words: str


@dataclass(frozen=True)
class EmergencyPageView:
    """`left`: clusters that could be asked once more; `more`: rows that are not shown.

    `cut_off`: what becomes of it while the broker is away; empty while it is there. `clear_told`: how far the words of
    the all-clear are.
    """

    id: str
    title: str
    text: str
    drill: bool
    by: str
    at: str
    until: str
    repeats: bool
    kept: bool
    cleared: str
    cleared_by: str
    clear: str
    all: int
    sounding: int
    answered: int
    left: int
    rows: tuple[EmergencyRow, ...]
    more: int
    cut_off: str = ""
    clear_told: str = ""


def state_of(emergency: Emergency, told: Told, node: Node | None) -> str:
    """How it stands at a node: by what it reports, else by what it answered."""
    if node is not None and node.online and _sounds(emergency.id, node):
        return "sounding" if emergency.cleared is None else "still"
    if told.ended:
        return "ended"
    if told.state in ("failed", "rejected"):
        return "bad"
    if told.state in ("done", "accepted"):
        return "over" if node is not None and _is_over(emergency.id, node) else "taken"
    if node is None or not node.online:
        return "away"
    return told.state if told.state == "silent" else "open"


def emergency_view(
    emergency: Emergency,
    nodes: dict[str, Node],
    may_see: Callable[[str], bool],
    speaker: Callable[[Node], Speaker],
    speak: Speaker,
    *,
    linked: bool = True,
) -> EmergencyPageView:
    """What somebody sees of it. `speaker`: speaks where a node stands; `speak`: where the hub does.

    `linked`: whether the broker is there.
    """
    rows = []
    for address, told in emergency.nodes.items():
        if may_see(address):
            node = nodes.get(address)
            state = state_of(emergency, told, node)
            local = speaker(node) if node else speak
            words = local.fault(told.fault) if state == "bad" else ""
            if state == "open" and not linked:
                words = local.t("emergency.node_kept")
            title = node.title if node else address.partition("/")[2]
            rows.append(EmergencyRow(title, f"/nodes/{address}", state, words or local.t(f"emergency.node_{state}")))
    rows.sort(key=lambda row: _ORDER.index(row.state))
    counts = Counter(row.state for row in rows)
    left = sum(counts[state] for state in _LEFT)
    return EmergencyPageView(
        id=emergency.id,
        title=emergency.words.title,
        text=emergency.words.text,
        drill=emergency.words.drill,
        by=emergency.by,
        at=speak.moment(emergency.at),
        until=speak.moment(emergency.until),
        repeats=emergency.repeats(speak.now),
        kept=emergency.kept,
        cleared=speak.moment(emergency.cleared) if emergency.cleared else "",
        cleared_by=emergency.cleared_by,
        clear=emergency.words.clear,
        all=len(rows),
        sounding=counts["sounding"] + counts["still"],
        answered=len(rows) - left,
        left=left,
        rows=tuple(rows[:ROWS]),
        more=max(0, len(rows) - ROWS),
        cut_off="" if linked else _cut_off(emergency, speak),
        clear_told=_clear_told(emergency, [nodes[a] for a in emergency.nodes if a in nodes and may_see(a)], speak),
    )


def _clear_told(emergency: Emergency, nodes: list[Node], speak: Speaker) -> str:
    """Where its words were spoken, by what the nodes report; empty where there are none, or it was long ago."""
    if emergency.cleared is None or not emergency.words.clear or speak.now - emergency.cleared > _CLEAR_SHOWN:
        return ""
    found = (node.states.get(("bulletin", clear_id(emergency.id))) for node in nodes)
    states = Counter(state.actual for state in found if isinstance(state, BulletinState))
    if states["aired"]:
        return speak.t("emergency.clear_spoken", count=states["aired"], all=len(nodes))
    if states["on_air"]:
        return speak.t("emergency.clear_on_air", count=states["on_air"], all=len(nodes))
    is_early = speak.now - emergency.cleared < _CLEAR_COMES
    return speak.t("emergency.clear_coming" if is_early else "emergency.clear_unspoken")


def _cut_off(emergency: Emergency, speak: Speaker) -> str:
    """What is kept while the broker is away. An emergency is not withdrawn by it, nor is its end."""
    if emergency.repeats(speak.now):
        return speak.t("emergency.cut_off", at=speak.moment(emergency.until))
    return speak.t("emergency.cut_off_clear") if emergency.cleared else ""


def _sounds(id_: str, node: Node) -> bool:
    states = [state for state in node.states.values() if isinstance(state, SpeakerState)]
    return any(id_ in state.emergencies or state.playing == id_ for state in states)


def _is_over(id_: str, node: Node) -> bool:
    state = node.states.get(("bulletin", id_))
    return isinstance(state, BulletinState) and state.actual in ("aired", "partly", "missed", "cancelled")

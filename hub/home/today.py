"""What the first page shows, in words: what is on air, what comes, what waits, what is wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import islice

from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.sentences import Language
from hub.backup.nightly import in_words
from hub.coming import Airing
from hub.marks import Mark
from hub.node import Node
from hub.nodes.rows import Row, is_unheard, row
from hub.nodes.stray import strangers_in_words
from hub.people.acting import person
from hub.people.rights import Person, Right, Role
from hub.sentences import Speaker
from hub.shown import Shown
from hub.standing import in_order
from hub.times import local
from hub.titles import titled

MOST = 8
"""Lines of each part; the rest is a tap away."""
SORTED_MOST = 1000
"""Of more, the first of the alphabet are no better than any."""
BLOCKS: dict[Role, tuple[str, ...]] = {
    Role.ADMINISTRATOR: (
        "backup",
        "missed",
        "doing",
        "waiting",
        "told",
        "on_air",
        "next",
        "unready",
        "silent",
        "wrong",
        "strangers",
        "numbers",
    ),
    Role.STAFF: ("missed", "doing", "on_air", "next", "waiting", "told", "unready", "silent", "wrong"),
    Role.APPROVER: ("missed", "waiting", "told", "doing", "on_air", "next", "unready"),
    Role.AREA_HEAD: ("missed", "doing", "wrong", "on_air", "next"),
    Role.VIEWER: ("on_air", "next"),
    Role.INSTALLER: ("wrong", "silent", "numbers"),
    Role.IOC: ("numbers", "wrong", "silent", "on_air", "next"),
}
"""What each role sees, the most important first."""
DOING = (
    ("speak", "/air", "speaker", Right.SPEAK),
    ("lights", "/lights", "lamp", Right.SWITCH),
    ("cameras", "/cameras", "camera", Right.WATCH),
    ("write", "/write", "bulletin", Right.WRITE),
)
_THREE = 3
"""An area head sees so many big things, and no more."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A line of the day."""

    time: str
    title: str
    class_: str
    class_word: str
    word: str
    bad: bool


@dataclass(frozen=True, slots=True)
class OnAir:
    """Something that is heard now, and where."""

    title: str
    places: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Some:
    """The first rows of many. `show`: where the rest is, in the list of nodes."""

    rows: tuple[Row, ...]
    all: int
    show: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for an approver, or for who answers residents."""

    path: str
    title: str
    word: str


@dataclass(frozen=True, slots=True)
class Today:
    """Everything that may be on the page; `blocks` says what is, in which order."""

    blocks: tuple[str, ...]
    doing: tuple[tuple[str, str, str], ...]
    on_air: tuple[OnAir, ...]
    next: tuple[Coming, ...]
    more: int
    waiting: tuple[Waiting, ...]
    told: tuple[Waiting, ...]
    missed: tuple[Waiting, ...]
    strangers: tuple[str, ...]
    backup: tuple[str, ...]
    unready: Some
    silent: Some
    wrong: Some
    numbers: tuple[tuple[str, int, str], ...]


def blocks_of(who: Person) -> tuple[str, ...]:
    """For each of their roles in turn."""
    return tuple(dict.fromkeys(block for role in who.roles for block in BLOCKS[role]))


def today(
    shown: Shown,
    language: Language,
    waiting: Iterable[Waiting],
    told: Iterable[Waiting] = (),
    missed: Iterable[Waiting] = (),
) -> Today:
    """For whom asks: only what they may see. `told`: by residents; `missed`: bulletins that nobody aired."""
    who, marked = person(), shown.registry.standings.marked
    everywhere = who.may_everywhere(Right.SEE)
    own = shown.registry.nodes if everywhere else {n.address: n for n in shown.areas.nodes(who, Right.SEE)}
    having = {mark: marked[mark] if everywhere else _both(own, marked[mark]) for mark in Mark}
    begin = shown.clock.now()
    airings = shown.registry.coming.between(begin, _end(begin, shown), None if everywhere else own)
    wrong = _wrong(having, "silent" in blocks_of(who))
    numbers = [("all", len(own), "")]
    numbers += [(show, len(having[mark]), show) for show, mark in _NUMBERS]
    speak = Speaker(language, shown.zone, begin)
    return Today(
        blocks=blocks_of(who),
        doing=_doing(who),
        on_air=_on_air(having[Mark.ON_AIR].values(), language, shown),
        next=tuple(_line(airing, speak) for airing in airings[:MOST]),
        more=max(0, len(airings) - MOST),
        waiting=tuple(waiting),
        told=tuple(told),
        missed=tuple(missed),
        strangers=strangers_in_words(shown, speak),
        backup=in_words(shown.backups, speak),
        unready=_some(shown, having[Mark.UNREADY], language, "unready"),
        silent=_some(shown, having[Mark.SILENT], language, "silent"),
        wrong=_some(shown, wrong, language, "faults" if having[Mark.FAULTY] else "away"),
        numbers=tuple(numbers),
    )


_NUMBERS = (
    ("online", Mark.ONLINE),
    ("away", Mark.AWAY),
    ("faults", Mark.FAULTY),
    ("silent", Mark.SILENT),
    ("unready", Mark.UNREADY),
    ("on_air", Mark.ON_AIR),
)


def _doing(who: Person) -> tuple[tuple[str, str, str], ...]:
    may = [(name, path, icon) for name, path, icon, right in DOING if who.may_somewhere(right)]
    return tuple(may[:_THREE] if set(who.roles) == {Role.AREA_HEAD} else may)


def _end(begin: datetime, shown: Shown) -> datetime:
    """The end of the day; late in the evening of the next one."""
    there = local(begin, shown.zone)
    day = there.date() + timedelta(days=2 if there.hour >= 20 else 1)
    return datetime.combine(day, time(), shown.zone)


def _line(airing: Airing, speak: Speaker) -> Coming:
    key = "home.next_unready" if airing.unready else "home.next_ready"
    return Coming(
        time=speak.moment(airing.at),
        title=titled(airing.title, speak.t),
        class_=airing.class_,
        class_word=speak.t(f"class.{airing.class_}") if airing.class_ != "ordinary" else "",
        word=speak.t(key, ready=airing.nodes - airing.unready, all=airing.nodes, count=airing.unready),
        bad=airing.unready > 0,
    )


def _wrong(having: Mapping[Mark, Mapping[str, Node]], silent_apart: bool) -> dict[str, Node]:
    """What is broken or away. Those that are only not heard stand here where the page has no part of their own."""
    found = {**having[Mark.FAULTY], **having[Mark.AWAY]}
    if silent_apart:
        return {address: node for address, node in found.items() if not _is_only_unheard(node)}
    return found | dict(having[Mark.SILENT])


def _is_only_unheard(node: Node) -> bool:
    faulty = [node.states.get(key) for key, marks in node.marked.items() if Mark.FAULTY in marks]
    own = node.status is None or not node.status.online or node.status.fault is not None
    return not own and all(state is not None and is_unheard(state) for state in faulty)


def _both(own: Mapping[str, Node], marked: Mapping[str, Node]) -> dict[str, Node]:
    return {address: node for address, node in own.items() if address in marked}


def _on_air(nodes: Iterable[Node], language: Language, shown: Shown) -> tuple[OnAir, ...]:
    found: dict[str, dict[str, None]] = {}
    speak = Speaker(language, shown.zone, shown.clock.now())
    for node in nodes:
        for state in node.states.values():
            if isinstance(state, SpeakerState) and state.actual != "idle" and node.online:
                title = titled(state.title or "", speak.t) or speak.t("speaker.notice")
                found.setdefault(title, {})[node.title] = None
    return tuple(
        OnAir(title[:200], tuple(places)[:3], max(0, len(places) - 3)) for title, places in list(found.items())[:MOST]
    )


def _some(shown: Shown, nodes: Mapping[str, Node], language: Language, show: str) -> Some:
    first = in_order(nodes.values())[:MOST] if len(nodes) < SORTED_MOST else list(islice(nodes.values(), MOST))
    return Some(tuple(row(shown, node, language) for node in first), len(nodes), show)

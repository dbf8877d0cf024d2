"""What a loudspeaker has on air, what waits, which emergencies repeat, and what people must decide."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from edge_agent.contract.airings import Clash
from edge_agent.contract.capabilities import Capability
from edge_agent.contract.reports import BulletinState, SpeakerState
from hub.ledger import Account
from hub.marks import NO_MARK, Mark
from hub.node import Node
from hub.sentences import Speaker, number
from hub.titles import titled

_MOST = 20
"""Of a queue, of emergencies: more nobody reads."""
_CLASH_LIFE = timedelta(hours=1)
"""So long after its instant a clash that nobody decided is still shown."""


@dataclass(frozen=True)
class EmergencyView:
    """An emergency that repeats until somebody has heard."""

    id: str
    title: str


@dataclass(frozen=True)
class SpeakerView:
    """A loudspeaker. `since`, `ends`: milliseconds since 1970, 0 where not known."""

    id: str
    name: str
    actual: str
    word: str
    trouble: str
    last_sound: str
    last_spoken: str
    last_at: str
    sound_here: bool = False
    class_: str = "ordinary"
    class_word: str = ""
    since: int = 0
    since_word: str = ""
    ends: int = 0
    queue: tuple[str, ...] = ()
    emergencies: tuple[EmergencyView, ...] = ()
    volume: int = 100
    facts: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class ClashView:
    """Priority items at the same time. `choices`: what goes first -> all ids in that order."""

    seq: int
    at: str
    titles: tuple[str, ...]
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AlarmView:
    """One emergency with all nodes on which it repeats. `places`: path of a node, its key on the page, its title.

    `mine`: at how many of them who looks may say that it was heard; `page`: of the emergency itself, if there is one.
    """

    id: str
    title: str
    places: tuple[tuple[str, str, str], ...]
    mine: int = 0
    page: str = ""


def speaker_view(thing: Capability, node: Node, account: Account | None, speak: Speaker) -> SpeakerView:
    """A loudspeaker as it is now."""
    found = node.states.get(("speaker", thing.id))
    state = found if isinstance(found, SpeakerState) else None
    if state is None:
        return SpeakerView(thing.id, thing.name or thing.id, "unknown", speak.speaker(None), "", "", "", "")
    class_ = state.class_ or "ordinary"
    playing = state.actual == "playing"
    since = (state.since or state.at) if playing else None
    return SpeakerView(
        id=thing.id,
        name=thing.name or thing.id,
        actual=state.actual,
        word=speak.speaker(state),
        trouble=speak.fault(state.fault),
        last_sound=state.last_sound or "",
        last_spoken=(state.last_spoken or "")[:500],
        last_at=speak.moment(state.last_at) if state.last_at else "",
        class_=class_,
        class_word=speak.t(f"class.{class_}") if state.class_ else "",
        since=_milliseconds(since),
        since_word=speak.moment(since) if since else "",
        ends=_milliseconds(state.ends) if playing else 0,
        queue=tuple(title_of(node, account, each, speak) for each in state.queue[:_MOST]),
        emergencies=_emergencies(state, node, account, speak),
        volume=round(state.volume / 10) * 10,
        facts=_facts(state, Mark.SILENT in node.marked.get(("speaker", thing.id), NO_MARK), speak),
    )


def title_of(node: Node, account: Account | None, id_: str, speak: Speaker) -> str:
    """What an id stands for, as far as the node has said it."""
    state = node.states.get(("bulletin", id_))
    if isinstance(state, BulletinState):
        return titled(state.title, speak.t)
    return titled((account.titles.get(id_) if account else None) or "", speak.t) or speak.t("speaker.notice")


def alarms(
    nodes: Iterable[tuple[Node, Account | None, Speaker]],
    may_end: Callable[[Node], bool] = lambda _: False,
    page_of: Callable[[str], str] = lambda _: "",
) -> tuple[AlarmView, ...]:
    """The emergencies of all nodes. `may_end`: whether who looks may say at a node that it was heard."""
    found: dict[str, tuple[str, list[tuple[str, str, str]], list[bool]]] = {}
    for node, account, speak in nodes:
        for state in node.states.values():
            if not isinstance(state, SpeakerState):
                continue
            for each in _emergencies(state, node, account, speak):
                place = (f"/nodes/{node.address}", node.key, node.title)
                _, places, mine = found.setdefault(each.id, (each.title, [], []))
                if place not in places:
                    places.append(place)
                    mine.append(may_end(node))
    return tuple(
        AlarmView(id_, title, tuple(places), sum(mine), page_of(id_))
        for id_, (title, places, mine) in list(found.items())[:_MOST]
    )


def clashes(node: Node, account: Account | None, speak: Speaker) -> tuple[ClashView, ...]:
    """What people should choose; nothing that was chosen, is over, or has nothing left to choose from."""
    found: dict[tuple[str, ...], ClashView] = {}
    for event in account.clashes if account else ():
        try:
            clash = Clash.model_validate(event.data)
        except ValidationError:
            continue
        if speak.now - clash.at > _CLASH_LIFE or (account and event.seq in account.decided):
            continue
        names = dict(zip(clash.items, clash.titles, strict=False))
        waiting = [each for each in clash.items[:_MOST] if _waits(node, clash.speaker, each)]
        if len(waiting) < 2:
            continue
        titles = {
            each: titled(names.get(each, ""), speak.t) or title_of(node, account, each, speak) for each in waiting
        }
        choices = tuple(
            (titles[first], " ".join([first, *(each for each in waiting if each != first)])) for first in waiting
        )
        found[tuple(sorted(waiting))] = ClashView(
            event.seq, speak.moment(clash.at), tuple(titles[each] for each in waiting), choices
        )
    return tuple(found.values())


def _waits(node: Node, speaker: str, id_: str) -> bool:
    state = node.states.get(("bulletin", id_))
    if isinstance(state, BulletinState) and state.actual in ("preparing", "ready"):
        return True
    horn = node.states.get(("speaker", speaker))
    return isinstance(horn, SpeakerState) and id_ in horn.queue


def _emergencies(state: SpeakerState, node: Node, account: Account | None, speak: Speaker) -> tuple[EmergencyView, ...]:
    return tuple(
        EmergencyView(
            each,
            titled(state.title, speak.t)
            if each == state.playing and state.title
            else title_of(node, account, each, speak),
        )
        for each in state.emergencies[:_MOST]
    )


def _facts(state: SpeakerState, silent: bool, speak: Speaker) -> tuple[tuple[str, bool], ...]:
    """What is known besides: sentences, and whether they are good news."""
    facts: list[tuple[str, bool]] = []
    if silent or state.heard is not None:
        facts.append((speak.t("speaker.not_heard" if silent else "speaker.heard"), not silent))
    if state.amplifier is not None:
        facts.append((speak.t("speaker.amplifier_on" if state.amplifier else "speaker.amplifier_off"), True))
    facts.append((speak.t("speaker.volume", volume=number(state.volume)), True))
    if state.noise_db is not None:
        facts.append((speak.t(_noise(state.noise_db)), True))
    return tuple(facts)


def _noise(db: float) -> str:
    """Sentence of how loud it is around, in dB of full scale: where nodes lower and raise their voice unless told."""
    return "speaker.noise_quiet" if db < -55 else "speaker.noise_loud" if db > -38 else "speaker.noise"


def _milliseconds(instant: datetime | None) -> int:
    try:
        return round(instant.timestamp() * 1000) if instant else 0
    except (OverflowError, ValueError, OSError):
        return 0

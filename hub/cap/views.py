"""What the pages show of alerts, in a person's words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hub.cap import said
from hub.cap.feeds import FeedState
from hub.cap.message import Alert, Info, Status
from hub.cap.plan import Part, Plan
from hub.cap.rows import Row, State
from hub.cap.settings import CapSettings
from hub.language import catalogue
from hub.sentences import Speaker
from hub.sheet import Sheet

MOST_NAMED = 30
"""Clusters that are named; of further ones the number is said."""


@dataclass(frozen=True, slots=True)
class Card:
    """An alert in the list. `kind`: how it looks: `waiting`, `test`, `over`, `aired`."""

    id: str
    title: str
    level: int
    level_word: str
    kind: str
    state_word: str
    why: str
    sender: str
    sent: str
    until: str
    areas: str
    count: int | None


@dataclass(frozen=True, slots=True)
class PartView:
    """One part: what is said of it and where. `seen`: how often the alert was said before, for races.

    `where`: what is said of its clusters, of which `names` follow.
    """

    number: int
    event: str
    level: int
    level_word: str
    class_: str
    class_word: str
    text: str
    notes: tuple[str, ...]
    names: tuple[str, ...]
    more: int
    count: int
    seen: int
    sheet: Sheet = field(default_factory=Sheet)
    places: tuple[tuple[str, str, bool], ...] = ()
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClearView:
    """A siren whose end can be told: at so many nodes, in these words."""

    id: str
    title: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class FeedLine:
    """How a feed does."""

    name: str
    word: str
    good: bool
    refused: tuple[tuple[str, str], ...] = ()


def card(row: Row, plan: Plan | None, settings: CapSettings, speak: Speaker) -> Card:
    """An alert in the list; without its plan nobody knows how many clusters it means."""
    sender = settings.sender(row.sender)
    return Card(
        id=row.id,
        title=row.title,
        level=row.level,
        level_word=speak.t(f"cap.level_{row.level}"),
        kind=_kind(row),
        state_word=state_word(row, speak),
        why=_why(row, settings, speak),
        sender=(sender.name if sender else "") or row.sender,
        sent=speak.moment(row.sent),
        until=speak.moment(row.expires),
        areas=row.areas,
        count=len(plan.nodes) if plan is not None else None,
    )


def state_word(row: Row, speak: Speaker) -> str:
    """Where it stands; what is no real alert says so first."""
    if row.status != Status.ACTUAL.value:
        return speak.t(f"cap.status_{row.status.lower()}")
    return speak.t(f"cap.state_{row.state}")


def _kind(row: Row) -> str:
    if row.status != Status.ACTUAL.value:
        return "test"
    return row.state.value if row.state in (State.WAITING, State.AIRED) else "over"


def _why(row: Row, settings: CapSettings, speak: Speaker) -> str:
    written_since = row.reason == "sender" and settings.sender(row.sender) is not None
    key = f"cap.wait_{'unproved' if written_since else row.reason}"
    return speak.t(key) if row.state is State.WAITING and key in catalogue(speak.language) else ""


def proof(row: Row, alert: Alert, settings: CapSettings, speak: Speaker) -> str:
    """How certain it is who sent it."""
    sender = settings.sender(row.sender)
    if row.proved and sender is not None and sender.certificates:
        return speak.t("cap.proof_signed")
    if row.proved:
        return speak.t("cap.proof_feed", feed=row.source)
    return speak.t("cap.proof_known" if sender is not None else "cap.proof_none", sender=alert.sender)


def facts(row: Row, alert: Alert, settings: CapSettings, speak: Speaker) -> tuple[tuple[str, str], ...]:
    """Name and value of what a person weighs."""
    t = speak.t
    info = next(iter(alert.infos), None)
    rows = [
        (t("cap.fact_sender"), f"{card(row, None, settings, speak).sender} ({row.sender})"),
        (t("cap.fact_proof"), proof(row, alert, settings, speak)),
        (t("cap.fact_sent"), speak.moment(row.sent)),
        (t("cap.fact_until"), speak.moment(row.expires)),
        (t("cap.fact_came"), came(row, speak)),
    ]
    if info is not None:
        rows += [
            (t("cap.fact_severity"), t(f"cap.severity_{info.severity.value.lower()}")),
            (t("cap.fact_certainty"), t(f"cap.certainty_{info.certainty.value.lower()}")),
            (t("cap.fact_urgency"), t(f"cap.urgency_{info.urgency.value.lower()}")),
        ]
    if row.areas:
        rows.append((t("cap.fact_areas"), row.areas))
    return tuple(rows)


def came(row: Row, speak: Speaker) -> str:
    """When and from where it came."""
    at = speak.moment(row.received)
    if row.source:
        return speak.t("cap.came_feed", at=at, feed=row.source)
    return speak.t("cap.came_file", at=at, who=row.given_by or "?")


def part(number: int, of: Part, seen: int, names: Sequence[str], speak: Speaker) -> PartView:
    """One part; `names`: of its nodes, in order."""
    notes = []
    if of.spoken is None:
        notes.append(speak.t("cap.note_no_words", language=language_words(of.info, speak)))
    elif not of.spoken.own:
        notes.append(speak.t("cap.note_made_words"))
    if of.spoken is not None and of.spoken.cut:
        notes.append(speak.t("cap.note_cut"))
    return PartView(
        number=number,
        event=of.info.headline or of.info.event,
        level=of.level,
        level_word=speak.t(f"cap.level_{of.level}"),
        class_=of.class_,
        class_word=speak.t(f"cap.class_{of.class_}"),
        text=of.spoken.text if of.spoken else "",
        notes=tuple(notes),
        names=tuple(names[:MOST_NAMED]),
        more=max(0, len(names) - MOST_NAMED),
        count=len(of.nodes),
        seen=seen,
    )


def where(names: int, elsewhere: bool, chosen: int, speak: Speaker) -> tuple[str, ...]:
    """What is said of the clusters of a part, which are so many by what the message says.

    `elsewhere`: other parts have clusters; `chosen`: to so many others it was sent because people chose them.
    """
    lines = [speak.t("cap.where_count", count=names)] if names else []
    if chosen:
        lines.append(speak.t("cap.where_chosen", count=chosen))
    if not lines:
        lines.append(speak.t("cap.where_other" if elsewhere else "cap.count_none"))
    return tuple(lines)


def language_words(info: Info, speak: Speaker) -> str:
    """What its language is called; its code where we have no word."""
    key = f"cap.language_{info.language.casefold().partition('-')[0]}"
    return speak.t(key) if key in catalogue(speak.language) else info.language


def written(info: Info) -> tuple[str, ...]:
    """What the sender wrote, paragraph by paragraph."""
    return tuple(filter(None, (info.headline, info.description, info.instruction, info.contact)))


def history(acts: Iterable[said.Act], speak: Speaker) -> tuple[tuple[str, str], ...]:
    """When, and what was done by whom."""
    known = catalogue(speak.language)
    lines = []
    for act in acts:
        key = f"cap.act_{act.act}"
        if act.act == "received":
            key = "cap.act_received_feed" if act.word else "cap.act_received_file"
        if act.act == "cleared" and not act.who:
            key = "cap.act_cleared_rule"
        words = speak.t(key, who=act.who or "?", word=act.word) if key in known else act.act
        lines.append((speak.moment(act.at), words))
    return tuple(lines)


def feed(state: FeedState, speak: Speaker) -> FeedLine:
    """How a feed does."""
    at = speak.moment(state.good) if state.good else speak.t("cap.feed_never")
    why = speak.t(state.fault.key, **state.fault.params) if state.fault else ""
    name, refused = state.settings.name, []
    for url, trouble in state.refused.items():
        refused.append((url, speak.t(trouble.key, **trouble.params)))
    if state.silent(speak.now):
        return FeedLine(name, f"{speak.t('cap.feed_silent', at=at)} {why}".strip(), False, tuple(refused))
    if state.fault:
        return FeedLine(name, speak.t("cap.feed_fault", at=at, why=why), False, tuple(refused))
    return FeedLine(
        name, speak.t("cap.feed_good", at=at) if state.good else speak.t("cap.feed_begins"), True, tuple(refused)
    )

"""What the pages draw of a bulletin: plain values, every word already chosen."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.sentences import Language
from hub import lunar, times
from hub.bulletins import machine, sentence
from hub.bulletins.deliveries import Delivery, standing
from hub.bulletins.dispatch import Dispatch
from hub.bulletins.hours import Planned
from hub.bulletins.instants import Instance, coming
from hub.bulletins.listening import seconds_of
from hub.bulletins.machine import Act
from hub.bulletins.model import HubBulletin, Schedule, State, Targets
from hub.bulletins.outcome import outcome
from hub.bulletins.scope import Scope
from hub.bulletins.settings import Approval
from hub.language import translator
from hub.people.rights import Person, Right
from hub.registry import Registry
from hub.render import Shown
from hub.sentences import Speaker

GOOD = frozenset({"ready", "on_air", "aired", "unheard", "partly"})
"""Standings of a node that has, or had, all it takes."""
_LET_GO = (State.APPROVED, State.DISTRIBUTED)
TROUBLES = frozenset({"refused", "trouble", "missed", "partly", "unheard", "away"})


@dataclass(frozen=True, slots=True)
class When:
    """An instant with its day in both calendars. `at`, `planned`: ISO 8601."""

    at: str
    planned: str
    time: str
    day: str
    lunar: str
    feast: bool
    moved: bool


@dataclass(frozen=True, slots=True)
class Place:
    """How far it has come at one node. `state`: one word for colours; `word`: the sentence."""

    address: str
    path: str
    title: str
    zone: str
    state: str
    word: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A bulletin."""

    id: str
    number: int
    path: str
    title: str
    class_: BulletinClass
    class_word: str
    state: str
    mark: str
    word: str
    older: str
    when: str
    next: str
    places: str
    author: str
    returned: str
    can: frozenset[str]


class Showing:
    """Makes the views, for one person at a time."""

    def __init__(self, shown: Shown, scope: Scope, dispatch: Dispatch, rules: Approval) -> None:
        self._shown = shown
        self._scope = scope
        self._dispatch = dispatch
        self._rules = rules

    @property
    def registry(self) -> Registry:
        """All nodes."""
        return self._shown.registry

    def is_kept(self, bulletin: HubBulletin) -> bool:
        """Whether nodes are to be told of it, and cannot be now: they are when the broker is there again."""
        told = bulletin.released is not None or bool(self._dispatch.of(bulletin.id))
        return told and not self._shown.link.connected

    def speaker(self, language: Language) -> Speaker:
        """Speaks in the commune's own time."""
        return Speaker(language, self._shown.zone, self._shown.clock.now())

    def card(self, bulletin: HubBulletin, who: Person, language: Language, rows: list[Delivery] | None = None) -> Card:
        """A bulletin in a list. `rows`: how far it has come, where that is not known to the dispatch."""
        t, speak = translator(language), self.speaker(language)
        schedule = bulletin.schedule
        again = schedule is not None and schedule.recurrence is not None
        first = coming(schedule, speak.now, speak.zone, 1) if schedule and again else []
        places = self._scope.words(bulletin.targets, t("bulletins.everywhere"), t("bulletins.commune"))
        back = machine.last_word(bulletin) if bulletin.state is State.RETURNED else None
        waits = bulletin.state in (State.DRAFT, State.RETURNED, State.SUBMITTED)
        older = bulletin.released is not None and waits
        known = self._dispatch.of(bulletin.id) if rows is None else rows
        return Card(
            id=bulletin.id,
            number=bulletin.number,
            path=f"/bulletins/{bulletin.id}",
            title=bulletin.content.title,
            class_=bulletin.content.class_,
            class_word=t(f"class.{bulletin.content.class_}") if bulletin.content.class_ != "ordinary" else "",
            state=str(bulletin.state),
            mark="trouble" if self.came(bulletin, known) in ("missed", "refused") else str(bulletin.state),
            word=self.state(bulletin, known, language),
            older=t("bulletins.older_on_air") if older else "",
            when=sentence.words(schedule, speak.zone, t) if schedule else t("plan.none_yet"),
            next=t("bulletins.next", at=times.dated(first[0].at, speak.zone, language)) if first else "",
            places=_few(places, t("bulletins.more_places", count=max(0, len(places) - 4))) or t("plan.no_places_yet"),
            author=_author(bulletin),
            returned=t("bulletins.returned_by", name=back.name, word=back.word) if back else "",
            can=self.can(bulletin, who),
        )

    def can(self, bulletin: HubBulletin, who: Person) -> frozenset[str]:
        """What somebody may do with it now."""
        found = set[str]()
        writes = self._scope.may_write(who, bulletin)
        signs = self._scope.may(who, Right.APPROVE, bulletin.targets) and bool(bulletin.targets.places)
        for act in (Act.EDIT, Act.PLAN, Act.SUBMIT, Act.TAKE_BACK, Act.CANCEL):
            if writes and machine.can(bulletin, act):
                found.add(str(act))
        own = who.id in machine.authors(bulletin) and not self._rules.may_own(who)
        if signs and machine.can(bulletin, Act.APPROVE):
            found |= {"see_approve"} if own else {str(Act.APPROVE), str(Act.SEND_BACK)}
        return frozenset(found)

    def signs(self, bulletin: HubBulletin, who: Person) -> bool:
        """Whether a change of time and place by this person needs nobody else."""
        if not machine.needs_approval(bulletin, self._rules.required_for):
            return self._scope.may_write(who, bulletin)
        own = who.id in machine.authors(bulletin) and not self._rules.may_own(who)
        return self._scope.may(who, Right.APPROVE, bulletin.targets) and not own

    def state(self, bulletin: HubBulletin, rows: Iterable[Delivery], language: Language) -> str:
        """Where it stands, in words."""
        t, state = translator(language), bulletin.state
        count = self.counted(bulletin, rows)
        all_, done = count.total(), count["aired"] + count["unheard"]
        if came := outcome(bulletin, count, self._shown.clock.now()):
            said = t(f"bulletins.state_{came}", count=done, all=all_)
            unheard = count["unheard"]
            return said + t("bulletins.state_unheard", count=unheard) if unheard and came != "refused" else said
        if state in _LET_GO and count["on_air"]:
            return t("bulletins.state_on_air", count=count["on_air"], all=all_)
        if state in _LET_GO and not all_:
            return t("bulletins.state_nobody")
        if state is State.DISTRIBUTED:
            return t("bulletins.state_distributed", count=sum(count[each] for each in GOOD), all=all_)
        sounding = state is State.SUBMITTED and bulletin.content.unrendered and not bulletin.silent
        return t("bulletins.state_sounding" if sounding else f"bulletins.state_{state}")

    def counted(self, bulletin: HubBulletin, rows: Iterable[Delivery]) -> Counter[str]:
        """How many nodes stand how, of those that shall have it."""
        return Counter(self.standing(row) for row in rows if row.wanted or bulletin.state is State.DONE)

    def came(self, bulletin: HubBulletin, rows: Iterable[Delivery] | None = None) -> str:
        """What came of it (outcome.outcome). `rows`: where that is not known to the dispatch."""
        known = self._dispatch.of(bulletin.id) if rows is None else rows
        return outcome(bulletin, self.counted(bulletin, known), self._shown.clock.now())

    def standing(self, row: Delivery) -> str:
        """One word of a node."""
        return standing(row, self._shown.registry.is_online(row.address))

    def nowhere(self, bulletin: HubBulletin, language: Language) -> str:
        """Places of it where no loudspeaker is known, in words; empty where each has one."""
        empty = [text for text in bulletin.targets.places if not self._scope.nodes(Targets(places=(text,)))]
        t = translator(language)
        words = self._scope.words(Targets(places=tuple(empty)), t("bulletins.everywhere"), t("bulletins.commune"))
        return t("plan.nowhere", places=", ".join(words[:5])) if words else ""

    def places(self, rows: Iterable[Delivery], who: Person, language: Language) -> list[Place]:
        """Node by node, the troubled ones first; only where somebody may see."""
        found = [self._place(row, language) for row in rows if row.wanted or row.taken]
        areas = self._scope.areas
        seen = [place for place in found if who.may(Right.SEE, areas.place_of(place.address))]
        return sorted(seen, key=lambda place: (not place.bad, place.zone.casefold(), place.title.casefold()))

    def _place(self, row: Delivery, language: Language) -> Place:
        node = self._shown.registry.nodes.get(row.address)
        state = self.standing(row)
        speak = self.speaker(language)
        return Place(
            address=row.address,
            path=f"/nodes/{row.address}",
            title=node.title if node else row.address.partition("/")[2],
            zone=(node.about.zone or "") if node and node.about else "",
            state="trouble" if state in TROUBLES else state,
            word=self._said(row, state, speak),
            bad=state in TROUBLES,
        )

    def _said(self, row: Delivery, state: str, speak: Speaker) -> str:
        if state == "sending" and not self._shown.link.connected:
            return speak.t("bulletins.at_waiting")
        if state in ("away", "sending", "refused", "taken"):
            return speak.t(f"bulletins.at_{state}", why=speak.fault(row.fault))
        assert row.seen is not None  # noqa: S101 - these are the node's own words
        text = speak.bulletin(row.seen)
        if row.seen.start_error_ms is not None and state in ("aired", "partly", "unheard"):
            text += " · " + times.punctual(row.seen.start_error_ms, speak.language)
        return text

    def next_ten(self, schedule: Schedule, language: Language, most: int = 10) -> list[When]:
        """The next instants in both calendars."""
        speak = self.speaker(language)
        return [self.instant(each, language) for each in coming(schedule, speak.now, speak.zone, most)]

    def instant(self, each: Instance, language: Language) -> When:
        """One of them."""
        speak = self.speaker(language)
        there = times.local(each.at, speak.zone)
        weekday = speak.t(f"weekday.{there.weekday()}")
        return When(
            at=each.at.isoformat(),
            planned=each.planned.isoformat(),
            time=f"{there:%H:%M}",
            day=f"{weekday} {there:%d/%m/%Y}",
            lunar=lunar.words(there.date(), speak.t),
            feast=lunar.is_feast(there.date()),
            moved=each.at != each.planned,
        )

    def planned(self, bulletin: HubBulletin, schedule: Schedule | None = None) -> Planned | None:
        """As the lawful hours look at it."""
        wanted = schedule or bulletin.schedule
        if wanted is None:
            return None
        return Planned(bulletin.id, bulletin.content.class_, wanted, seconds_of(bulletin))


def _few(places: list[str], more: str) -> str:
    return ", ".join(places) if len(places) <= 5 else f"{', '.join(places[:4])} {more}"


def _author(bulletin: HubBulletin) -> str:
    return next((step.name for step in bulletin.history if step.act == Act.CREATE), "")

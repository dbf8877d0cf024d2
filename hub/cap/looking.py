"""Looks alerts up for somebody: only those that concern a place of theirs, with what they may do about each."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from hub.cap import relations, rows, said, views
from hub.cap.bringer import decides
from hub.cap.clearing import usual_words
from hub.cap.copies import LIVING
from hub.cap.deciding import may_air
from hub.cap.desk import parsed
from hub.cap.intake import Intake
from hub.cap.message import Alert, MsgType
from hub.cap.plan import Plan
from hub.cap.rows import Row, State
from hub.cap.sent import AiredView, aired
from hub.clock import Clock
from hub.language import sort_key
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.rights import Person, Place, Right
from hub.registry import Registry
from hub.sentences import Speaker
from hub.sheet import Sheet

PER_PAGE = 20
MOST_WAITING = 50
_REMEMBERED = 200
CLEAR_WITHIN = timedelta(hours=12)
"""So long after a siren was let, its end is still worth telling."""
OVER = tuple(state for state in State if state is not State.WAITING)


@dataclass(frozen=True, slots=True)
class Found:
    """An alert, what it says, and what it comes to now."""

    row: Row
    alert: Alert
    plan: Plan


@dataclass(frozen=True, slots=True)
class ListView:
    """The page of all alerts."""

    waiting: tuple[views.Card, ...]
    others: tuple[views.Card, ...]
    feeds: tuple[views.FeedLine, ...]
    page: int
    more: bool
    may_bring: bool


@dataclass(frozen=True, slots=True)
class DetailView:
    """The page of one alert. `may_...`: what the person who looks may do now."""

    card: views.Card
    facts: tuple[tuple[str, str], ...]
    parts: tuple[views.PartView, ...]
    unknown: tuple[str, ...]
    unplaced: tuple[str, ...]
    written: tuple[tuple[str, tuple[str, ...]], ...]
    odd: tuple[str, ...]
    aired: AiredView
    clears: tuple[views.ClearView, ...]
    history: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str, str], ...]
    may_air: bool
    may_dismiss: bool
    may_accept: bool
    may_end: bool


class Looking:
    """Finds alerts for the acting person."""

    def __init__(self, intake: Intake, registry: Registry, areas: Areas, clock: Clock) -> None:
        self._intake = intake
        self._clock = clock
        self._registry = registry
        self._areas = areas
        self._alerts: OrderedDict[str, Alert] = OrderedDict()

    async def find(self, id_: str) -> Found | None:
        """One alert, if it concerns a place of the acting person. Raises SQLAlchemyError."""
        row = await self._intake.store.read(partial(rows.get, id_=id_))
        return await self._known(row) if row is not None else None

    async def listed(self, page: int, speak: Speaker) -> ListView:
        """The alerts that concern the acting person. Raises SQLAlchemyError."""
        store, settings = self._intake.store, self._intake.desk.settings
        waiting = await store.read(partial(rows.listed, states=(State.WAITING,), most=MOST_WAITING))
        skip = (page - 1) * PER_PAGE
        others, more = await self.some(OVER, PER_PAGE, skip)
        seen = [found for row in waiting if (found := await self._known(row)) is not None]
        seen.sort(key=lambda found: -found.row.level)
        return ListView(
            waiting=tuple(views.card(f.row, f.plan, settings, speak) for f in seen),
            others=tuple(views.card(row, None, settings, speak) for row in others),
            feeds=tuple(views.feed(state, speak) for state in self._intake.feeds.states.values()),
            page=page,
            more=more,
            may_bring=person().may_somewhere(Right.WRITE),
        )

    async def some(self, states: Iterable[State], most: int, skip: int) -> tuple[list[Row], bool]:
        """Of the next so many alerts, the newest first, those that concern the acting person; whether more follow.

        Raises SQLAlchemyError.
        """
        read = partial(rows.listed, states=states, most=most + 1, skip=skip)
        found = await self._intake.store.read(read)
        seen = [row for row in found[:most] if self._sees_all() or await self._known(row) is not None]
        return seen, len(found) > most

    async def sent(self, found: Found) -> list[said.Aired]:
        """Where it was sent, of what the acting person may see. Raises SQLAlchemyError."""
        sent = await self._intake.store.read(partial(said.aired_at, id_=found.row.id))
        return [each for each in sent if self._areas.may(person(), Right.SEE, each.address)]

    async def acts(self, found: Found) -> list[said.Act]:
        """What was done to it, the first first. Raises SQLAlchemyError."""
        return await self._intake.store.read(partial(said.history, id_=found.row.id))

    async def detail(self, found: Found, speak: Speaker, sheets: dict[int, Sheet] | None = None) -> DetailView:
        """Everything about one. `sheets`: what stands under the form of a part. Raises SQLAlchemyError."""
        store, row, plan, who = self._intake.store, found.row, found.plan, person()
        words = await store.read(partial(said.said, id_=row.id))
        settings = self._intake.desk.settings
        waits = row.state is State.WAITING
        living = any(w.until > speak.now for w in words) and bool(await self.sounding(found))
        cancel = row.msg_type == MsgType.CANCEL.value
        return DetailView(
            card=views.card(row, plan, settings, speak),
            facts=views.facts(row, found.alert, settings, speak),
            parts=self._parts(found, len(words), speak, sheets or {}, await self._chosen(found)),
            unknown=plan.unknown,
            unplaced=self._names(plan.unplaced),
            written=tuple((views.language_words(info, speak), views.written(info)) for info in found.alert.infos),
            odd=tuple(speak.t(key) for key in found.alert.notes),
            aired=aired(await self.sent(found), row.id, self._registry.nodes, speak),
            clears=await self._clears(row),
            history=views.history(await self.acts(found), speak),
            links=await self._links(row, speak),
            may_air=may_air(row, plan) and row.expires > speak.now and who.may_somewhere(Right.APPROVE),
            may_dismiss=waits and decides(who, plan, self._areas),
            may_accept=waits and cancel and await self.may_accept(found),
            may_end=living,
        )

    async def sounding(self, found: Found) -> list[str]:
        """Where it has not been ended, as far as the acting person may end it there. Raises SQLAlchemyError."""
        sent, who = await self._intake.store.read(partial(said.aired_at, id_=found.row.id)), person()
        return [e.address for e in sent if not e.ending and self._areas.may(who, Right.EMERGENCY, e.address)]

    async def sounds(self, found: Found) -> bool:
        """Whether it was sent to any node where it has not been ended. Raises SQLAlchemyError."""
        sent = await self._intake.store.read(partial(said.aired_at, id_=found.row.id))
        return any(not each.ending for each in sent)

    async def to_clear(self, row: Row) -> list[str]:
        """Where its siren was heard and ended, and nobody said so, if the acting person may. Raises SQLAlchemyError."""
        who, now = person(), self._clock.now()
        nodes = await self._intake.store.read(partial(said.clearable, id_=row.id, since=now - CLEAR_WITHIN))
        return nodes if all(self._areas.may(who, Right.EMERGENCY, node) for node in nodes) else []

    async def _clears(self, row: Row) -> tuple[views.ClearView, ...]:
        """Sirens that people could be told the end of: of this alert, and of what it stands for."""
        older = await self._intake.store.read(partial(rows.referred, id_=row.id))
        settings = self._intake.desk.settings
        found = [(each, await self.to_clear(each)) for each in (row, *older)]
        return tuple(
            views.ClearView(each.id, each.title, usual_words(each, settings), len(nodes))
            for each, nodes in found
            if nodes
        )

    def nodes(self, found: Found, number: int) -> tuple[str, ...]:
        """Where the acting person may let a part be heard."""
        who = person()
        return tuple(n for n in found.plan.parts[number].nodes if self._areas.may(who, Right.APPROVE, n))

    def more_places(self, found: Found, number: int) -> list[tuple[str, str, tuple[str, ...]]]:
        """Further areas that the acting person may add to a part: place, name, nodes with a loudspeaker."""
        who, taken = person(), set(found.plan.nodes) - set(found.plan.parts[number].nodes)
        here = set(found.plan.parts[number].nodes)
        spots = {spot.address for spot in self._intake.desk.spots()}
        places: list[tuple[str, str, tuple[str, ...]]] = []
        for area in self._areas.all():
            new = tuple(a for a in area.nodes if a in spots and a not in here and a not in taken)
            if new and who.may(Right.APPROVE, area.place):
                places.append((str(area.place), area.name, new))
        return places[:100]

    def within(self, found: Found, number: int, place: Place) -> tuple[str, ...]:
        """Where in a place the acting person may let a part be heard; another part's nodes hear that one."""
        elsewhere, who = set(found.plan.nodes) - set(found.plan.parts[number].nodes), person()
        spots = (spot for spot in self._intake.desk.spots() if place.holds(spot.place))
        free = (spot.address for spot in spots if spot.address not in elsewhere)
        return tuple(address for address in free if self._areas.may(who, Right.APPROVE, address))

    def may_decide(self, found: Found) -> bool:
        """Whether the acting person may leave it for everybody whom it concerns."""
        return decides(person(), found.plan, self._areas)

    async def replaceable(self, found: Found) -> tuple[tuple[str, ...], bool]:
        """The alerts whose place it would take of which the acting person decides, and whether that is all of them.

        Raises SQLAlchemyError.
        """
        store, who = self._intake.store, person()
        old = await store.read(partial(rows.referred, id_=found.row.id))
        living = [each for each in old if each.state in LIVING and each.status == found.row.status]
        may: list[str] = []
        for each in living:
            heard = await store.read(partial(said.aired_at, id_=each.id))
            plan = await self._intake.desk.plan(await parsed(each.body))
            if decides(who, plan, self._areas) and all(
                self._areas.may(who, Right.APPROVE, one.address) for one in heard
            ):
                may.append(each.id)
        return tuple(may), len(may) == len(living)

    async def may_accept(self, found: Found) -> bool:
        """Whether the acting person may take a Cancel for true: for everybody who hears what it takes back."""
        return self.may_decide(found) and (await self.replaceable(found))[1]

    async def _known(self, row: Row) -> Found | None:
        alert = self._alerts.get(row.id)
        if alert is None:
            alert = self._alerts[row.id] = await parsed(row.body)
            while len(self._alerts) > _REMEMBERED:
                self._alerts.popitem(last=False)
        found = Found(row, alert, await self._intake.desk.plan(alert))
        return found if self._concerns(person(), found.plan) else None

    def _sees_all(self) -> bool:
        return person().may_everywhere(Right.SEE)

    def _concerns(self, who: Person, plan: Plan) -> bool:
        """Whether it means a node that they may see; what means none yet concerns who decides for a commune."""
        if self._sees_all():
            return True
        if not plan.nodes:
            return any(place.is_wide for place in who.places(Right.APPROVE))
        return any(self._areas.may(who, Right.SEE, node) for node in plan.nodes)

    async def _chosen(self, found: Found) -> int:
        """To how many nodes that the message does not mean it was sent: people chose them."""
        meant = set(found.plan.nodes)
        sent = await self._intake.store.read(partial(said.aired_at, id_=found.row.id))
        may, who = self._areas.may, person()
        return sum(each.address not in meant and may(who, Right.SEE, each.address) for each in sent)

    def _parts(
        self, found: Found, seen: int, speak: Speaker, sheets: dict[int, Sheet], chosen: int
    ) -> tuple[views.PartView, ...]:
        made: list[views.PartView] = []
        for number, each in enumerate(found.plan.parts):
            nodes = self.nodes(found, number)
            named = nodes or tuple(n for n in each.nodes if self._areas.may(person(), Right.SEE, n))
            elsewhere = not each.nodes and bool(found.plan.nodes)
            shown = views.part(number, each, seen, self._names(named), speak)
            lines = views.where(len(named), elsewhere, chosen, speak)
            places = tuple((place, name, False) for place, name, _ in self.more_places(found, number))
            sheet = sheets.get(number, Sheet())
            made.append(replace(shown, count=len(nodes), sheet=sheet, places=places, where=lines))
        return tuple(made)

    def _names(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        nodes = self._registry.nodes
        return tuple(sorted((nodes[a].title if a in nodes else a for a in addresses), key=sort_key))

    async def _links(self, row: Row, speak: Speaker) -> tuple[tuple[str, str, str], ...]:
        """Messages that this one is about, and that are about this one: words, id, title."""
        store = self._intake.store
        name = await store.read(partial(rows.name_of, id_=row.id))
        copies = [each for each in await store.read(partial(rows.of_name, name=name)) if each.id != row.id]
        known = {each.id for each in copies}
        older = [each for each in await store.read(partial(rows.referred, id_=row.id)) if each.id not in known]
        newer = [each for each in await store.read(partial(rows.referring, id_=row.id)) if each.id not in known]
        lines = [(speak.t("cap.link_copy"), each.id, each.title) for each in copies]
        lines += [(speak.t("cap.link_older"), each.id, each.title) for each in older]
        lines += [(speak.t(_link(row, each)), each.id, each.title) for each in newer]
        return tuple(lines)


def _link(row: Row, newer: Row) -> str:
    """The key of what a message that is about this one did to it: said only of what counted."""
    if relations.replaced_by(newer) is not State.CANCELLED:
        return "cap.link_newer"
    return "cap.link_cancel" if row.reason == newer.id else "cap.link_cancel_void"

"""The calendar of the next seven days: per day what will be on air where, with the day's lunar date."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from edge_agent.contract.reports import BulletinState
from hub import lunar
from hub.language import Translate
from hub.node import Node
from hub.sentences import Speaker
from hub.times import local
from hub.titles import titled

DAYS = 7
_MOST = 200
"""Lines of one day."""


@dataclass(frozen=True)
class Slot:
    """A bulletin at an instant, at one node or at several."""

    time: str
    title: str
    class_: str
    class_word: str
    state: str
    word: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    """One day. `feast`: the first or the fifteenth of the lunar month."""

    name: str
    date: str
    lunar: str
    feast: bool
    slots: tuple[Slot, ...]
    more: int = 0


@dataclass
class _Group:
    state: BulletinState
    speak: Speaker
    titles: list[str] = field(default_factory=list)
    worst: BulletinState | None = None


def agenda(nodes: Iterable[tuple[Node, Speaker]], today: date, t: Translate) -> tuple[Day, ...]:
    """Seven days from today, in the local time of each node."""
    groups: dict[date, dict[tuple[datetime, str], _Group]] = {
        today + timedelta(days=number): {} for number in range(DAYS)
    }
    for node, speak in nodes:
        for state in node.states.values():
            if isinstance(state, BulletinState) and state.actual != "cancelled":
                _enter(groups, node, state, speak)
    return tuple(_day(day, today, entries, t) for day, entries in groups.items())


def _enter(
    groups: dict[date, dict[tuple[datetime, str], _Group]], node: Node, state: BulletinState, speak: Speaker
) -> None:
    instants = state.coming or ((state.next,) if state.next else ())  # nodes of older versions name only the next
    for instant in instants:
        day = groups.get(local(instant, speak.zone).date())
        if day is None:
            continue
        group = day.setdefault((instant, state.id), _Group(state, speak))
        group.titles.append(node.title)
        if group.worst is None or _trouble(state) > _trouble(group.worst):
            group.worst = state


def _trouble(state: BulletinState) -> int:
    return 2 if state.fault else 1 if state.actual == "preparing" else 0


def _day(day: date, today: date, entries: dict[tuple[datetime, str], _Group], t: Translate) -> Day:
    ordered = sorted(entries.items(), key=lambda item: item[0])
    away = (day - today).days
    weekday = t(f"weekday.{day.weekday()}")
    names = {0: t("calendar.today", day=weekday), 1: t("calendar.tomorrow", day=weekday)}
    slots = tuple(_slot(instant, group) for (instant, _), group in ordered[:_MOST])
    feast, words = lunar.is_feast(day), lunar.words(day, t)
    return Day(names.get(away, weekday), f"{day:%d/%m}", words, feast, slots, max(0, len(ordered) - _MOST))


def _slot(instant: datetime, group: _Group) -> Slot:
    state, speak = group.worst or group.state, group.speak
    return Slot(
        time=f"{local(instant, speak.zone):%H:%M}",
        title=titled(state.title, speak.t),
        class_=state.class_,
        class_word=speak.t(f"class.{state.class_}") if state.class_ != "ordinary" else "",
        state="trouble" if state.fault else state.actual,
        word=speak.readiness(state),
        places=tuple(group.titles),
    )

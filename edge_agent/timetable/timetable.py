"""What each thing does now and until when, and in any span of days."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from edge_agent.config.switching import SwitchedEntry
from edge_agent.config.timetable import Calendar, NamedProgramme, Photocell, Programme
from edge_agent.timetable.calendar import OFF, Choice
from edge_agent.timetable.days import EPOCH, Days
from edge_agent.timetable.nights import Change, Pattern
from edge_agent.timetable.place import Place
from edge_agent.timetable.timeline import Choosing, Phase, Timeline

Dark = Callable[[str], bool | None]
"""Whether it is dark, by the id of a sensor; None while that says nothing: then the sun's times count alone."""


class Switch(NamedTuple):
    """From an instant (UTC) on: a level in per cent, reached within so many seconds."""

    at: datetime
    level: float
    ramp_s: float


class Night(NamedTuple):
    """What is done in the night that begins on a day (or in that day, where days begin at midnight)."""

    day: date
    programme: str | None
    switches: tuple[Switch, ...]
    """The first is the level at its beginning."""


class Ahead(NamedTuple):
    """What is done from the beginning of the present night to the end of the next one."""

    begin: datetime
    next: datetime
    """Where the second night begins."""
    end: datetime
    programmes: tuple[str | None, str | None]
    switches: tuple[Switch, ...]
    """The first is the level at its beginning."""


class Plan:
    """What one thing does."""

    def __init__(self, timeline: Timeline, photocells: tuple[Photocell, ...]) -> None:
        self.photocells = photocells
        """Those that it asks, one for each sensor: make a Darkness of each, and give `at` their answers."""
        self._timeline = timeline
        self._sensors = tuple(cell.sensor for cell in photocells)
        self._dark: frozenset[str] = frozenset()
        self._looked: datetime | None = None
        self._holds: tuple[datetime, datetime, Phase] | None = None

    def at(self, now: datetime, dark: Dark) -> Phase:
        """What it does now.

        `until` is the next instant at which the level changes, as far as darkness stays what it is until the sun's
        `off`: look again then, and whenever a photocell's answer changes. Between them it costs next to nothing.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        if not self._sensors:
            return self._timeline.now(now)
        says = frozenset(sensor for sensor in self._sensors if dark(sensor))
        holds = self._holds
        if holds is None or says != self._dark or not holds[0] <= now < holds[1]:
            start, end, phase = self._timeline.find(now, says)
            holds = self._holds = start, end, self._gone_on(phase, now, says)
        self._dark, self._looked = says, now
        return holds[2]

    def switches(self, first: date, last: date) -> list[Switch]:
        """The changes in the nights of these days, without photocells; the first entry is the level at the start.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        return [_switch(change) for change in self._timeline.changes(first, last)]

    def nights(self, first: date, last: date) -> list[Night]:
        """The same, night by night.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        found = []
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            programme, changes = self._timeline.night(day)
            found.append(Night(day, programme, tuple(map(_switch, changes))))
        return found

    def ahead(self, now: datetime) -> Ahead:
        """What is done tonight and in the next night, without photocells. Raises NoSun."""
        first = self._timeline.day_of(now)
        next_ = first + timedelta(days=1)
        begin, end = self._timeline.begin(first), self._timeline.begin(next_ + timedelta(days=1))
        programmes = self._timeline.night(first)[0], self._timeline.night(next_)[0]
        return Ahead(begin, self._timeline.begin(next_), end, programmes, tuple(self.switches(first, next_)))

    def _gone_on(self, phase: Phase, now: datetime, says: frozenset[str]) -> Phase:
        """The phase, with what was seen of it: a photocell's change is at no instant that can be worked out."""
        if self._holds is None or self._looked is None or not phase.began <= self._looked <= now:
            return phase
        last = self._holds[2]
        if phase.level == last.level:
            return _begun(phase, last.began, last.ramp_s, last.level_before)
        if says != self._dark:
            return _begun(phase, now, phase.ramp_s, last.level_at(now))
        return phase


def _begun(phase: Phase, began: datetime, ramp_s: float, before: float) -> Phase:
    return Phase(phase.level, began, ramp_s, before, phase.until, phase.programme, phase.photocell)


def _switch(change: Change) -> Switch:
    return Switch(EPOCH + timedelta(seconds=change.at), change.level, change.ramp_s)


class Timetable:
    """All programmes and calendars of a node. Things that follow the same one share what is worked out."""

    def __init__(self, programmes: Sequence[NamedProgramme], calendars: Sequence[Calendar], place: Place) -> None:
        """As the configuration has them; its check has seen to it that what they name is there."""
        self.place = place
        self._days = Days(place)
        self._programmes = {programme.id: programme for programme in programmes}
        self._calendars = {calendar.id: calendar for calendar in calendars}
        self._made: dict[Programme | str, tuple[Timeline, tuple[Photocell, ...]]] = {}

    def plan_of(self, entry: SwitchedEntry) -> Plan | None:
        """The plan of a thing; None where it has neither programme nor calendar.

        Raises:
            ValueError: it names a programme or calendar that does not exist.
        """
        if entry.calendar is not None:
            return self.plan_of_calendar(entry.calendar)
        if entry.programme is None:
            return None
        return self.plan_of_programme(entry.programme)

    def plan_of_programme(self, programme: Programme | str) -> Plan:
        """The plan of a programme, or of the id of one. Raises ValueError for an id that does not exist."""
        known = self._named(programme) if isinstance(programme, str) else programme
        if known not in self._made:
            pattern = Pattern(known)
            choosing = Choosing(pattern, known.id if isinstance(known, NamedProgramme) else None)
            timeline = Timeline(lambda _day: choosing, self._days, noon=pattern.noon)
            self._made[known] = timeline, _one_each(pattern.photocells)
        return Plan(*self._made[known])

    def plan_of_calendar(self, id_: str) -> Plan:
        """The plan of a calendar. Raises ValueError where it, or a programme of it, does not exist."""
        if id_ not in self._made:
            if id_ not in self._calendars:
                raise ValueError(f"no calendar {id_!r}")
            choice = Choice(self._calendars[id_])
            choosings = {OFF: Choosing(None, OFF)}
            for name in choice.names:
                if name != OFF:
                    choosings[name] = Choosing(Pattern(self._named(name)), name)
            patterns = [each.pattern for each in choosings.values() if each.pattern is not None]
            begins = {pattern.noon for pattern in patterns}
            if len(begins) > 1:
                raise ValueError(f"calendar {id_!r}: days of its programmes begin at noon and at midnight")
            timeline = Timeline(lambda day: choosings[choice.of(day)], self._days, noon=begins != {False})
            cells = tuple(cell for pattern in patterns for cell in pattern.photocells)
            self._made[id_] = timeline, _one_each(cells)
        return Plan(*self._made[id_])

    def _named(self, id_: str) -> NamedProgramme:
        if id_ not in self._programmes:
            raise ValueError(f"no programme {id_!r}")
        return self._programmes[id_]


def _one_each(cells: Sequence[Photocell]) -> tuple[Photocell, ...]:
    return tuple({cell.sensor: cell for cell in cells}.values())

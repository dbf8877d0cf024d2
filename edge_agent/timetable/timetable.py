"""What a thing does now and until when, and in any span of days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from edge_agent.config.switching import SwitchedEntry
from edge_agent.config.timetable import Calendar, NamedProgramme, Photocell
from edge_agent.timetable.place import Place

Dark = Callable[[str], bool | None]
"""Whether it is dark, by the id of a sensor; None while that says nothing: then the sun's times count alone."""


class Switch(NamedTuple):
    """From an instant (UTC) on: a level in per cent, reached within so many seconds."""

    at: datetime
    level: float
    ramp_s: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A level (per cent), since when and until when. Instants are aware UTC."""

    level: float
    began: datetime
    ramp_s: float
    level_before: float
    until: datetime
    programme: str | None
    photocell: bool

    def level_at(self, now: datetime) -> float:
        """The level on the way from `level_before`: it rises or falls evenly in `ramp_s` seconds."""
        gone = (now - self.began).total_seconds()
        if gone >= self.ramp_s:
            return self.level
        return self.level_before + (self.level - self.level_before) * max(0.0, gone) / self.ramp_s


class Plan:
    """What one thing does."""

    photocells: tuple[Photocell, ...]
    """Those that it asks, one for each sensor: make a Darkness of each, and give `at` their answers."""

    def at(self, now: datetime, dark: Dark) -> Phase:
        """What it does now.

        `until` is the next instant at which the level changes, as far as darkness stays what it is until the sun's
        `off`: look again then, and whenever a photocell's answer changes. Costs next to nothing between them.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        raise NotImplementedError

    def switches(self, first: date, last: date) -> list[Switch]:
        """The changes in the nights of these days, without photocells; the first entry is the level at the start.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        raise NotImplementedError


class Timetable:
    """All programmes and calendars of a node."""

    def __init__(self, programmes: Sequence[NamedProgramme], calendars: Sequence[Calendar], place: Place) -> None:
        """As the configuration has them; its check has seen to it that what they name is there."""
        self.place = place

    def plan_of(self, entry: SwitchedEntry) -> Plan | None:
        """The plan of a thing; None where it has neither programme nor calendar.

        Raises:
            ValueError: it names a programme or calendar that does not exist.
        """
        raise NotImplementedError

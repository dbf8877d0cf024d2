"""Timetables: what switched things will do by themselves, told once for all things that follow the same one."""

from typing import Literal

from pydantic import Field

from edge_agent.contract.base import Instant, Report
from edge_agent.contract.thing import Thing

MOST_SWITCHES = 64


class ComingSwitch(Report):
    """From an instant on: a level in per cent."""

    at: Instant
    level: float = Field(ge=0, le=100)


class TimetableState(Thing):
    """What a programme or a calendar does this night and in the next, sun and exceptions of the calendar reckoned in.

    A night is noon to noon (a day from midnight, where the programme begins its days so). Said at the start, at the
    beginning of each night, and when the clock was set: about 1 kB a day, however many things follow it. Overrides,
    rules and interlocks are not in it: a thing's own state has what is in force now, and `until` when.
    """

    kind: Literal["timetable"] = "timetable"
    programmes: tuple[str, ...] = Field(
        default=(), max_length=2, description="Programme of each of the two nights; `off` by the calendar"
    )
    begin: Instant = Field(description="From when on it is told")
    end: Instant = Field(description="Until when it is told")
    switches: tuple[ComingSwitch, ...] = Field(
        max_length=MOST_SWITCHES, description="First to last; the first is the level at `begin`"
    )
    photocell: bool = Field(default=False, description="Light may come earlier or go later, by a photocell")
    more: bool = Field(default=False, description="There were more than 64 switches; `end` is where they break off")

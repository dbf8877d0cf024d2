"""What is known of one switched thing."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Feedback, Light, Switch, SwitchedEntry
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import LightState, Switched, SwitchState, Trouble
from edge_agent.control.facts import Held, Moment, Readings
from edge_agent.control.interlock import Interlocks
from edge_agent.control.limits import Guard
from edge_agent.control.monitor import Monitor
from edge_agent.control.override import Override
from edge_agent.control.usage import Meter
from edge_agent.switching.lines import Drivers, Line
from edge_agent.timetable.darkness import Darkness
from edge_agent.timetable.sun import NoSun
from edge_agent.timetable.timeline import Phase
from edge_agent.timetable.timetable import Plan

_CONTACTS = ("contact", "breaker", "hand", "current", "power", "energy", "flow")


class Thing:
    """One light or other switched thing: the parts of its logic, its line, and what was seen of it last."""

    def __init__(
        self, entry: SwitchedEntry, plan: Plan | None, sensors: Mapping[str, Sensor], drivers: Drivers
    ) -> None:
        self.entry = entry
        self.kind = "light" if isinstance(entry, Light) else "switch"
        self.about = f"{self.kind}/{entry.id}"
        self.lock = asyncio.Lock()
        self.line = Line(entry.line, drivers, dimmable=entry.dimmable)
        self.guard = Guard(entry.limits)
        self.interlocks = Interlocks(entry, sensors.values())
        self.monitor = Monitor(entry)
        self.meter = Meter(entry, sensors)
        self._plan = plan
        self._dark = {cell.sensor: Darkness(cell, sensors[cell.sensor]) for cell in plan.photocells} if plan else {}
        self.override: Override | None = None
        self.held: Held | None = None
        self.held_told: str | None = None
        """Code of the interlock that was told last, also before the restart."""
        self.told: float | None = None
        """What its line was last told to be, per cent."""
        self.level: float | None = None
        """What its line is, per cent."""
        self.fault: Fault | None = None
        """Why its line does not answer."""
        self.failed = False
        """Whether it did not follow when it was told last."""
        self.acted = False
        """Whether its line was set since a change of it was told last."""
        self.used = False
        """Whether it was switched since its usage was kept."""
        self.read_at = float("-inf")
        self.tried_at = float("-inf")
        self.switched_at: datetime | None = None
        self.waits: datetime | None = None
        self.in_row = False
        """Whether it waits for its turn in a group."""
        self.state: Switched | None = None
        self.posted: Switched | None = None
        self.event_level: float | None = None
        self.troubles: tuple[Trouble, ...] = ()
        """Those that were told last, also before the restart."""
        self.moved = asyncio.Event()
        self.kept: JsonObject = {}

    @property
    def id(self) -> str:
        """Its id."""
        return self.entry.id

    def sensors(self) -> set[str]:
        """All sensors that it looks at."""
        feedback: Feedback = self.entry.feedback
        named = {getattr(feedback, name) for name in _CONTACTS} - {None}
        return named | set(self.interlocks.sensors) | set(self._dark)

    def running(self, actual: float | None) -> bool:
        """Whether it is on as far as is known; what cannot be known is as it was told."""
        return (actual if actual is not None else self.told or 0.0) > 0

    def actual(self, readings: Readings) -> float | None:
        """By the auxiliary contact where that has spoken since the last switch, else what the line is."""
        contact = self.entry.feedback.contact
        seen = readings(contact) if contact is not None else None
        if seen is None or seen.value is None or (self.switched_at is not None and seen.at < self.switched_at):
            return self.level
        return (self.level or 100.0) if seen.value >= 0.5 else 0.0

    def phase(self, moment: Moment, readings: Readings) -> Phase | None:
        """What its programme says; None without one, or while nobody can know."""
        if self._plan is None or not moment.trusted:
            return None

        def dark(sensor: str) -> bool | None:
            reading = readings(sensor)
            return self._dark[sensor].look(reading.value if reading is not None else None)

        try:
            return self._plan.at(moment.now, dark)
        except NoSun:  # the position is wrong: rather light than none
            return None

    def keep(self, moment: Moment) -> JsonObject:
        """What must survive a power cut, besides override and usage."""
        limits = self.entry.limits
        guarded = limits.minimum_on_s or limits.minimum_off_s
        return {
            **(self.guard.dump(moment) if guarded else {}),
            "interlocks": self.interlocks.dump(),
            "troubles": self.monitor.dump(),
            "held": self.held_told,
            "level": self.event_level,
        }

    def load(self, body: JsonObject, moment: Moment) -> None:
        """What was kept."""
        self.guard.load(body)
        for part, take in (
            ("interlocks", lambda kept: self.interlocks.load(kept, moment)),
            ("troubles", self.monitor.load),
        ):
            kept = body.get(part)
            if isinstance(kept, dict):
                take(kept)
        self.troubles = self.monitor.told
        level = body.get("level")
        self.event_level = float(level) if isinstance(level, int | float) else None
        held = body.get("held")
        self.held_told = held if isinstance(held, str) else None

    def make_state(self, **fields: object) -> Switched:
        """A state of its kind."""
        if isinstance(self.entry, Switch):
            return SwitchState.model_validate({"id": self.id, "use": self.entry.use, **fields})
        return LightState.model_validate({"id": self.id, **fields})

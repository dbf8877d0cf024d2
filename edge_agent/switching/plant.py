"""What is switched on a node, as its configuration says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from edge_agent.config.model import NodeConfig
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import GroupEntry, Light, SwitchedEntry
from edge_agent.control.stagger import members_of
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Plan, Timetable

ALL_LIGHTS = "lights"
"""The group that every node has: all its lights, and never a pump."""


@dataclass(frozen=True)
class Plant:
    """Lights and other switched things in the order of the configuration, their groups, sensors and programmes."""

    entries: Sequence[SwitchedEntry]
    timetable: Timetable
    groups: Sequence[GroupEntry] = ()
    sensors: Mapping[str, Sensor] = field(default_factory=dict)

    @classmethod
    def of(cls, config: NodeConfig) -> Self:
        """That of a node."""
        position = config.node.position
        place = Place(position.latitude, position.longitude, config.node.timezone)
        return cls(
            entries=(*config.lights, *config.switches),
            timetable=Timetable(config.programmes, config.calendars, place),
            groups=config.groups,
            sensors={sensor.id: sensor for sensor in config.sensors},
        )

    def plans(self) -> dict[str, Plan]:
        """The plans, each under the id of the first thing that follows it."""
        first = dict.fromkeys(timetables_of(self.entries).values())
        entries = {entry.id: entry for entry in self.entries}
        found = {id_: self.timetable.plan_of(entries[id_]) for id_ in first}
        return {id_: plan for id_, plan in found.items() if plan is not None}

    def members(self) -> dict[str, tuple[str, ...]]:
        """The things of each group, with that of all lights; things in the order of the configuration."""
        order = {entry.id: place for place, entry in enumerate(self.entries)}
        groups = {
            id_: tuple(sorted((thing for thing in things if thing in order), key=order.__getitem__))
            for id_, things in members_of(self.groups).items()
        }
        return {**groups, ALL_LIGHTS: tuple(entry.id for entry in self.entries if isinstance(entry, Light))}


def timetables_of(entries: Iterable[SwitchedEntry]) -> dict[str, str]:
    """Thing -> its timetable, called by the first thing that follows the same programme or calendar."""
    leaders: dict[object, str] = {}
    found = {}
    for entry in entries:
        if entry.calendar is not None or entry.programme is not None:
            key = ("calendar", entry.calendar) if entry.calendar is not None else entry.programme
            found[entry.id] = leaders.setdefault(key, entry.id)
    return found

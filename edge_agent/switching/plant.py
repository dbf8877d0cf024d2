"""What is switched on a node, as its configuration says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from edge_agent.config.model import NodeConfig
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import GroupEntry, Light, SwitchedEntry
from edge_agent.control.stagger import members_of
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Timetable

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

    def members(self) -> dict[str, tuple[str, ...]]:
        """The things of each group, with that of all lights; things in the order of the configuration."""
        order = {entry.id: place for place, entry in enumerate(self.entries)}
        groups = {
            id_: tuple(sorted((thing for thing in things if thing in order), key=order.__getitem__))
            for id_, things in members_of(self.groups).items()
        }
        return {**groups, ALL_LIGHTS: tuple(entry.id for entry in self.entries if isinstance(entry, Light))}

"""What rules are about: the things and sensors of a node by their ids, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from edge_agent.config.model import NodeConfig
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import SwitchedEntry
from edge_agent.timetable.place import Place

_STALE_S = 60.0


@dataclass(frozen=True)
class Scene:
    """Things and sensors by id, for names, units and flow meters, and the place for sun and clock."""

    things: Mapping[str, SwitchedEntry]
    sensors: Mapping[str, Sensor]
    place: Place

    @classmethod
    def of(cls, config: NodeConfig) -> Self:
        """That of a node."""
        position = config.node.position
        return cls(
            things={entry.id: entry for entry in (*config.lights, *config.switches)},
            sensors={sensor.id: sensor for sensor in config.sensors},
            place=Place(position.latitude, position.longitude, config.node.timezone),
        )

    def flow_of(self, thing: str) -> str | None:
        """The sensor that is a thing's flow meter."""
        return self.things[thing].feedback.flow if thing in self.things else None

    def stale_s(self, sensor: str) -> float:
        """After how long a silent sensor is unknown."""
        return self.sensors[sensor].stale_s if sensor in self.sensors else _STALE_S

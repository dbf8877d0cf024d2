"""What rules are about: the things and sensors of a node by their ids, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from edge_agent.config.model import NodeConfig
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import SwitchedEntry


@dataclass(frozen=True)
class Scene:
    """Things and sensors by id, for names, units and flow meters; degrees WGS 84 and zone for the sun and the clock."""

    things: Mapping[str, SwitchedEntry]
    sensors: Mapping[str, Sensor]
    latitude: float
    longitude: float
    timezone: str

    @classmethod
    def of(cls, config: NodeConfig) -> Self:
        """That of a node."""
        position = config.node.position
        return cls(
            things={entry.id: entry for entry in (*config.lights, *config.switches)},
            sensors={sensor.id: sensor for sensor in config.sensors},
            latitude=position.latitude,
            longitude=position.longitude,
            timezone=config.node.timezone,
        )

"""What of a configuration the safe core needs: lights and other switched things, and the sensors that guard them."""

from collections.abc import Collection

from edge_agent.config.model import NodeConfig
from edge_agent.switching.plant import Plant
from edge_agent.switching.thing import Thing


def reduced(config: NodeConfig, left_out: Collection[str] = (), *, bare: bool = False) -> NodeConfig:
    """Lines, their programmes, their sensors and their drivers; nothing that speaks, looks or reasons.

    `left_out` are drivers that are not to be opened; `bare`: none is.
    """
    sensors = _sensors(config)
    entries = (*config.lights, *config.switches)
    lines = [*(entry.line for entry in entries), *(sensor.line for sensor in config.sensors if sensor.id in sensors)]
    wanted = {line.partition("/")[0] for line in lines} - set(left_out)
    return config.model_copy(
        update={
            "drivers": tuple(entry for entry in config.drivers if entry.id in wanted and not bare),
            "sensors": tuple(sensor for sensor in config.sensors if sensor.id in sensors),
            "cabinets": (),
            "rules": (),
            "speakers": (),
            "cameras": (),
        }
    )


def amplifiers(config: NodeConfig) -> tuple[str, ...]:
    """The lines of amplifiers: nobody speaks in safe mode, so that they are off."""
    return tuple(speaker.amplifier.line for speaker in config.speakers if speaker.amplifier is not None)


def _sensors(config: NodeConfig) -> set[str]:
    """Those by which things are switched or guarded: level of a tank, contact of a lamp, twilight."""
    plant = Plant.of(config)
    things = (
        Thing(entry, plant.timetable.plan_of(entry), plant.sensors, lambda _name: None) for entry in plant.entries
    )
    return {sensor for thing in things for sensor in thing.sensors()}

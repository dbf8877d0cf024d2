"""What a node says that it has."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from edge_agent.config.model import NodeConfig
from edge_agent.config.sensing import UNITS
from edge_agent.config.switching import Switch, SwitchedEntry
from edge_agent.contract.capabilities import Capability, Group, SpokenVoice
from edge_agent.contract.reports import About
from edge_agent.switching.plant import timetables_of
from edge_agent.version import VERSION
from tts.voices import voices_of


def about(config: NodeConfig) -> About:
    """What the node has, as it tells the world."""
    node = config.node
    return About(
        node=node.name,
        commune=node.commune,
        name=node.title,
        zone=node.zone,
        position=node.position,
        timezone=node.timezone,
        language=node.language,
        version=VERSION,
        voices=tuple(engine.engine for engine in config.voice.chain),
        speaks=tuple(SpokenVoice(**asdict(voice)) for voice in voices_of(config.voice.chain)),
        capabilities=tuple(_capabilities(config)),
        groups=tuple(Group(id=group.id, name=group.name, members=group.members) for group in config.groups),
    )


def _capabilities(config: NodeConfig) -> Iterator[Capability]:
    kinds = {entry.id: entry.driver for entry in config.drivers}
    switched = (*config.lights, *config.switches)
    timetables = timetables_of(switched)
    for entry in switched:
        yield _switched(entry, kinds, timetables.get(entry.id))
    for speaker in config.speakers:
        yield Capability(
            id=speaker.id,
            kind="speaker",
            name=speaker.name,
            unit="%",
            minimum=0,
            maximum=100,
            writable=True,
            zone=speaker.zone,
            driver=kinds.get(speaker.driver),
        )
    for camera in config.cameras:
        yield Capability(id=camera.id, kind="camera", name=camera.name, zone=camera.zone)
    for sensor in config.sensors:
        yield Capability(
            id=sensor.id,
            kind="sensor",
            name=sensor.name,
            unit=sensor.unit or UNITS.get(sensor.kind),
            minimum=sensor.minimum,
            maximum=sensor.maximum,
            zone=sensor.zone,
            driver=_driver(sensor.line, kinds),
            use=sensor.kind,
        )
    for cabinet in config.cabinets:
        yield Capability(id=cabinet.id, kind="cabinet", name=cabinet.name, zone=cabinet.zone)
    for rule in config.rules:
        yield Capability(id=rule.id, kind="rule", name=rule.name, writable=True)


def _switched(entry: SwitchedEntry, kinds: Mapping[str, str], timetable: str | None) -> Capability:
    return Capability(
        id=entry.id,
        kind="switch" if isinstance(entry, Switch) else "light",
        name=entry.name,
        unit="%",
        minimum=0,
        maximum=100,
        step=1 if entry.dimmable else 100,
        writable=True,
        zone=entry.zone,
        driver=_driver(entry.line, kinds),
        use=entry.use if isinstance(entry, Switch) else None,
        timetable=timetable,
    )


def _driver(line: str, kinds: Mapping[str, str]) -> str | None:
    return kinds.get(line.partition("/")[0])

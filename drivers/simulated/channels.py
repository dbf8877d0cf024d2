"""What a simulated cabinet offers: its lines and all that is measured in it."""

from collections.abc import Iterator

from drivers.contract import Capability
from drivers.simulated.config import OF_THE_CABINET, CabinetLine, SimulatedCabinetConfig

CONTACTS = frozenset({"contact", "breaker", "hand", "door", "supply", "leakage", "photocell"})
UNITS = {
    "power": "W",
    "current": "A",
    "energy": "kW.h",
    "flow": "L/min",
    "litres": "L",
    "voltage": "V",
    "illuminance": "lx",
    "temperature": "Cel",
    "humidity": "%",
    "tank": "%",
}


def parts(line: CabinetLine) -> tuple[str, ...]:
    """The channels that a line has."""
    always = ("contact", "breaker", "hand", "power", "current", "energy")
    return (*always, "flow", "litres") if line.litres_per_minute else always


def is_contact(channel: str) -> bool:
    """Whether a channel is 1 or 0."""
    return channel.rpartition("_")[2] in CONTACTS


def capabilities(config: SimulatedCabinetConfig) -> list[Capability]:
    """Return lines first (kind relay, or dimmer), then channels (writable False) with their units."""
    return [*_lines(config), *_channels(config)]


def _lines(config: SimulatedCabinetConfig) -> Iterator[Capability]:
    for line, entry in config.lines.items():
        name = entry.name or line
        if entry.dimmable:
            yield Capability(line, name, "dimmer", unit="%", minimum=0, maximum=100)
        else:
            yield Capability(line, name, "relay")


def _channels(config: SimulatedCabinetConfig) -> Iterator[Capability]:
    for line, entry in config.lines.items():
        for part in parts(entry):
            yield _channel(f"{line}_{part}", f"{entry.name or line}: {part}", part)
    for channel in OF_THE_CABINET:
        yield _channel(channel, channel, channel)


def _channel(id_: str, name: str, part: str) -> Capability:
    kind = "contact" if part in CONTACTS else "sensor"
    return Capability(id_, name, kind, unit=UNITS.get(part, "1"), writable=False)

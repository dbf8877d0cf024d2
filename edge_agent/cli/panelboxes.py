"""The simulated cabinets of a node, as `edge-agent panel` and its page work them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drivers.registry import load as load_driver
from drivers.simulated.config import SimulatedCabinetConfig
from drivers.simulated.faults import PanelError, parse, things, words
from drivers.simulated.panel import Panel
from edge_agent.config.model import NodeConfig

DRIVER = "simulated-cabinet"
Changes = dict[str, dict[str, str | None]]
"""Cabinet -> thing -> word of its fault, None to mend it."""


class Unfit(ValueError):
    """A setting that is none. `key` and `params` name its sentence."""

    def __init__(self, key: str, **params: str) -> None:
        super().__init__(key)
        self.key, self.params = key, params


@dataclass
class Box:
    """A simulated cabinet of the node: its panel, and what its things are called in the configuration."""

    id: str
    config: SimulatedCabinetConfig
    panel: Panel
    aliases: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)


def find_boxes(config: NodeConfig) -> list[Box]:
    """All simulated cabinets of a node. Raises DriverFault when the driver cannot be loaded."""
    boxes = []
    for entry in config.drivers:
        if entry.driver != DRIVER:
            continue
        settings = load_driver(DRIVER).Config.model_validate(entry.settings())
        assert isinstance(settings, SimulatedCabinetConfig)  # noqa: S101 - it is the model of that very driver
        boxes.append(Box(entry.id, settings, Panel(config.storage.path / "drivers" / entry.id)))
    called = [(each.id, each.name, each.line) for each in (*config.lights, *config.switches)]
    called += [(each.id, each.name, each.line) for each in config.sensors]
    for box in boxes:
        for id_, name, place in called:
            driver, _, line = place.partition("/")
            if driver == box.id:
                box.aliases[id_] = line
                box.named.setdefault(line, name)
    return boxes


def understand(boxes: Sequence[Box], settings: Sequence[str]) -> Changes:
    """All settings THING=FAULT as changes of each cabinet. Raises Unfit or PanelError for the first wrong word."""
    changes: Changes = {box.id: {} for box in boxes}
    for setting in settings:
        name, equals, word = setting.partition("=")
        if not equals or not word:
            raise Unfit("panel.no_fault", word=setting)
        box, thing = _find(boxes, name)
        fault = parse(box.config, thing, word)
        changes[box.id][thing] = fault.word() if fault is not None else None
    return changes


def work(boxes: Sequence[Box], settings: Sequence[str]) -> None:
    """Break and mend; the word `clear` mends all others. Raises as `understand`, then nothing is done; OSError."""
    changes = understand(boxes, [word for word in settings if word != "clear"])
    for box in boxes:
        if changes[box.id] or "clear" in settings:
            box.panel.change(changes[box.id], clear="clear" in settings)


def look(box: Box) -> dict[str, Any]:
    """What there is of a cabinet, what is broken, and what it shows now. Raises OSError."""
    try:
        faults = box.panel.faults()
    except ValueError:
        faults = {}
    now = box.panel.ask() or {}
    values, outputs = now.get("values", {}), now.get("outputs", {})
    listed = []
    for thing in things(box.config):
        line = thing in box.config.lines
        listed.append(
            {
                "thing": thing,
                "name": box.named.get(thing, ""),
                "kind": box.config.lines[thing].kind if line else "channel",
                "fault": faults.get(thing),
                "value": outputs.get(thing) if line else values.get(thing),
                "faults": words(box.config, thing),
            }
        )
    return {"driver": box.id, "running": bool(now), "at": now.get("at"), "things": listed}


def _find(boxes: Sequence[Box], name: str) -> tuple[Box, str]:
    """Whose thing it is: lines and channels first, then ids of the configuration."""
    driver, slash, rest = name.rpartition("/")
    among = [box for box in boxes if box.id == driver] if slash else list(boxes)
    if slash and not among:
        raise PanelError("panel.unknown_thing", driver, [box.id for box in boxes])
    found = [(box, rest) for box in among if rest in things(box.config)]
    found = found or [(box, box.aliases[rest]) for box in among if rest in box.aliases]
    if len(found) > 1:
        raise Unfit("panel.which", word=rest, known=", ".join(f"{box.id}/{thing}" for box, thing in found))
    if not found:
        known = [each for box in among for each in (*box.config.lines, *box.aliases, *things(box.config))]
        raise PanelError("panel.unknown_thing", rest, dict.fromkeys(known))
    return found[0]

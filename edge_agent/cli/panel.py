"""`edge-agent panel`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from drivers.contract import DriverFault
from drivers.registry import load as load_driver
from drivers.simulated.config import SimulatedCabinetConfig
from drivers.simulated.faults import PanelError, parse, things, words
from drivers.simulated.panel import Panel
from edge_agent.cli.common import CONFIG, load_or_fail
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.config.model import NodeConfig
from edge_agent.words import say

_DRIVER = "simulated-cabinet"


@dataclass
class Box:
    """A simulated cabinet of the node: its panel, and what its things are called in the configuration."""

    id: str
    config: SimulatedCabinetConfig
    panel: Panel
    aliases: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)


@click.command("panel")
@CONFIG
@click.argument("settings", nargs=-1, metavar="[THING=FAULT | clear]...")
@AS_JSON
def command(file: Path, settings: tuple[str, ...], as_json: bool) -> None:
    """Show the simulated cabinets of the node described by FILE, break things in them, mend them.

    THING is a line or a channel of the cabinet, or the id of a light, switch or sensor; DRIVER/THING where two cabinets
    have it. FAULT of a line: stuck-on, stuck-off, dead, welded, coil, tripped, hand, burnt-out:PERCENT,
    overload:PERCENT, cycling:SECONDS, dry; of the cabinet: door=open, supply=loss, leakage=yes, breaker=tripped,
    hand=on; of a sensor: silent, nan, or a number; ok mends. `clear` mends all. Exit 2 for a word that is not known;
    then nothing is changed.
    """
    boxes = _boxes(load_or_fail(file))
    if not boxes:
        fail(say("panel.no_cabinet", file=file, driver=_DRIVER), BAD_INPUT)
    changes = _understand(boxes, [word for word in settings if word != "clear"])
    try:
        for box in boxes:
            if changes[box.id] or "clear" in settings:
                box.panel.change(changes[box.id], clear="clear" in settings)
        shown = [_shown(box) for box in boxes]
    except OSError as error:
        fail(say("run.cannot_start", detail=f"{error.filename}: {error.strerror}"))
    if as_json:
        show_json({"cabinets": shown})
    else:
        for box, each in zip(boxes, shown, strict=True):
            _table(box, each)


def _boxes(config: NodeConfig) -> list[Box]:
    boxes = []
    for entry in config.drivers:
        if entry.driver != _DRIVER:
            continue
        try:
            settings = load_driver(_DRIVER).Config.model_validate(entry.settings())
        except DriverFault as fault:
            fail(say("error.sentence", detail=fault.detail))
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


def _understand(boxes: Sequence[Box], settings: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """All settings as changes of each cabinet, or the first wrong word and exit 2."""
    changes: dict[str, dict[str, str | None]] = {box.id: {} for box in boxes}
    for setting in settings:
        name, equals, word = setting.partition("=")
        if not equals or not word:
            fail(say("panel.no_fault", word=setting), BAD_INPUT)
        box, thing = _find(boxes, name)
        try:
            fault = parse(box.config, thing, word)
        except PanelError as error:
            _refuse(error)
        changes[box.id][thing] = fault.word() if fault is not None else None
    return changes


def _find(boxes: Sequence[Box], name: str) -> tuple[Box, str]:
    """Whose thing it is: lines and channels first, then ids of the configuration."""
    driver, slash, rest = name.rpartition("/")
    among = [box for box in boxes if box.id == driver] if slash else list(boxes)
    if slash and not among:
        _refuse(PanelError("panel.unknown_thing", driver, [box.id for box in boxes]))
    found = [(box, rest) for box in among if rest in things(box.config)]
    found = found or [(box, box.aliases[rest]) for box in among if rest in box.aliases]
    if len(found) > 1:
        fail(say("panel.which", word=rest, known=", ".join(f"{box.id}/{thing}" for box, thing in found)), BAD_INPUT)
    if not found:
        known = [each for box in among for each in (*box.config.lines, *box.aliases, *things(box.config))]
        _refuse(PanelError("panel.unknown_thing", rest, dict.fromkeys(known)))
    return found[0]


def _refuse(error: PanelError) -> Any:
    hint = say("panel.meant", meant=error.meant) if error.meant else ""
    if not hint and error.known:
        hint = say("panel.known", known=", ".join(error.known[:30]))
    fail(f"{say(error.code, **error.params)} {hint}".strip(), BAD_INPUT)


def _shown(box: Box) -> dict[str, Any]:
    """What there is of a cabinet, what is broken, and what it shows now."""
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


def _table(box: Box, shown: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=say("panel.title", driver=box.id))
    for column in ("panel.thing", "panel.name", "panel.value", "panel.fault", "panel.can"):
        table.add_column(say(column))
    units = {each.id: each.unit for each in _capabilities(box)}
    for each in shown["things"]:
        thing, fault, line = each["thing"], each["fault"], each["thing"] in box.config.lines
        if not line and fault is None and thing.rpartition("_")[0] in box.config.lines:
            continue  # channels of a line are many: they are in its own row
        value = _line_value(thing, shown) if line else _value(each["value"], units.get(thing))
        can = ", ".join(each["faults"]) if line or fault or thing in ("door", "supply", "leakage", "hand") else ""
        table.add_row(thing, escape(each["name"]), value, f"[red]{escape(fault)}[/red]" if fault else "", can)
    Console().print(table)
    if not shown["running"]:
        click.echo(say("panel.not_running"), err=True)


def _capabilities(box: Box) -> Any:
    from drivers.simulated.channels import capabilities

    return capabilities(box.config)


def _line_value(line: str, shown: dict[str, Any]) -> str:
    """A line in one cell: what is ordered, whether its contactor is pulled in, what it takes."""
    values = {each["thing"]: each["value"] for each in shown["things"]}
    if not shown["running"]:
        return "-"
    contact = say("panel.closed" if values.get(f"{line}_contact") else "panel.open")
    parts = [_value(values[line], "%"), contact, _value(values.get(f"{line}_power"), "W")]
    if f"{line}_flow" in values:
        parts.append(_value(values[f"{line}_flow"], "L/min"))
    return ", ".join(parts)


def _value(value: float | None, unit: str | None) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if unit in (None, "1") else f"{value:g} {unit}"

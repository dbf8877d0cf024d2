"""`edge-agent panel`."""

from pathlib import Path
from typing import Any, NoReturn

import click

from drivers.contract import DriverFault
from drivers.simulated.faults import OF_CABINET, OF_SENSORS, PanelError
from edge_agent.cli.common import CONFIG, load_or_fail
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.cli.panelboxes import DRIVER, Box, Unfit, find_boxes, look, work
from edge_agent.words import say


@click.command("panel")
@CONFIG
@click.argument("settings", nargs=-1, metavar="[THING=FAULT | clear]...")
@click.option("--http", "port", type=click.IntRange(0, 65535), help="Serve the panel as a page on this loopback port.")
@AS_JSON
def command(file: Path, settings: tuple[str, ...], port: int | None, as_json: bool) -> None:
    """Show the simulated cabinets of the node described by FILE, break things in them, mend them.

    THING is a line or a channel of the cabinet, or the id of a light, switch or sensor; DRIVER/THING where two cabinets
    have it. FAULT of a line: stuck-on, stuck-off, dead, welded, coil, tripped, hand, burnt-out:PERCENT,
    overload:PERCENT, cycling:SECONDS, dry; of the cabinet: door=open, supply=loss, leakage=yes, breaker=tripped,
    hand=on; of a sensor: silent, nan, or a number; ok mends. `clear` mends all. Exit 2 for a word that is not known;
    then nothing is changed. --http PORT: the same as a page with buttons, on this machine only, until Ctrl+C.
    """
    config = load_or_fail(file)
    try:
        boxes = find_boxes(config)
    except DriverFault as fault:
        fail(say("error.sentence", detail=fault.detail))
    if not boxes:
        fail(say("panel.no_cabinet", file=file, driver=DRIVER), BAD_INPUT)
    try:
        work(boxes, settings)
        if port is not None:
            _serve(boxes, config.node.title, port, as_json=as_json)
            return
        shown = [look(box) for box in boxes]
    except Unfit as unfit:
        fail(say(unfit.key, **unfit.params), BAD_INPUT)
    except PanelError as error:
        _refuse(error)
    except OSError as error:
        fail(say("run.cannot_start", detail=f"{error.filename}: {error.strerror}"))
    if as_json:
        show_json({"cabinets": shown})
    else:
        for box, each in zip(boxes, shown, strict=True):
            _table(box, each)


def _serve(boxes: list[Box], title: str, port: int, *, as_json: bool) -> None:
    """Serve the page until Ctrl+C."""
    from edge_agent.cli.panelhttp import PanelServer

    try:
        server = PanelServer(boxes, title, port)
    except OSError as error:
        fail(say("panel.page.port", port=port, detail=error.strerror))
    with server:
        if as_json:
            show_json({"url": server.url})
        else:
            click.echo(say("panel.page.open_at", url=server.url))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo(say("run.stopped"), err=True)


def _refuse(error: PanelError) -> NoReturn:
    hint = say("panel.meant", meant=error.meant) if error.meant else ""
    if not hint and error.known:
        hint = say("panel.known", known=", ".join(error.known[:30]))
    fail(f"{say(error.code, **error.params)} {hint}".strip(), BAD_INPUT)


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
        if not line and fault is None and thing not in OF_CABINET and not each["name"]:
            continue  # the node does not measure it
        value = _line_value(thing, shown) if line else _value(each["value"], units.get(thing))
        can = ", ".join(each["faults"] if line else [word for word in each["faults"] if word not in OF_SENSORS])
        table.add_row(thing, escape(each["name"]), value, f"[red]{escape(fault)}[/red]" if fault else "", can)
    Console().print(table)
    click.echo(say("panel.any_sensor"))
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

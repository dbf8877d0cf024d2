"""`edge-agent modbus`: look at a bus before it is configured."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from drivers.clock import standalone_context
from drivers.contract import DriverFault
from drivers.modbus.config import ModbusConfig
from drivers.modbus.driver import Modbus
from drivers.modbus.scan import Found, scan
from edge_agent.cli.output import AS_JSON, show_json
from edge_agent.words import say

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])
_DEVICE = "it"
_ANY_MAP = "xy-md02"  # for a scan, which uses no map


def _line(command: Command) -> Command:
    for option in (
        click.option("--timeout", default=0.2, show_default=True, help="Seconds to wait for each answer."),
        click.option(
            "--framer", type=click.Choice(["socket", "rtu-over-tcp"]), default="socket", help="With HOST: framing."
        ),
        click.option("--stopbits", type=click.IntRange(1, 2), default=1, show_default=True, help="Stop bits."),
        click.option("--parity", type=click.Choice(["N", "E", "O"]), default="N", show_default=True, help="Parity."),
        click.option("--baudrate", type=int, default=9600, show_default=True, help="Bits per second."),
        click.argument("port"),
    ):
        command = option(command)
    return command


@click.group("modbus")
def command() -> None:
    """Look at a Modbus: who is there, and what a device says. Nothing is written, no light is switched.

    PORT is a serial port (/dev/serial/by-id/...) or HOST:PORT. Stop the node first: a port has one user.
    """


@command.command("scan")
@_line
@click.option("--from", "first", type=click.IntRange(1, 247), default=1, show_default=True, help="First unit.")
@click.option("--to", "last", type=click.IntRange(1, 247), default=247, show_default=True, help="Last unit.")
@AS_JSON
def scan_command(port: str, first: int, last: int, as_json: bool, **line: Any) -> None:
    """Ask all units who is there."""
    config = _config(port, _ANY_MAP, 1, line)
    found = _run(_scan(config, range(first, last + 1), quiet=as_json))
    told = [each for each in found if each.state != "silent"]
    if as_json:
        show_json([{"unit": each.unit, "state": each.state, "detail": each.detail} for each in told])
        return
    for each in told:
        click.echo(say(f"modbus.{each.state}", unit=each.unit, detail=each.detail))
    click.echo(say("modbus.scanned", asked=len(found), there=sum(each.state == "there" for each in found)))


@command.command("read")
@_line
@click.argument("map_name", metavar="MAP")
@click.option("--unit", type=click.IntRange(1, 247), default=1, show_default=True, help="Address of the device.")
@AS_JSON
def read_command(port: str, map_name: str, unit: int, as_json: bool, **line: Any) -> None:
    """Read all points of a device by MAP, a shipped one or a file. Exit 1 when one cannot be read."""
    rows = _run(_read(_config(port, map_name, unit, line)))
    if as_json:
        show_json(rows)
    else:
        for row in rows:
            value = row["fault"] or f"{row['value']:g} {row['unit'] or ''}".rstrip()
            click.echo(f"{row['point']:20} {value:24} {row['name']}")
    if any(row["fault"] for row in rows):
        raise click.exceptions.Exit(1)


def _config(port: str, map_name: str, unit: int, line: dict[str, Any]) -> ModbusConfig:
    given: dict[str, Any] = {key: line[key] for key in ("baudrate", "parity", "stopbits")}
    if port.startswith("/"):
        given["port"] = port
    else:
        host, _, number = port.rpartition(":") if ":" in port else (port, "", "502")
        given |= {"host": host, "tcp_port": number, "framer": line["framer"]}
    given |= {"timeout_s": line["timeout"], "devices": {_DEVICE: {"unit": unit, "map": map_name}}}
    try:
        return ModbusConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise click.UsageError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except DriverFault as fault:
        raise click.ClickException(str(fault)) from fault


async def _scan(config: ModbusConfig, units: range, *, quiet: bool) -> list[Found]:
    found = []
    async for each in scan(config, units):
        found.append(each)
        if not quiet:
            click.echo(f"\r{each.unit}/{units[-1]} ", err=True, nl=False)
    if not quiet:
        click.echo("\r", err=True, nl=False)
    return found


async def _read(config: ModbusConfig) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    async with Modbus(config, standalone_context("modbus")) as bus:
        for offered in bus.capabilities():
            point = offered.id.removeprefix(f"{_DEVICE}_")
            row: dict[str, Any] = {"point": point, "value": None, "unit": offered.unit, "fault": None}
            row["name"] = offered.name.removeprefix(f"{_DEVICE}: ")
            try:
                row["value"] = (await bus.measure(offered.id)).value
            except DriverFault as fault:
                row["fault"] = str(fault)
            rows.append(row)
    return rows

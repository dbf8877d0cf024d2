"""Try drivers without an agent: `python -m drivers list`, `check NAME`, `play FILE`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drivers.clock import standalone_context
from drivers.contract import Driver, DriverFault, Speaker
from drivers.registry import load, names


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it went well, 1 for a fault, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (DriverFault, ValidationError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m drivers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="names of the installed drivers")
    listing.set_defaults(run=_list)
    check = commands.add_parser("check", help="can a driver work here? touches no line, makes no sound")
    check.add_argument("name")
    check.set_defaults(run=lambda options: asyncio.run(_check(options)))
    play = commands.add_parser("play", help="play a WAV file")
    play.add_argument("file", type=Path)
    play.add_argument("--driver", dest="name", default="pyaudio-speaker")
    play.add_argument("--volume", type=float, default=1.0)
    play.set_defaults(run=lambda options: asyncio.run(_play(options)))
    for command in (check, play):
        command.add_argument("--config", type=json.loads, help="the driver's configuration as JSON")
    return parser


def _list(_: argparse.Namespace) -> int:
    for name in names():
        try:
            said = (load(name).Config.__doc__ or "").strip()
        except DriverFault as fault:
            said = str(fault)
        sys.stdout.write(f"{name:20} {said}\n")
    return 0


async def _check(options: argparse.Namespace) -> int:
    result = await _make(options).check()
    sys.stdout.write(f"{result.code}: {result.detail}\n")
    return 0 if result.ok else 1


async def _play(options: argparse.Namespace) -> int:
    async with _make(options) as driver:
        if not isinstance(driver, Speaker):
            raise DriverFault("driver.unknown", f"{options.name} is not a speaker")
        report = await driver.play(options.file, volume=options.volume)
    sys.stdout.write(f"{report.seconds:.2f} s on {report.output}, from {report.started_at.isoformat()}\n")
    return 0


def _make(options: argparse.Namespace) -> Driver:
    driver = load(options.name)
    given: dict[str, Any] = options.config or {}
    if "lines" in driver.Config.model_fields:
        given.setdefault("lines", {})
    return driver(driver.Config.model_validate(given), standalone_context(options.name))


if __name__ == "__main__":
    sys.exit(main())

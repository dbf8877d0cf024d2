"""Switches every line of a node off, without the agent: the last thing that is done when it cannot live."""

import asyncio
from typing import NamedTuple

from drivers.contract import DriverFault, Switchable
from edge_agent.clock import SystemClock
from edge_agent.config.model import Driver, NodeConfig
from edge_agent.contract.errors import Fault
from edge_agent.hardware import make
from edge_agent.words import language, say

_OPEN_S = 8.0
_LINE_S = 3.0
"""Less together than systemd's TimeoutStopSec, in which all of it has to be done; drivers are opened at once."""


class Done(NamedTuple):
    """What became of a line; `detail` is empty when it is off."""

    line: str
    detail: str


def lines(config: NodeConfig) -> dict[str, list[str]]:
    """Everything that can be energised, by driver: lights, other switched things, amplifiers."""
    named = [entry.line for entry in (*config.lights, *config.switches)]
    named += [speaker.amplifier.line for speaker in config.speakers if speaker.amplifier is not None]
    found: dict[str, list[str]] = {}
    for place in dict.fromkeys(named):
        driver, _, line = place.partition("/")
        found.setdefault(driver, []).append(line)
    return found


async def switch_off(config: NodeConfig) -> list[Done]:
    """Open the drivers and switch the lines off; one that fails keeps no other from it."""
    entries = {entry.id: entry for entry in config.drivers}
    wanted = lines(config)
    done = await asyncio.gather(*(_driver(config, entries[name], wanted[name]) for name in wanted if name in entries))
    return [entry for each in done for entry in each]


async def _driver(config: NodeConfig, entry: Driver, names: list[str]) -> list[Done]:
    try:
        driver = make(entry, SystemClock(config.clock.trust), config.storage.path / "drivers")
        async with asyncio.timeout(_OPEN_S):
            await driver.__aenter__()
    except Exception as error:  # noqa: BLE001 - a driver is foreign code; the other drivers go on
        return [Done(f"{entry.id}/{name}", _words(error)) for name in names]
    try:
        return [Done(f"{entry.id}/{name}", await _off(driver, name)) for name in names]
    finally:
        await _close(driver)


async def _off(driver: object, name: str) -> str:
    if not isinstance(driver, Switchable):
        return say("safe.switches_nothing")
    try:
        async with asyncio.timeout(_LINE_S):
            await driver.switch(name, False)
    except Exception as error:  # noqa: BLE001 - a driver is foreign code; the other lines go on
        return _words(error)
    return ""


async def _close(driver: object) -> None:
    from contextlib import suppress

    with suppress(Exception):  # the lines are off; the process ends anyhow
        async with asyncio.timeout(_LINE_S):
            await driver.__aexit__(None, None, None)  # type: ignore[attr-defined]


def _words(error: Exception) -> str:
    if isinstance(error, DriverFault):
        told = Fault.of(error.code, detail=error.detail, driver="-", guess="-")
        return f"{error.code}: {told.text(language()).rstrip('.')}"
    if isinstance(error, TimeoutError):
        return say("safe.timeout")
    return f"{type(error).__name__}: {error}"

"""What no single key can tell: names used twice, lines that do not exist, drivers nobody knows.

Works on the raw data, so that these mistakes are found together with all others.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from drivers import registry
from drivers.contract import DriverFault
from edge_agent.calendar.policy import looser
from edge_agent.config.broadcast import LawfulHours
from edge_agent.config.finding import Finding, Path, entries, listed
from edge_agent.config.problems import guess
from edge_agent.config.timetable_check import timetable_check


def cross_check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """All findings of this kind."""
    drivers = list(entries(data, "drivers"))
    for section in ("command_keys", "drivers", "lights", "speakers", "cameras"):
        yield from _same_ids(section, list(entries(data, section)))
    lines: dict[str, list[str] | None] = {}
    for place, entry in drivers:
        lines[str(entry.get("id"))] = _lines(entry)
        yield from _driver(place, entry)
    yield from _light_lines(list(entries(data, "lights")), lines)
    for place, entry in entries(data, "speakers"):
        name = str(entry.get("driver"))
        if "driver" in entry and name not in lines:
            params: dict[str, str | int | float] = {"name": name, "known": listed(lines)}
            yield Finding(("speakers", place, "driver"), "config.no_driver", params, guess(name, lines))
        yield from _ear_and_amplifier(place, entry, lines)
    yield from timetable_check(data)
    yield from _looser_hours(data)


def _same_ids(section: str, entries: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for place, entry in entries:
        name = entry.get("id")
        if not isinstance(name, str):
            continue
        if name in seen:
            path: Path = (section, place, "id")
            yield Finding(path, "config.same_id", {"name": name, "other": f"{section}[{seen[name]}]"})
        seen.setdefault(name, place)


def _lines(entry: Mapping[str, Any]) -> list[str] | None:
    lines = entry.get("lines")
    return [str(name) for name in lines] if isinstance(lines, Mapping) else None


def _driver(place: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
    name = entry.get("driver")
    if not isinstance(name, str):
        return
    path: Path = ("drivers", place, "driver")
    if name not in registry.names():
        known = registry.names()
        yield Finding(path, "config.unknown_driver", {"name": name, "known": listed(known)}, guess(name, known))
        return
    try:
        model = registry.load(name).Config
    except DriverFault as fault:
        yield Finding(path, "driver.load_failed", {"driver": name, "detail": fault.detail})
        return
    try:
        model.model_validate({key: value for key, value in entry.items() if key not in ("id", "driver")})
    except ValidationError as error:
        yield Finding(("drivers", place), error=error, model=model)


def _light_lines(
    lights: list[tuple[int, Mapping[str, Any]]], drivers: dict[str, list[str] | None]
) -> Iterator[Finding]:
    taken: dict[str, int] = {}
    for place, light in lights:
        line = light.get("line")
        if not isinstance(line, str) or "/" not in line:
            continue
        path: Path = ("lights", place, "line")
        if line in taken:
            yield Finding(path, "config.line_taken", {"line": line, "other": f"lights[{taken[line]}]"})
        taken.setdefault(line, place)
        yield from _no_such_line(path, line, drivers)


def _ear_and_amplifier(
    place: int, speaker: Mapping[str, Any], drivers: dict[str, list[str] | None]
) -> Iterator[Finding]:
    ear = speaker.get("microphone")
    if isinstance(ear, str) and ear not in drivers:
        params: dict[str, str | int | float] = {"name": ear, "known": listed(drivers)}
        yield Finding(("speakers", place, "microphone"), "config.no_driver", params, guess(ear, drivers))
    amplifier = speaker.get("amplifier")
    line = amplifier.get("line") if isinstance(amplifier, Mapping) else None
    if isinstance(line, str) and "/" in line:
        yield from _no_such_line(("speakers", place, "amplifier", "line"), line, drivers)


def _no_such_line(path: Path, line: str, drivers: dict[str, list[str] | None]) -> Iterator[Finding]:
    driver, _, name = line.partition("/")
    if driver not in drivers:
        params: dict[str, str | int | float] = {"name": driver, "known": listed(drivers)}
        yield Finding(path, "config.no_driver", params, guess(driver, drivers))
    elif (known := drivers[driver]) is not None and name not in known:
        params = {"driver": driver, "line": name, "known": listed(known)}
        yield Finding(path, "config.no_line", params, guess(name, known))


def _looser_hours(data: Mapping[str, Any]) -> Iterator[Finding]:
    """A commune may be stricter than the preset that it names, never looser."""
    broadcast = data.get("broadcast")
    try:
        hours = LawfulHours.model_validate(broadcast.get("hours", {}) if isinstance(broadcast, Mapping) else {})
    except ValidationError:  # told with its place by the model of the whole file
        return
    for each in looser(hours):
        params: dict[str, str | int | float] = {"said": each.said, "allowed": each.allowed, "preset": hours.preset}
        yield Finding(("broadcast", "hours", *each.path), "config.hours_looser", params)

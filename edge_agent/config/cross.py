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
from edge_agent.config.cameras_check import cameras_check
from edge_agent.config.finding import Finding, Path, entries, listed
from edge_agent.config.offers import Offer, offer_of
from edge_agent.config.problems import guess
from edge_agent.config.rules_check import rules_check
from edge_agent.config.switching_check import switching_check
from edge_agent.config.timetable_check import timetable_check


def cross_check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """All findings of this kind."""
    drivers = list(entries(data, "drivers"))
    yield from _trusted(data)
    for section in ("command_keys", "drivers", "speakers", "cameras"):
        yield from _same_ids(section, list(entries(data, section)))
    offers: dict[str, Offer] = {}
    for place, entry in drivers:
        offers[str(entry.get("id"))] = offer_of(entry)
        yield from _driver(place, entry)
    yield from switching_check(data, offers)
    for place, entry in entries(data, "speakers"):
        name = str(entry.get("driver"))
        if "driver" in entry and name not in offers:
            params: dict[str, str | int | float] = {"name": name, "known": listed(offers)}
            yield Finding(("speakers", place, "driver"), "config.no_driver", params, guess(name, offers))
        yield from _ear(place, entry, offers)
    yield from cameras_check(data)
    yield from timetable_check(data)
    yield from rules_check(data)
    yield from _looser_hours(data)


def _trusted(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Without a certificate of its own a node must be told where its broker is and whom it obeys."""
    if data.get("identity") is not None:
        return
    for section in ("broker", "command_keys"):
        if data.get(section) is None:
            yield Finding((section,), "config.no_identity", {"key": section})
        elif not data[section]:
            yield Finding((section,), "config.empty", {"key": section})


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


def _ear(place: int, speaker: Mapping[str, Any], drivers: Mapping[str, Offer]) -> Iterator[Finding]:
    ear = speaker.get("microphone")
    if isinstance(ear, str) and ear not in drivers:
        params: dict[str, str | int | float] = {"name": ear, "known": listed(drivers)}
        yield Finding(("speakers", place, "microphone"), "config.no_driver", params, guess(ear, drivers))


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

"""What no single key of things, groups, sensors and cabinets can tell: lines, ids, members, sensors nobody knows.

Works on the raw data, so that these mistakes are found together with all others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge_agent.config.finding import Finding, Path, entries, listed
from edge_agent.config.offers import UNKNOWN, Offer
from edge_agent.config.problems import guess

_THINGS = ("lights", "switches")
_FEEDBACK = ("contact", "breaker", "hand", "current", "power", "energy", "flow")
_CABINET = ("door", "supply", "leakage", "breaker", "hand", "power", "energy")
_CONTACTS = frozenset({"contact", "breaker", "hand", "door", "supply", "leakage"})
_YES_OR_NO = frozenset({*_CONTACTS, "photocell", "other"})
"""Keys that must name a contact, and the kinds of sensors that can be one."""
RESERVED = "lights"
"""Id of the group of all lights, which every node has."""

Offers = Mapping[str, Offer]
Found = list[tuple[Path, Mapping[str, Any]]]


def switching_check(data: Mapping[str, Any], offers: Offers) -> Iterator[Finding]:
    """All findings of this kind. `offers`: of each driver by its id."""
    things = [found for section in _THINGS for found in _in(data, section)]
    groups, sensors, cabinets = (list(_in(data, section)) for section in ("groups", "sensors", "cabinets"))
    sensor_ids, thing_ids = _ids(sensors), _ids(things)
    yield from _same_ids([*things, *groups, *cabinets])
    yield from _same_ids(sensors)
    yield from _lines(data, things, sensors, offers)
    for path, thing in things:
        yield from _named(path, thing.get("feedback"), ("feedback",), _FEEDBACK, sensor_ids)
        yield from _no_contact(path, thing.get("feedback"), ("feedback",), sensors)
        for place, block in enumerate(_list(thing.get("blocks"))):
            yield from _named(path, block, ("blocks", place), ("sensor",), sensor_ids)
    for path, cabinet in cabinets:
        yield from _named(path, cabinet, (), _CABINET, sensor_ids)
        yield from _no_contact(path, cabinet, (), sensors)
        for place, member in enumerate(_list(cabinet.get("things"))):
            yield from _unknown((*path, "things", place), "config.no_thing", member, thing_ids)
    yield from _groups(groups, thing_ids)


def _in(data: Mapping[str, Any], section: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for place, entry in entries(data, section):
        yield (section, place), entry


def _ids(found: Found) -> tuple[str, ...]:
    return tuple(str(entry["id"]) for _, entry in found if isinstance(entry.get("id"), str))


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _where(path: Path) -> str:
    return f"{path[0]}[{path[1]}]"


def _same_ids(found: Found) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for path, entry in found:
        name = entry.get("id")
        if not isinstance(name, str):
            continue
        if name == RESERVED and path[0] != "sensors":
            yield Finding((*path, "id"), "config.id_reserved", {"name": name})
        if name in seen:
            yield Finding((*path, "id"), "config.same_id", {"name": name, "other": _where(seen[name])})
        seen.setdefault(name, path)


def _named(path: Path, value: Any, under: Path, keys: Sequence[str], ids: Sequence[str]) -> Iterator[Finding]:
    """Sensors that are named by these keys."""
    if isinstance(value, Mapping):
        for key in keys:
            yield from _unknown((*path, *under, key), "config.no_sensor", value.get(key), ids)


def _no_contact(path: Path, value: Any, under: Path, sensors: Found) -> Iterator[Finding]:
    """Contacts that are read from a sensor which measures: 3 W is not a closed contact."""
    if not isinstance(value, Mapping):
        return
    kinds = {str(entry.get("id")): str(entry.get("kind", "other")) for _, entry in sensors}
    for key in sorted(_CONTACTS & set(value)):
        kind = kinds.get(str(value[key]), "other")
        if kind not in _YES_OR_NO:
            params: dict[str, str | int | float] = {"name": str(value[key])[:60], "kind": kind[:40]}
            yield Finding((*path, *under, key), "config.no_contact", params)


def _unknown(path: Path, code: str, name: Any, ids: Sequence[str]) -> Iterator[Finding]:
    if isinstance(name, str) and name not in ids:
        yield Finding(path, code, {"name": name[:60], "known": listed(ids)}, guess(name, ids))


def _lines(data: Mapping[str, Any], things: Found, sensors: Found, offers: Offers) -> Iterator[Finding]:
    """A line serves one thing, one amplifier or one sensor."""
    amplifiers = [
        ((*path, "amplifier"), entry["amplifier"])
        for path, entry in _in(data, "speakers")
        if isinstance(entry.get("amplifier"), Mapping)
    ]
    taken: dict[str, Path] = {}
    for path, entry in (*things, *amplifiers, *sensors):
        line = entry.get("line")
        if not isinstance(line, str) or "/" not in line:
            continue
        where: Path = (*path, "line")
        measured = path[0] == "sensors"
        if line in taken and not (measured and taken[line][0] == "sensors"):
            yield Finding(where, "config.line_taken", {"line": line, "other": _where(taken[line])})
        taken.setdefault(line, path)
        yield from _no_such_line(where, line, offers, measured=measured)
        yield from _not_dimmed(path, entry, line, offers)


def _no_such_line(path: Path, line: str, offers: Offers, *, measured: bool) -> Iterator[Finding]:
    driver, _, name = line.partition("/")
    if driver not in offers:
        params: dict[str, str | int | float] = {"name": driver, "known": listed(offers)}
        yield Finding(path, "config.no_driver", params, guess(driver, offers))
        return
    known = offers[driver].measured if measured else offers[driver].switched
    if known is not None and name not in known:
        params = {"driver": driver, "line": name, "known": listed(known)}
        yield Finding(path, "config.no_line", params, guess(name, known))


def _not_dimmed(path: Path, entry: Mapping[str, Any], line: str, offers: Offers) -> Iterator[Finding]:
    driver, _, name = line.partition("/")
    offer = offers.get(driver, UNKNOWN)
    if entry.get("dimmable") is not True or offer.dimmed is None or name not in (offer.switched or ()):
        return
    if name not in offer.dimmed:
        yield Finding((*path, "dimmable"), "config.line_not_dimmable", {"line": line})


def _groups(groups: Found, things: Sequence[str]) -> Iterator[Finding]:
    members = {str(entry.get("id")): _list(entry.get("members")) for _, entry in groups}
    known = (*things, *members)
    for path, entry in groups:
        for place, member in enumerate(_list(entry.get("members"))):
            yield from _unknown((*path, "members", place), "config.no_thing", member, known)
        ring = _ring(str(entry.get("id")), members)
        if ring:
            yield Finding((*path, "members"), "config.group_ring", {"ring": " → ".join(ring)})


def _ring(start: str, members: Mapping[str, Sequence[Any]]) -> list[str]:
    """The way from a group back to itself, if there is one."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for member in members.get(way[-1], ()):
            if member == start:
                return [*way, start]
            if isinstance(member, str) and member in members and member not in seen:
                seen.add(member)
                ways.append([*way, member])
    return []

"""What no single key of a rule can tell: things and sensors nobody knows, and rules that feed themselves.

What the models refuse is passed over here: they tell it, with its place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from edge_agent.config.finding import Finding, Path, entries, listed
from edge_agent.config.problems import guess
from edge_agent.config.rules import Rule
from edge_agent.config.timetable import MOMENT
from edge_agent.contract.reports import Position
from edge_agent.timetable import sun
from edge_agent.timetable.days import Days
from edge_agent.timetable.place import Place

_THINGS = ("lights", "switches")
_FED = ("contact", "current", "power", "energy", "flow")
"""What of a thing's feedback its switching changes. Its breaker and its hand switch are moved by people."""
_ALWAYS = 60.0
"""Between these latitudes the sun sets every day, and its twilight ends."""
_YEAR = range(date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal())


@dataclass(frozen=True)
class _Placed:
    """A usable rule and where it stands."""

    path: Path
    rule: Rule

    def conditions(self) -> Iterator[tuple[Path, str]]:
        """The sensors that it listens to, with their places."""
        for key, group in (("all_of", self.rule.all_of), ("any_of", self.rule.any_of)):
            for place, condition in enumerate(group):
                yield (*self.path, key, place, "sensor"), condition.sensor


def rules_check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """All findings of this kind."""
    things = {str(entry.get("id")): entry for section in _THINGS for _, entry in entries(data, section)}
    sensors = tuple(str(entry.get("id")) for _, entry in entries(data, "sensors"))
    placed, seen = [], dict[str, int]()
    for place, entry in entries(data, "rules"):
        name = entry.get("id")
        if isinstance(name, str) and name in seen:
            yield Finding(("rules", place, "id"), "config.same_id", {"name": name, "other": f"rules[{seen[name]}]"})
        elif isinstance(name, str):
            seen[name] = place
        try:
            placed.append(_Placed(("rules", place), Rule.model_validate(entry)))
        except ValidationError:
            continue
    for each in placed:
        yield from _names(each, things, sensors)
        yield from _abilities(each, things)
    yield from _loops(placed, _fed(data, things))
    yield from _suns(placed, data.get("node"))


def _names(placed: _Placed, things: Mapping[str, Any], sensors: tuple[str, ...]) -> Iterator[Finding]:
    rule = placed.rule
    if rule.thing not in things:
        params: dict[str, str | int | float] = {"name": rule.thing, "known": listed(things)}
        yield Finding((*placed.path, "thing"), "config.rule_thing", params, guess(rule.thing, things))
    for path, sensor in placed.conditions():
        if sensor not in sensors:
            yield Finding(path, "config.no_sensor", {"name": sensor, "known": listed(sensors)}, guess(sensor, sensors))


def _abilities(placed: _Placed, things: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """What its thing cannot do."""
    rule, thing = placed.rule, things.get(placed.rule.thing)
    if thing is None:
        return
    if 0 < rule.level < 100 and thing.get("dimmable") is not True:
        yield Finding((*placed.path, "level"), "config.level_not_dimmable", {"level": rule.level})
    feedback = thing.get("feedback")
    if rule.litres is not None and not (isinstance(feedback, Mapping) and feedback.get("flow")):
        yield Finding((*placed.path, "litres"), "config.rule_no_flow", {"name": rule.thing})


def _fed(data: Mapping[str, Any], things: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Thing -> sensors that change when it is switched: its own feedback, and the meters of its cabinet."""
    fed: dict[str, set[str]] = {}
    for id_, entry in things.items():
        feedback = entry.get("feedback")
        found = [feedback.get(key) for key in _FED] if isinstance(feedback, Mapping) else []
        fed[id_] = {sensor for sensor in found if isinstance(sensor, str)}
    for _, cabinet in entries(data, "cabinets"):
        meters = {meter for key in ("power", "energy") if isinstance(meter := cabinet.get(key), str)}
        within = cabinet.get("things")
        for id_ in within if isinstance(within, list) and within else things:
            if isinstance(id_, str) and id_ in fed:
                fed[id_] |= meters
    return fed


def _loops(placed: list[_Placed], fed: Mapping[str, set[str]]) -> Iterator[Finding]:
    """Rules that switch what they listen to, directly or through other rules. Each loop is told once."""
    told: set[frozenset[str]] = set()
    for each in placed:
        for path, sensor in each.conditions():
            way = _way(each.rule.thing, sensor, placed, fed)
            if way is None:
                continue
            rules = frozenset({each.rule.id, *way[2::3]})
            if rules not in told:
                told.add(rules)
                loop = " → ".join((each.rule.id, *way, each.rule.id))
                yield Finding(path, "config.rule_loop", {"rule": each.rule.id, "loop": loop})


def _way(thing: str, goal: str, placed: list[_Placed], fed: Mapping[str, set[str]]) -> list[str] | None:
    """The shortest way (thing, sensor, rule, thing ...) by which switching a thing moves a sensor, or None."""
    ways, seen = [[thing]], {thing}
    while ways:
        way = ways.pop(0)
        moved = fed.get(way[-1], set())
        if goal in moved:
            return [*way, goal]
        for other in placed:
            heard = next((sensor for _, sensor in other.conditions() if sensor in moved), None)
            if heard is not None and other.rule.thing not in seen:
                seen.add(other.rule.thing)
                ways.append([*way, heard, other.rule.id, other.rule.thing])
    return None


def _suns(placed: list[_Placed], node: Any) -> Iterator[Finding]:
    """Moments of a sun that does not rise or set on every day there."""
    days = _days(node)
    if days is None or abs(days.place.latitude) <= _ALWAYS:
        return
    for each in placed:
        hours = each.rule.hours
        moments = [((*each.path, "at", place), moment) for place, moment in enumerate(each.rule.at)]
        if hours is not None:
            moments += [((*each.path, "hours", "from"), hours.from_), ((*each.path, "hours", "to"), hours.to)]
        for path, moment in moments:
            match = MOMENT.match(moment)
            if match is not None and match[1] is not None and (day := _without(match[1], days)) is not None:
                params: dict[str, str | int | float] = {"event": match[1], "latitude": days.place.latitude, "day": day}
                yield Finding(path, "config.no_sun", params)


def _without(event: Any, days: Days) -> str | None:
    for day in _YEAR:
        try:
            days.sun(day, event)
        except sun.NoSun:
            return date.fromordinal(day).strftime("%d/%m")
    return None


def _days(node: Any) -> Days | None:
    node = node if isinstance(node, Mapping) else {}
    try:
        position = Position.model_validate(node.get("position"))
        return Days(Place(position.latitude, position.longitude, str(node.get("timezone", "Asia/Ho_Chi_Minh"))))
    except (ValidationError, ValueError, OSError):  # told with its place by the model of the whole file
        return None

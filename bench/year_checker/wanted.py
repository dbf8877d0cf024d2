"""What a thing had to be at each instant: who decided, the strongest first, and what doubt the prose leaves."""

import bisect
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bench.year_checker.holds import Hold, holds, trips
from bench.year_checker.nights import Nights, Piece
from bench.year_checker.people import Override, Switch, overrides
from bench.year_checker.sky import Sky
from bench.year_checker.story import Change, Spell, Story, at

_RAMP_PIECE_S = 2.0


class Option(NamedTuple):
    """What may be: real levels from low to high, the level that is told as wanted, and why."""

    low: float
    high: float
    wanted: float
    why: str


class Demand(NamedTuple):
    """From begin to end one of these."""

    begin: float
    end: float
    options: tuple[Option, ...]
    spell: Spell


class Wanted:
    """Of all things of a node."""

    def __init__(self, config: dict[str, Any], story: Story, sun_s: float) -> None:
        self.story, self.sun_s = story, sun_s
        node = config["node"]
        self.zone = ZoneInfo(node["timezone"])
        sky = Sky(node["position"]["latitude"], node["position"]["longitude"], self.zone)
        self.nights = Nights(config, sky)
        self.lights = {each["id"] for each in config.get("lights", ())}
        self.groups: dict[str, dict[str, Any]] = {each["id"]: each for each in config.get("groups", ())}
        walls = [wall for each in story.spells for wall in (each.begin + each.offset, each.end + each.offset)]
        self.first = datetime.fromtimestamp(min(walls), UTC).astimezone(self.zone).date() - timedelta(days=2)
        self.last = datetime.fromtimestamp(max(walls), UTC).astimezone(self.zone).date() + timedelta(days=2)
        self.members = {name: self._members(name) for name in self.groups} | {"lights": self.lights}

    def of(self, entry: dict[str, Any], real: list[Change]) -> Iterator[Demand]:
        """Of one thing, while the agent ran; `real`: what its line did."""
        thing = entry["id"]
        pieces = self.nights.of(entry, self.first, self.last)
        names = [thing, *(name for name, members in self.members.items() if thing in members)]
        switches = [
            Switch(each.begin, self.sun_s if each.by_sun else 0)
            for before, each in itertools.pairwise(pieces or [])
            if each.level != before.level
        ]
        people = overrides(self.story, thing, names, switches, light=thing in self.lights)
        stops = trips(self.story, entry)
        people = [self._stopped(each, stops) for each in people]
        held = holds(self.story, entry, names, real)
        rules = self.story.rules[thing]
        for spell in self.story.spells:
            plan = self._plan(entry, pieces, spell)
            edges = {spell.begin, spell.end, *plan[1]}
            edges |= {edge for each in people for edge in each[:4]} | {edge for each in held for edge in each[:2]}
            edges |= {each.t for each in rules}
            inside = sorted(edge for edge in edges if spell.begin <= edge <= spell.end)
            for begin, end in itertools.pairwise(inside):
                middle = (begin + end) / 2
                base = plan[0](begin, end)
                yield Demand(begin, end, _who(middle, base, at(rules, middle), people, held), spell)

    def _stopped(self, asked: Override, stops: list[tuple[float, float]]) -> Override:
        """A will to run ends with the first interlock that waits for somebody; doubtful where the agent was away."""
        for t, end in stops:
            if asked.level > 0 and asked.begin <= end and t < asked.high:
                spell = self.story.spell(t)
                seen = spell is not None and end + 1 < spell.end
                high = min(asked.high, max(end, asked.begin) + 1) if seen else asked.high
                asked = asked._replace(low=min(asked.low, max(t, asked.begin)), high=high)
        return asked

    def _plan(self, entry: dict[str, Any], pieces: list[Piece] | None, spell: Spell) -> tuple[Any, set[float]]:
        """What the programme may say in a span of true time, and where that changes."""
        if pieces is None or not spell.trusted:
            level = entry.get("default", 0)
            if pieces is not None:  # nobody vouches for the clock: a light is rather on
                level = entry.get("fail_safe", 100 if entry["id"] in self.lights else 0)
            return lambda _begin, _end: (Option(level, level, level, "default"),), set()
        begin, end = spell.begin + spell.offset, spell.end + spell.offset
        low = bisect.bisect_right(pieces, begin - 120, key=lambda each: each.begin) - 1
        high = bisect.bisect_right(pieces, end + 120, key=lambda each: each.begin)
        here = pieces[max(low, 0) : high]
        edges = set()
        for each in here:
            edges.add(each.begin)
            if each.by_sun:
                edges |= {each.begin - self.sun_s, each.begin + self.sun_s}
            edges |= {
                each.begin + step * _RAMP_PIECE_S for step in range(int(each.ramp_s / _RAMP_PIECE_S) + 3) if each.ramp_s
            }
            if each.cell is not None:
                edges |= {change.t + spell.offset for change in self.story.sensors[each.cell]}

        def options(begin: float, end: float) -> tuple[Option, ...]:
            return tuple(self._by_plan(here, begin + spell.offset, end + spell.offset, spell.offset))

        return options, {edge - spell.offset for edge in edges}

    def _by_plan(self, pieces: list[Piece], begin: float, end: float, offset: float) -> Iterator[Option]:
        middle = (begin + end) / 2
        place = bisect.bisect_right(pieces, middle, key=lambda each: each.begin) - 1
        near = [pieces[place]]
        if place + 1 < len(pieces) and pieces[place + 1].by_sun and pieces[place + 1].begin - self.sun_s < middle:
            near.append(pieces[place + 1])
        if pieces[place].by_sun and place and middle < pieces[place].begin + self.sun_s:
            near.append(pieces[place - 1])
        for each in near:
            if each.cell is not None and at(self.story.sensors[each.cell], middle - offset) != 1:
                yield Option(0, 0, 0, "program")
                continue
            shift = self.sun_s if each.by_sun else 0
            over = each.begin + each.ramp_s
            levels = [each.level]
            if each.ramp_s and begin - shift < over + 2:
                share = [
                    min(1, max(0, (when - each.begin) / each.ramp_s)) for when in (begin - shift - 2, end + shift + 0.5)
                ]
                levels = [each.start + (each.level - each.start) * part for part in share]
            slack = 1.5 if each.ramp_s else 0
            yield Option(min(levels) - slack, max(levels) + slack, each.level, "program")

    def _members(self, name: str) -> set[str]:
        group = self.groups.get(name)
        return {name} if group is None else {each for member in group["members"] for each in self._members(member)}


def _who(t: float, base: tuple[Option, ...], rule: Any, people: list[Override], held: list[Hold]) -> tuple[Option, ...]:
    """The strongest first: interlock, override, rule, then what is left; doubt leaves more than one."""
    found = base if rule is None else (Option(rule, rule, rule, "rule"),)
    for each in people:
        if each.begin <= t < each.high:
            own = (Option(each.level, each.level, each.level, "override"),)
            certain = each.sure <= t < each.low
            found = own if certain else (*own, *found)
    over = [each for each in held if each.begin <= t < each.end]
    if over:
        own = (Option(0, 0, 0, "interlock"),)
        found = own if any(each.sure for each in over) else (*own, *found)
    return found


def fits(level: float, options: tuple[Option, ...]) -> bool:
    """Whether a level is one of them."""
    return any(each.low - 0.01 <= level <= each.high + 0.01 for each in options)


def describe(options: tuple[Option, ...]) -> str:
    """For people."""
    return " or ".join(sorted({f"{each.wanted:g} by {each.why}" for each in options}))

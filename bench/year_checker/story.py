"""What befell a node, in true time: seconds that nobody can set. Plain entries, sorted into what the judge asks for.

Each entry is a dictionary with `t` and `kind`:

up: the agent begins (`wall`: its clock, seconds since 1970; `trusted`; `cut`: after a power cut).
down: it ends (`cut`: all lines lose their power). clock: from now on `wall` and `trusted`.
override, release, reset: `thing`, `level`, `until` (wall) or `seconds`; `done`: when it was answered;
`refused`: its code; `not`: things of the group for which it was not taken.
sensor: `sensor`, `value` (None: it says nothing). rule: `thing`, `level` (None: it wants nothing any more).
broken: `things`, `on`: their lines do not follow, or do again.
line: `thing`, `level`; `failed`: it was only tried. state: `thing`, `wanted`, `actual`, `why`.
"""

import bisect
from collections import defaultdict
from typing import Any, NamedTuple

Entry = dict[str, Any]
FOREVER = 1e18


class Spell(NamedTuple):
    """The agent ran, and its clock went steadily: wall = true time + offset."""

    begin: float
    end: float
    offset: float
    trusted: bool
    up: float
    cut: bool


class Change(NamedTuple):
    """From then on."""

    t: float
    value: Any


class Story:
    """The entries, by what they are about."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = sorted(entries, key=lambda each: float(each["t"]))
        self.end = float(self.entries[-1]["t"]) if self.entries else 0.0
        self.spells = self._spells()
        self.sensors: dict[str, list[Change]] = defaultdict(list)
        self.rules: dict[str, list[Change]] = defaultdict(list)
        self.lines: dict[str, list[Change]] = defaultdict(list)
        self.tried: dict[str, list[float]] = defaultdict(list)
        self.states: dict[str, list[Change]] = defaultdict(list)
        self.broken: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.commands: dict[str, list[Entry]] = defaultdict(list)
        self.downs = [(each["t"], each.get("cut", False)) for each in self.entries if each["kind"] == "down"]
        self.ups = [(each["t"], each) for each in self.entries if each["kind"] == "up"]
        for each in self.entries:
            self._sort(each)

    def spell(self, t: float) -> Spell | None:
        """That in which an instant lies; None: the agent did not run."""
        place = bisect.bisect_right(self.spells, t, key=lambda each: each.begin) - 1
        return self.spells[place] if place >= 0 and t < self.spells[place].end else None

    def _spells(self) -> list[Spell]:
        found: list[Spell] = []
        begin: tuple[float, float, bool, float, bool] | None = None
        for each in self.entries:
            if each["kind"] not in ("up", "down", "clock"):
                continue
            t = float(each["t"])
            if begin is not None and t > begin[0]:
                found.append(Spell(begin[0], t, *begin[1:]))
            if each["kind"] == "up":
                begin = t, each["wall"] - t, each["trusted"], t, each["cut"]
            elif each["kind"] == "down":
                begin = None
            elif begin is not None:
                begin = t, each["wall"] - t, each["trusted"], begin[3], begin[4]
        if begin is not None:
            found.append(Spell(begin[0], self.end, *begin[1:]))
        return found

    def _sort(self, each: Entry) -> None:
        kind, t = each["kind"], float(each["t"])
        if kind == "sensor":
            self.sensors[each["sensor"]].append(Change(t, each["value"]))
        elif kind == "rule":
            self.rules[each["thing"]].append(Change(t, each["level"]))
        elif kind == "state":
            self.states[each["thing"]].append(Change(t, each))
        elif kind == "line":
            self.tried[each["thing"]].append(t)
            if not each.get("failed"):
                self.lines[each["thing"]].append(Change(t, float(each["level"])))
        elif kind == "broken":
            for thing in each["things"]:
                if each["on"]:
                    self.broken[thing].append((t, FOREVER))
                elif self.broken[thing]:
                    self.broken[thing][-1] = (self.broken[thing][-1][0], t)
        elif kind in ("override", "release", "reset"):
            self.commands[each["thing"]].append(each)


def at(changes: list[Change], t: float, otherwise: Any = None) -> Any:
    """What counted at an instant."""
    place = bisect.bisect_right(changes, t, key=lambda each: each.t) - 1
    return changes[place].value if place >= 0 else otherwise

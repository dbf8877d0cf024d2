"""Holds what each line and each state did against what it had to be."""

import bisect
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.year_checker.holds import holds
from bench.year_checker.story import Change, Entry, Spell, Story
from bench.year_checker.wanted import Demand, Wanted, describe, fits


class Lags(NamedTuple):
    """How late a line may be, in seconds, and why. Minimum times and turns are reckoned beside them."""

    notice: float = 1.0
    """A command, a switch of a programme, a sensor: heard of at once; and time for the line to answer."""
    start: float = 2.0
    """After a start lines are asked for a second at most, and so long waited for when they are switched."""
    clock: float = 10.5
    """Nobody tells when the wall clock is set: it is looked at each ten seconds."""
    sun: float = 30.0
    """What the sun's times may differ from an independent ephemeris."""
    mended: float = 11.0
    """A line that failed is read again each ten seconds."""
    instant: float = 0.06
    """What is one instant."""


class Wrong(NamedTuple):
    """A mistake: in true time, how many seconds, and a sentence."""

    thing: str
    begin: float
    end: float
    sentence: str


def check(config: dict[str, Any], entries: list[Entry], lags: Lags | None = None) -> list[Wrong]:
    """All that was wrong; none: no second in which a thing was in a wrong state."""
    story = Story(entries)
    judge = Judge(config, story, lags or Lags())
    return sorted(wrong for entry in judge.entries.values() for wrong in judge.thing(entry))


class Judge:
    """One node."""

    def __init__(self, config: dict[str, Any], story: Story, lags: Lags) -> None:
        self.story, self.lags = story, lags
        self.wanted = Wanted(config, story, lags.sun)
        self.groups, self.members = self.wanted.groups, self.wanted.members
        self.entries = {each["id"]: each for each in (*config.get("lights", ()), *config.get("switches", ()))}

    def thing(self, entry: dict[str, Any]) -> Iterator[Wrong]:
        """All that was wrong with one thing."""
        real = self._real(entry["id"])
        demands = list(self.wanted.of(entry, real))
        yield from self._levels(entry, real, demands)
        yield from self._changes(entry, real, demands)
        yield from self._told(entry, demands)
        yield from self._seen(entry, real)
        yield from self._limits(entry, real)
        yield from self._gaps(entry)

    def _real(self, thing: str) -> list[Change]:
        """Levels of the line; none while there is no power."""
        cuts = [Change(t, 0.0) for t, cut in self.story.downs if cut]
        found = [Change(0.0, 0.0)]
        for each in sorted([*self.story.lines[thing], *cuts], key=lambda each: each.t):
            if each.value != found[-1].value:
                found.append(each)
        return found

    def _levels(self, entry: dict[str, Any], real: list[Change], demands: list[Demand]) -> Iterator[Wrong]:
        """Never longer than is excused at another level."""
        since: float | None = None
        excused = 0.0
        up = -1.0
        for begin, end, level, demand in _walk(real, demands):
            if demand.spell.up != up or fits(level, demand.options):
                since, up = None, demand.spell.up
                if fits(level, demand.options):
                    continue
            if since is None:
                since, excused = begin, self._from(begin, demand)
            excused = max(excused, self._excused(entry, real, since, (begin, end), demand, level))
            if end > excused + self.lags.instant:
                late = max(begin, excused)
                lasted = f"{level:g} for {end - late:.1f} s (since {since:.1f})"
                said = f"{lasted}, it had to be {describe(demand.options)}"
                yield self._wrong(entry["id"], (late, end), demand.spell, said)

    def _from(self, since: float, demand: Demand) -> float:
        spell = demand.spell
        found = since + self.lags.notice
        if since < spell.up + self.lags.start:
            found = max(found, spell.up + self.lags.start + self.lags.notice)
        if since < spell.begin + self.lags.clock and spell.begin > spell.up:
            found = max(found, spell.begin + self.lags.clock + self.lags.notice)
        return found

    def _excused(
        self,
        entry: dict[str, Any],
        real: list[Change],
        since: float,
        now: tuple[float, float],
        demand: Demand,
        level: float,
    ) -> float:
        """Until when a line may be other than is wanted."""
        thing, limits, spell, lags = entry["id"], entry.get("limits") or {}, demand.spell, self.lags
        found = self._from(since, demand) if since >= spell.begin else since
        for begin, end in self.story.broken[thing]:
            if begin <= now[1] and end >= since - lags.mended:
                found = max(found, end + lags.mended)
        changed = real[bisect.bisect_right(real, now[0], key=lambda each: each.t) - 1].t
        if level > 0 and "interlock" not in {each.why for each in demand.options}:
            found = max(found, changed + limits.get("minimum_on_s", 0) + lags.notice)
        if level <= 0 and limits.get("minimum_off_s"):
            counted = max([changed, *(t for t, _ in self.story.ups if t <= now[0] and self._doubtful(t, changed))])
            found = max(found, counted + limits["minimum_off_s"] + lags.notice + lags.start)
        if level <= 0:
            found = self._turn(thing, max(since, spell.up), found)
        return found

    def _doubtful(self, up: float, changed: float) -> bool:
        """After such a start nobody knows how hot a lamp is: it was found otherwise, or the clock is not trusted."""
        start = next(each for t, each in self.story.ups if t == up)
        return changed <= up and (start["cut"] or not start["trusted"])

    def _turn(self, thing: str, since: float, found: float) -> float:
        """Each wait is borne out by somebody who had his turn before."""
        mates, gap = self._row(thing)
        if not gap:
            return found
        turns = sorted(t for mate in mates for t in self.story.tried[mate])
        limit = found
        for t in turns[bisect.bisect_left(turns, since - gap) :]:
            if t > limit + self.lags.instant:
                break
            limit = max(limit, t + gap + self.lags.notice)
        return limit

    def _row(self, thing: str) -> tuple[set[str], float]:
        """All with whom it waits, and the largest gap."""
        row, gap = {thing}, 0.0
        while True:
            groups = [name for name in self.groups if row & self.members[name]]
            wider = row.union(*(self.members[name] for name in groups))
            gap = max([gap, *(self.groups[name].get("gap_s", 0.3) for name in groups)])
            if wider == row:
                return row, gap
            row = wider

    def _changes(self, entry: dict[str, Any], real: list[Change], demands: list[Demand]) -> Iterator[Wrong]:
        """No line is switched to what nobody wants: no blink, nothing too early."""
        begins = [each.begin for each in demands]
        cuts = {t for t, cut in self.story.downs if cut}
        for t, level in real[1:]:
            if t in cuts:
                continue
            high = bisect.bisect_right(begins, t + self.lags.instant)
            low = bisect.bisect_right(begins, t - self.lags.notice) - 1
            near = [each for each in demands[max(low, 0) : high] if each.end >= t - self.lags.notice]
            if any(t < each.spell.begin + self.lags.clock and each.spell.begin > each.spell.up for each in near):
                earlier = bisect.bisect_right(begins, t - self.lags.clock) - 1
                near = [each for each in demands[max(earlier, 0) : high] if each.end >= t - self.lags.clock]
            if not any(fits(level, each.options) for each in near):
                wanted = describe(near[-1].options) if near else "it did not run"
                said = f"switched to {level:g}, which nobody wanted ({wanted})"
                yield self._wrong(entry["id"], (t, t), near[-1].spell if near else None, said)

    def _told(self, entry: dict[str, Any], demands: list[Demand]) -> Iterator[Wrong]:
        """The state says what is wanted and why."""
        states = self.story.states[entry["id"]]
        told = [Change(each.t, (each.value["wanted"], each.value["why"])) for each in states]
        since, excused, up = None, 0.0, -1.0
        for begin, end, said, demand in _walk(told, demands):
            right = any((each.wanted, each.why) == said for each in demand.options)
            if right or demand.spell.up != up:
                since, up = None, demand.spell.up
            if right:
                continue
            if since is None:
                since = begin
            excused = self._from(since, demand)
            if end > excused + self.lags.instant:
                late = max(begin, excused)
                sentence = f"told {said} for {end - late:.1f} s, it was {describe(demand.options)}"
                yield self._wrong(entry["id"], (late, end), demand.spell, sentence)

    def _seen(self, entry: dict[str, Any], real: list[Change]) -> Iterator[Wrong]:
        """The state says what the line is; of one that does not answer it may say that it does not know."""
        times = [each.t for each in real]
        for t, state in self.story.states[entry["id"]]:
            if state["actual"] is None:
                if not self._unclaimed(entry["id"], t) and not self._broken(entry["id"], t):
                    yield self._wrong(entry["id"], (t, t), self.story.spell(t), "told that it does not know what it is")
                continue
            low = bisect.bisect_left(times, t - self.lags.instant) - 1
            near = real[max(low, 0) : bisect.bisect_right(times, t + self.lags.instant)]
            if not any(abs(each.value - state["actual"]) <= 2 for each in near):
                said = f"told that it is {state['actual']:g}, it was {near[-1].value:g}"
                yield self._wrong(entry["id"], (t, t), self.story.spell(t), said)

    def _unclaimed(self, thing: str, t: float) -> bool:
        """A board that had no power knows nothing of a line before somebody switches it."""
        cut = max((up for up, start in self.story.ups if start["cut"] and up <= t), default=0.0)
        return not any(cut <= tried < t - self.lags.instant for tried in self.story.tried[thing])

    def _broken(self, thing: str, t: float) -> bool:
        return any(begin <= t <= end + self.lags.mended for begin, end in self.story.broken[thing])

    def _limits(self, entry: dict[str, Any], real: list[Change]) -> Iterator[Wrong]:
        """Never on for too short a time, never off for too short a time."""
        limits = entry.get("limits") or {}
        cuts = {t for t, cut in self.story.downs if cut}
        held = (
            holds(self.story, entry, [entry["id"]], real) if entry.get("blocks") or limits.get("maximum_run_s") else []
        )
        for before, (t, level) in itertools.pairwise(real):
            lasted = t - before.t + self.lags.instant
            if level > 0 and before.value <= 0 and lasted < limits.get("minimum_off_s", 0):
                yield self._wrong(entry["id"], (t, t), self.story.spell(t), f"on after {lasted:.1f} s, off too short")
            ended = any(each.begin - 1 <= t <= each.end + 1 for each in held)
            if level <= 0 and t not in cuts and not ended and self._on_for(real, t) < limits.get("minimum_on_s", 0):
                yield self._wrong(entry["id"], (t, t), self.story.spell(t), "off too soon")

    def _on_for(self, real: list[Change], t: float) -> float:
        place = bisect.bisect_left(real, t, key=lambda each: each.t) - 1
        while place > 0 and real[place - 1].value > 0:
            place -= 1
        return t - real[place].t + self.lags.instant

    def _gaps(self, entry: dict[str, Any]) -> Iterator[Wrong]:
        """Between two of a group that switch on lies its gap."""
        for name, group in self.groups.items():
            members = sorted(self.members[name])
            if entry["id"] != members[0]:
                continue  # once for each group
            ons = sorted((t, mate) for mate in members for t in self._ons(mate))
            for (t, one), (later, other) in itertools.pairwise(ons):
                same = self.story.spell(t), self.story.spell(later)
                if same[0] is None or same[1] is None or same[0].up != same[1].up:
                    continue
                if one != other and later - t < group.get("gap_s", 0.3) - self.lags.instant:
                    said = f"{later - t:.2f} s after {one}, the gap of {name} is {group.get('gap_s', 0.3)} s"
                    yield self._wrong(other, (later, later), same[1], said)

    def _ons(self, thing: str) -> list[float]:
        real = self._real(thing)
        return [each.t for before, each in itertools.pairwise(real) if before.value <= 0 < each.value]

    def _wrong(self, thing: str, span: tuple[float, float], spell: Spell | None, sentence: str) -> Wrong:
        when = f"{span[0]:.1f}"
        if spell is not None:
            wall = datetime.fromtimestamp(span[0] + spell.offset, UTC).astimezone(self.wanted.zone)
            vouched = "" if spell.trusted else ", by a clock for which nobody vouched"
            when += f" ({wall:%a %Y-%m-%d %H:%M:%S}{vouched}, {span[0] - spell.up:.1f} s after the start)"
        return Wrong(thing, *span, f"{thing} at {when}: {sentence}")


def _walk(changes: list[Change], demands: list[Demand]) -> Iterator[tuple[float, float, Any, Demand]]:
    """Spans in which neither what is nor what should be changes."""
    times = [each.t for each in changes]
    for demand in demands:
        place = bisect.bisect_right(times, demand.begin) - 1
        begin = demand.begin
        while begin < demand.end:
            end = min(demand.end, times[place + 1]) if place + 1 < len(times) else demand.end
            if place >= 0 and end > begin:
                yield begin, end, changes[place].value, demand
            begin, place = end, place + 1

"""Overrides: when each begins, and when it must have ended at the latest, whatever befell the clock meanwhile."""

import bisect
from typing import NamedTuple

from bench.year_checker.story import Entry, Story

TWELVE_HOURS = 12 * 3600.0
HALF_AN_HOUR = 1800.0
"""So long at most runs what is no light, when nobody said until when."""
_KEPT_EVERY_S = 300.0
"""So often is written down how much time is left: what a clock may have jumped since then is not known after a cut."""


class Override(NamedTuple):
    """Certain from begin to low; from low to high it may be so or not. True time."""

    begin: float
    sure: float
    low: float
    high: float
    level: float


class Switch(NamedTuple):
    """A wall time at which a programme switches, and by how much that may be otherwise."""

    wall: float
    doubt: float


def overrides(story: Story, thing: str, names: list[str], switches: list[Switch], *, light: bool) -> list[Override]:
    """Those of a thing by any of its names (groups); `switches` of its programme."""
    asked = sorted((each for name in names for each in story.commands[name]), key=lambda each: float(each["t"]))
    asked = [each for each in asked if each["kind"] in ("override", "release") and thing not in each.get("not", ())]
    found: list[Override] = []
    for number, each in enumerate(asked):
        if each["kind"] == "release" or each.get("refused"):
            continue
        unstated = TWELVE_HOURS if light or not each["level"] else HALF_AN_HOUR
        low, high = ends(story, each, switches, unstated)
        for later in asked[number + 1 :]:
            if not later.get("refused"):
                low, high = min(low, float(later["t"])), min(high, float(later["done"]))
                break
        found.append(Override(float(each["t"]), float(each["done"]), low, high, float(each["level"])))
    return found


def ends(story: Story, asked: Entry, switches: list[Switch], unstated: float) -> tuple[float, float]:
    """The earliest and the latest true time at which it ends by itself."""
    begin = float(asked["t"])
    spell = story.spell(begin)
    assert spell is not None, "commands are only taken by an agent that runs"
    if asked.get("seconds") is not None:
        return _through(story, begin, begin + asked["seconds"], float(asked["done"]) - begin)
    until, doubt = asked.get("until"), 0.0
    if until is None:
        place = bisect.bisect_right(switches, (begin + spell.offset + 1,))
        if not spell.trusted or place == len(switches) or switches[place].wall > begin + spell.offset + unstated:
            return _through(story, begin, begin + unstated, float(asked["done"]) - begin)
        until, doubt = switches[place]
    low, high = _through(story, begin, until - spell.offset, 0)
    low, high = _by_wall(story, begin, until, low, high)
    return low - doubt, high + doubt


def _by_wall(story: Story, begin: float, until: float, low: float, high: float) -> tuple[float, float]:
    """An instant of the wall clock: that is when it ends. Where nobody vouched for the clock: as long as was left."""
    for spell in story.spells:
        if spell.end <= begin:
            continue
        begun = max(spell.begin, begin)
        if begun + spell.offset >= until:
            return min(low, begun), max(begun, high if not spell.trusted else begun)
        if spell.end + spell.offset > until:
            end = until - spell.offset
            return min(low, end), max(end, high if not spell.trusted else end)
    return low, max(high, story.end + 1)


def _through(story: Story, begin: float, end: float, late: float) -> tuple[float, float]:
    """By a clock that nobody sets; over a time without power as far as the wall clock knows it."""
    low, high = end, end + late
    for place, spell in enumerate(story.spells[1:], 1):
        before = story.spells[place - 1]
        if spell.begin <= begin or before.end <= begin or spell.up == before.up:
            continue
        if before.end >= high:
            break
        gone, known = spell.begin - before.end, spell.begin + spell.offset - before.end - before.offset
        jumped = _jumped(story, before.end)
        low += gone - known - jumped
        high += gone - min(known, max(0.0, known)) + jumped
        low, high = max(low, before.end), max(high, spell.begin)
    return min(low, high), high


def _jumped(story: Story, end: float) -> float:
    """By how much the wall clock was set since the time left was last written down."""
    near = [each for each in story.spells if each.end > end - _KEPT_EVERY_S - 10 and each.end <= end]
    offsets = [each.offset for each in near]
    return max(offsets) - min(offsets) if offsets else 0.0

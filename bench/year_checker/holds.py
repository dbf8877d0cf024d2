"""Interlocks: when a thing is held off, when it may be, and when it must not be."""

from typing import Any, NamedTuple

from bench.year_checker.story import Change, Story, at

_SILENT_S = 10.0
"""What runs bears the silence of a sensor so long."""


class Hold(NamedTuple):
    """Held: surely (also while it runs), or at least while it is off."""

    begin: float
    end: float
    sure: bool


def holds(story: Story, entry: dict[str, Any], names: list[str], running: list[Change]) -> list[Hold]:
    """All of one thing. `running`: its real levels."""
    resets = [each["t"] for name in names for each in story.commands[name] if each["kind"] == "reset"]
    found: list[Hold] = []
    for block in entry.get("blocks", ()):
        found += _block(story, block, resets)
    limits = entry.get("limits") or {}
    if limits.get("maximum_run_s"):
        found += _longest(story, limits, running)
    return found


def _block(story: Story, block: dict[str, Any], resets: list[float]) -> list[Hold]:
    """While its sensor says so or says nothing; one that stays also until a reset that came after the reason."""
    says = [Change(0.0, None), *story.sensors[block["sensor"]]]
    found: list[Hold] = []
    stays, doubt, beyond = False, False, False
    for place, (t, value) in enumerate(says):
        end = says[place + 1].t if place + 1 < len(says) else story.end
        if value is not None:
            beyond = _beyond(block, value, beyond)
        stays = stays or (beyond and value is not None and bool(block.get("stays")))
        silent = value is None
        if beyond or (silent and block.get("unknown", True)):
            bears = block.get("for_s", 0) or (_SILENT_S if silent and not beyond else 0)
            found += [Hold(t, min(t + bears, end), False), Hold(t + bears, end, True)]
        reset = next((each for each in resets if t <= each < end), None)
        if stays and not beyond:
            found.append(Hold(t, end if reset is None else reset, not doubt))
            stays = reset is None
            doubt = doubt and stays
        elif stays and silent and reset is not None:
            doubt = True  # nobody knows whether the reason lasted when somebody looked
    return [each for each in found if each.end > each.begin]


def trips(story: Story, entry: dict[str, Any]) -> list[tuple[float, float]]:
    """When what stays until a reset began to hold, at the earliest and at the latest."""
    found = []
    for block in entry.get("blocks", ()):
        beyond = False
        for t, value in story.sensors[block["sensor"]] if block.get("stays") else ():
            beyond = value is not None and _beyond(block, value, beyond)
            if beyond:
                found.append((t, t + block.get("for_s", 0)))
    return found


def _beyond(block: dict[str, Any], value: float, was: bool) -> bool:
    if block.get("above") is not None:
        return bool(value > block["above"] or (was and value > block.get("ends", block["above"])))
    return bool(value < block["below"] or (was and value < block.get("ends", block["below"])))


def _longest(story: Story, limits: dict[str, Any], running: list[Change]) -> list[Hold]:
    """The longest run without a break, then the rest; after a start it may count anew."""
    found = []
    begun: float | None = None
    for t, level in [*running, Change(story.end, 0.0)]:
        if level > 0 and begun is None:
            begun = t
        elif level <= 0 and begun is not None:
            full = begun + limits["maximum_run_s"]
            if t >= full - 0.5:
                whole = not any(begun < up < t for up, _ in story.ups)
                rested = t + limits["rest_s"]
                doubtful = max([rested, *(up + limits["rest_s"] for up, _ in story.ups if t < up < rested)])
                found += [Hold(full, t, whole), Hold(t, rested, whole and _steady(story, t, limits))]
                found.append(Hold(rested, doubtful, False))  # who was without power may not know how long it rested
            begun = None
    return found


def _steady(story: Story, t: float, limits: dict[str, Any]) -> bool:
    """The rest went by without a restart or a step of the clock, so nobody may be in doubt of it."""
    spell = story.spell(t)
    return spell is not None and spell.end > t + limits["rest_s"]


__all__ = ["Hold", "at", "holds", "trips"]

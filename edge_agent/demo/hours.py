"""The lawful hours of the demo: those of a country commune, and a while from the start on, at whatever hour that is."""

from datetime import datetime
from typing import Any

_LAWFUL = ((5 * 60, 11 * 60 + 30), (13 * 60 + 30, 20 * 60))
"""Minutes after midnight, as of the preset `rural`."""
_OPEN = 180
"""Minutes: whoever starts the demo at night finds clusters that speak, and later hears the law say no."""
_DAY = 24 * 60
MINUTES = 45
"""A session's length."""

Span = tuple[int, int]


def windows(start: datetime) -> tuple[Span, ...]:
    """The windows of a demo that is started at a local instant, minutes after midnight, in order, none touching."""
    begin = start.hour * 60 + start.minute
    end = begin + _OPEN
    opened = ((begin, min(end, _DAY)), *(((0, end - _DAY),) if end > _DAY else ()))
    joined: list[Span] = []
    for span in sorted((*_LAWFUL, *opened)):
        if joined and span[0] <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], span[1])
        else:
            joined.append(span)
    return tuple(joined)


def section(spans: tuple[Span, ...]) -> dict[str, Any]:
    """The section `hours` of a hub and of a node: both read the same."""
    return {
        "preset": "none",  # a preset could not be opened at night
        "windows": [{"from": _written(begin), "to": _written(end)} for begin, end in spans],
        "minutes_per_session": MINUTES,
        "exempt": ["priority"],
    }


def told(spans: tuple[Span, ...]) -> str:
    """For people: 05:00–11:30, 13:30–20:00."""
    return ", ".join(f"{_written(begin)}–{_written(end)}" for begin, end in spans)


def _written(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

"""What is lawful: the presets, and what a commune makes of one. It may be stricter than its preset, never looser."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from edge_agent.contract.bulletins import BulletinClass

if TYPE_CHECKING:
    from edge_agent.config.broadcast import LawfulHours

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Span = tuple[int, int]
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is lawful, all in local time.

    `windows` in minutes after midnight, the end not within; none: any time. None in the others: unlimited.
    `volumes`: (from, to, per cent); `from` after `to` is over midnight. `exempt`: classes that hours do not bind;
    emergencies never are bound.
    """

    windows: tuple[Span, ...] = ()
    session_s: float | None = None
    sessions_per_day: int | None = None
    weekdays: frozenset[int] | None = None
    """Monday is 0."""
    volumes: tuple[tuple[int, int, float], ...] = ()
    exempt: frozenset[BulletinClass] = frozenset({"priority"})


def _time(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _span(begin: str, end: str) -> Span:
    return _time(begin), _time(end)


PRESETS: dict[str, Policy] = {
    "none": Policy(exempt=frozenset({"ordinary", "priority"})),
    "two-sessions": Policy((_span("05:30", "06:30"), _span("17:00", "18:00")), 3600, 2),
    "urban": Policy((_span("05:30", "11:30"), _span("13:30", "19:00")), 15 * 60, 2, frozenset(range(5))),
    "rural": Policy((_span("05:00", "11:30"), _span("13:30", "20:00")), 45 * 60, 2),
}
"""`urban` and `rural` by what Ha Noi decided in March 2021: at most a morning and an afternoon session, 15 minutes from
Monday to Friday in the districts of the city, 45 minutes in the country, relays included. It names no hours of the day;
those windows are ours, wide enough for a commune to choose its own within. docs/calendar.md has the source."""


def policy_of(hours: "LawfulHours") -> Policy:
    """The policy of a configuration, never looser than its preset even if nobody checked it."""
    preset = PRESETS[hours.preset]
    windows = tuple(sorted(_span(window.from_, window.to) for window in hours.windows))
    minutes, sessions = hours.minutes_per_session, hours.sessions_per_day
    weekdays = frozenset(WEEKDAYS.index(day) for day in hours.weekdays) or None
    return Policy(
        windows=_common(windows, preset.windows) if windows and preset.windows else windows or preset.windows,
        session_s=_least(preset.session_s, None if minutes is None else minutes * 60),
        sessions_per_day=_least(preset.sessions_per_day, sessions),
        weekdays=weekdays & preset.weekdays if weekdays and preset.weekdays else weekdays or preset.weekdays,
        volumes=tuple((_time(each.from_), _time(each.to), each.volume) for each in hours.volume_hours),
        exempt=frozenset(hours.exempt) & preset.exempt,
    )


@dataclass(frozen=True, slots=True)
class Looser:
    """A setting that would allow more than the preset: its path, what it says, and what the preset allows."""

    path: tuple[str | int, ...]
    said: str
    allowed: str


def looser(hours: "LawfulHours") -> Iterator[Looser]:
    """All settings that are looser than the preset."""
    preset = PRESETS[hours.preset]
    for place, window in enumerate(hours.windows):
        begin, end = _span(window.from_, window.to)
        if preset.windows and not any(low <= begin and end <= high for low, high in preset.windows):
            yield Looser(("windows", place), f"{window.from_}-{window.to}", spans(preset.windows))
    minutes, sessions = hours.minutes_per_session, hours.sessions_per_day
    if minutes is not None and preset.session_s is not None and minutes * 60 > preset.session_s:
        yield Looser(("minutes_per_session",), f"{minutes:g}", f"{preset.session_s / 60:g}")
    if sessions is not None and preset.sessions_per_day is not None and sessions > preset.sessions_per_day:
        yield Looser(("sessions_per_day",), str(sessions), str(preset.sessions_per_day))
    for place, day in enumerate(hours.weekdays):
        if preset.weekdays is not None and WEEKDAYS.index(day) not in preset.weekdays:
            yield Looser(("weekdays", place), day, ", ".join(WEEKDAYS[each] for each in sorted(preset.weekdays)))
    for place, name in enumerate(hours.exempt):
        if name != "emergency" and name not in preset.exempt:
            yield Looser(("exempt", place), name, ", ".join(sorted(preset.exempt)))


def spans(windows: tuple[Span, ...]) -> str:
    """Windows as people write them: 05:30-06:30, 17:00-18:00."""
    return ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in windows)


def _common(some: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    """Where both are open; a window of no length where they never are, for none would mean any time."""
    both = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return tuple(sorted(span for span in both if span[0] < span[1])) or ((0, 0),)


def _least(one: _Number | None, other: _Number | None) -> _Number | None:
    known = [each for each in (one, other) if each is not None]
    return min(known) if known else None

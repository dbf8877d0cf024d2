"""Tonight's lights as a picture: the sun, what was switched, what is on now and until when. SVG on the server.

Nodes report when they will switch next, not their whole programme: what comes after that is drawn as not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event
from edge_agent.contract.switched import LightState
from hub import record_rows as rows
from hub.registry import Node
from hub.sentences import Speaker
from hub.things.words import level_word
from hub.times import local

BEGINS, HOURS = 16, 16
"""The picture goes from 16:00 to 08:00."""
WIDTH, ROW, TOP = 960, 44, 30
MOST_ROWS = 8
MOST_EVENTS = 400
_NOON = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a row, in the picture's units. `kind`: on, dim, off, or unknown."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Line:
    """Lamps that do the same tonight."""

    name: str
    said: str
    y: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Night:
    """`now`: None outside of the night. `ticks`: place and hour. `more`: lines that found no room."""

    lines: tuple[Line, ...]
    height: int
    dark: tuple[float, float]
    sun: str
    now: float | None
    ticks: tuple[tuple[float, str], ...]
    more: int

    @property
    def said(self) -> str:
        """The same in words."""
        return "; ".join((self.sun, *(f"{line.name}: {line.said}" for line in self.lines)))


Past = Mapping[str, Sequence[tuple[datetime, float]]]
"""Light -> when it was switched to which level, first to last."""


def switched(connection: Connection, address: str) -> dict[str, list[tuple[datetime, float]]]:
    """What a node told last of the switching of its lights."""
    found: dict[str, list[tuple[datetime, float]]] = {}
    for body in rows.recent(connection, address, telemetry=False, most=MOST_EVENTS):
        try:
            event = Event.model_validate_json(body)
        except ValidationError:  # written by another version of the hub
            continue
        level, (kind, _, light) = event.data.get("level"), (event.about or "").partition("/")
        if event.type == "switched" and kind == "light" and isinstance(level, int | float):
            found.setdefault(light, []).append((event.at, float(level)))
    return {light: sorted(moments) for light, moments in found.items()}


def night(nodes: Iterable[tuple[Node, Past]], speak: Speaker) -> Night | None:
    """The picture of some nodes' lights; None where there are none."""
    begin, end = _window(speak)
    alike: dict[tuple[object, ...], list[tuple[Node, LightState]]] = {}
    first = None
    for node, past in nodes:
        first = first or node
        for state in node.states.values():
            if isinstance(state, LightState):
                key = (_bars(state, past.get(state.id, ()), begin, end, speak.now), _said(state, speak))
                alike.setdefault(key, []).append((node, state))
    if not alike or first is None:
        return None
    kept = list(alike.items())[:MOST_ROWS]
    lines = tuple(
        Line(_names(same, speak), str(key[1]), TOP + 26 + ROW * n, key[0])  # type: ignore[arg-type]
        for n, (key, same) in enumerate(kept)
    )
    dusk, dawn, sun = _sun(first, begin, speak)
    ticks = tuple((_x(at, begin, end), f"{local(at, speak.zone):%H}") for at in _hours(begin))
    now = _x(speak.now, begin, end) if begin <= speak.now <= end else None
    height = TOP + ROW * len(lines) + 6
    return Night(lines, height, (_x(dusk, begin, end), _x(dawn, begin, end)), sun, now, ticks, len(alike) - len(kept))


def _window(speak: Speaker) -> tuple[datetime, datetime]:
    """A night begins at noon: before it, one still looks at the last."""
    there = local(speak.now, speak.zone)
    day = there.date() if there.hour >= _NOON else there.date() - timedelta(days=1)
    begin = datetime.combine(day, time(BEGINS), speak.zone)
    return begin, begin + timedelta(hours=HOURS)


def _hours(begin: datetime) -> list[datetime]:
    return [begin + timedelta(hours=n) for n in range(2, HOURS, 2)]


def _x(at: datetime, begin: datetime, end: datetime) -> float:
    share = (at - begin).total_seconds() / (end - begin).total_seconds()
    return round(WIDTH * min(max(share, 0.0), 1.0), 1)


def _bars(
    state: LightState, past: Sequence[tuple[datetime, float]], begin: datetime, end: datetime, now: datetime
) -> tuple[Bar, ...]:
    """What was, what is until it changes by itself, and then what nobody has told."""
    level = state.wanted if state.actual is None else state.actual
    edges = [(at, _kind(to)) for at, to in past if at <= now]
    before = [kind for at, kind in edges if at <= begin]
    parts = [(begin, before[-1] if before else "unknown"), *(edge for edge in edges if edge[0] > begin)]
    if now > begin:
        since = max((at for at, _ in edges), default=max(begin, min(state.at, now)))
        parts.append((max(since, begin), _kind(level)))
    else:
        parts = [(begin, "unknown")]
    until = state.until if state.until and state.until > now else now
    ends = [*(at for at, _ in parts[1:]), min(max(until, begin), end)]
    bars = [(at, to, kind) for (at, kind), to in zip(parts, ends, strict=True)]
    if until < end:
        bars.append((max(until, begin), end, "unknown"))
    drawn = ((_x(at, begin, end), _x(to, begin, end), kind) for at, to, kind in bars)
    return tuple(Bar(x, round(to - x, 1), kind) for x, to, kind in drawn if to > x)


def _kind(level: float) -> str:
    return "off" if level <= 0 else "on" if level >= 100 else "dim"


def _said(state: LightState, speak: Speaker) -> str:
    word = level_word(speak, state, True)
    if state.until is None or state.until <= speak.now:
        return speak.t("lights.night_open", word=word)
    return speak.t("lights.night_until", word=word, until=speak.moment(state.until))


def _names(same: Sequence[tuple[Node, LightState]], speak: Speaker) -> str:
    node, state = same[0]
    known = {c.id: c.name for c in (node.about.capabilities if node.about else ()) if c.kind == "light"}
    name = known.get(state.id) or state.id
    return name if len(same) == 1 else speak.t("lights.night_more", name=name, count=len(same) - 1)


def _sun(node: Node, begin: datetime, speak: Speaker) -> tuple[datetime, datetime, str]:
    """Sunset and sunrise where the node stands (NOAA's equations, by `astral`); where nobody knows: at six."""
    six = begin.replace(hour=18), begin.replace(hour=6) + timedelta(days=1)
    position = node.about.position if node.about else None
    if position is None:
        return *six, speak.t("lights.sun_unknown")
    from astral import Observer
    from astral.sun import sunrise, sunset

    there = Observer(position.latitude, position.longitude)
    try:
        dusk = sunset(there, begin.date(), tzinfo=speak.zone)
        dawn = sunrise(there, begin.date() + timedelta(days=1), tzinfo=speak.zone)
    except ValueError:  # beyond the polar circles
        return *six, speak.t("lights.sun_unknown")
    return dusk, dawn, speak.t("lights.sun", dusk=f"{dusk:%H:%M}", dawn=f"{dawn:%H:%M}")

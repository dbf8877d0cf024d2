"""Tonight's lights as a picture: the sun, what was switched, what is on now and what comes. SVG on the server.

What was is drawn as nodes have reported it, what comes as they have told it ahead; what nobody told is drawn as that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event
from edge_agent.contract.switched import LightState
from hub import record_rows as rows
from hub.node import Node
from hub.sentences import Speaker
from hub.things.foretold import Edge, Foretold, foretold
from hub.things.words import level_word
from hub.times import local

BEGINS, HOURS = 16, 16
"""The picture goes from 16:00 to 08:00."""
WIDTH, ROW, TOP = 960, 44, 30
MOST_ROWS = 8
MOST_EVENTS = 400
MOST_CHANGES = 6
"""Of one line, said in words."""
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
                ahead = foretold(node, state, speak.now)
                bars = _bars(_known(state, past.get(state.id, ()), speak.now), ahead.edges, begin, end)
                key = (bars, _said(state, ahead, end, speak))
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


def _known(state: LightState, past: Sequence[tuple[datetime, float]], now: datetime) -> list[Edge]:
    """What it did until now, as far as it was reported; the last is what it is."""
    edges: list[Edge] = [(at, level) for at, level in past if at <= now]
    level = state.wanted if state.actual is None else state.actual
    if edges and edges[-1][1] == level:
        return edges
    since = min(state.at, now)  # the event of it may still be on its way
    return [*edges, (max(since, edges[-1][0]) if edges else since, level)]


def _bars(past: Sequence[Edge], coming: Sequence[Edge], begin: datetime, end: datetime) -> tuple[Bar, ...]:
    """Both, cut to the picture; parts that look alike are one."""
    parts: list[tuple[datetime, str]] = [(begin, "unknown")]
    for at, level in (*past, *coming):
        kind, at_ = "unknown" if level is None else _kind(level), max(at, begin)
        if at_ >= end:
            break
        while parts and parts[-1][0] >= at_:
            parts.pop()
        if not parts or parts[-1][1] != kind:
            parts.append((at_, kind))
    ends = [*(at for at, _ in parts[1:]), end]
    drawn = ((_x(at, begin, end), _x(to, begin, end), kind) for (at, kind), to in zip(parts, ends, strict=True))
    return tuple(Bar(x, round(to - x, 1), kind) for x, to, kind in drawn if to > x)


def _kind(level: float) -> str:
    return "off" if level <= 0 else "on" if level >= 100 else "dim"


def _said(state: LightState, ahead: Foretold, end: datetime, speak: Speaker) -> str:
    """What it does, then each change of this night."""
    word = level_word(speak, state, True)
    coming = [edge for edge in ahead.edges[1:] if edge[0] < end]
    told = [_change(at, level, speak) for at, level in coming[:MOST_CHANGES] if level is not None]
    if ahead.edges[0][1] is None or (coming and not told):
        at = coming[0][0] if coming else speak.now
        known = at > speak.now
        return speak.t("lights.night_until" if known else "lights.night_open", word=word, until=_clock(at, speak))
    if not coming:
        return speak.t("lights.night_same", word=word)
    if len(coming) > MOST_CHANGES:
        told.append("…")
    elif coming[-1][1] is None:
        told.append(speak.t("lights.then_unknown"))
    said = speak.t("lights.night_then", word=word, then=", ".join(told))
    return f"{said} {speak.t('lights.night_cell')}" if ahead.photocell else said


def _change(at: datetime, level: float, speak: Speaker) -> str:
    kind = _kind(level)
    return speak.t(f"lights.then_{kind}", at=_clock(at, speak), level=speak.level(level))


def _clock(at: datetime, speak: Speaker) -> str:
    return f"{local(at, speak.zone):%H:%M}"


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

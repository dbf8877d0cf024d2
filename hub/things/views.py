"""What the templates draw of things: plain values, every word already chosen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.contract.capabilities import Capability
from edge_agent.contract.reports import AnyState
from edge_agent.contract.switched import CabinetState, RuleState, SensorState, Switched
from hub.node import Node
from hub.sentences import Speaker
from hub.things import words

FEW = 8
"""So many lights stand open on a card; more are folded, by group."""
MOST = 500
_ICONS = {"pump": "pump", "valve": "valve", "fan": "fan", "mist": "drop", "feeder": "feeder", "heater": "heater"}


@dataclass(frozen=True)
class ThingView:
    """A light, or anything else that is switched."""

    id: str
    kind: str
    name: str
    icon: str
    use: str
    on: bool
    dark: bool
    known: bool
    word: str
    why: str
    waits: str
    troubles: tuple[str, ...]
    facts: tuple[str, ...]
    level: int
    writable: bool
    released: bool
    latched: bool
    dimmable: bool
    by_litres: bool

    @property
    def part(self) -> str:
        """The end of its part's id."""
        return f"{'l' if self.kind == 'light' else 'w'}_{self.id}"


@dataclass(frozen=True)
class GroupView:
    """Things that are switched together. `things`: those drawn in its fold; `runs`: a pump or fan is among them."""

    id: str
    name: str
    count: str
    all_on: bool
    things: tuple[str, ...]
    runs: bool


@dataclass(frozen=True)
class FactView:
    """A sensor or a cabinet."""

    id: str
    name: str
    facts: tuple[str, ...]
    troubles: tuple[str, ...]


@dataclass(frozen=True)
class RuleView:
    """A rule."""

    id: str
    name: str
    thing: str
    armed: bool
    actual: str
    word: str
    said: str
    trouble: str


@dataclass(frozen=True)
class AlertView:
    """Something wrong, and the part of the page on which it stands."""

    part: str
    name: str
    text: str


@dataclass(frozen=True)
class PlantView:
    """All that is switched and measured on a node."""

    lights: tuple[ThingView, ...]
    switches: tuple[ThingView, ...]
    groups: tuple[GroupView, ...]
    loose: tuple[str, ...]
    sensors: tuple[FactView, ...]
    cabinets: tuple[FactView, ...]
    rules: tuple[RuleView, ...]
    alerts: tuple[AlertView, ...]
    count: str

    @property
    def folded(self) -> bool:
        """Whether there are too many lights to stand open."""
        return len(self.lights) > FEW

    @property
    def many_sensors(self) -> bool:
        """Whether there are too many sensors to stand open; what is wrong with one stands first in any case."""
        return len(self.sensors) > FEW

    @property
    def shape(self) -> Iterator[str]:
        """Changes when the card needs other forms."""
        for thing in (*self.lights, *self.switches):
            yield f"{thing.part}:{thing.dimmable:d}{thing.by_litres:d}"
        for group in self.groups:
            yield f"g:{group.id}:{group.name}:{','.join(group.things)}"
        yield from (f"r:{rule.id}" for rule in self.rules)
        yield f"{len(self.sensors)}{bool(self.cabinets)}"


def plant_view(node: Node, things: Mapping[tuple[str, str], Capability], speak: Speaker) -> PlantView:
    """What a node says of its things now."""
    of_kind: dict[str, list[Capability]] = {}
    for (kind, _), capability in things.items():
        of_kind.setdefault(kind, []).append(capability)
    names = {c.id: c.name or c.id for kind in ("light", "switch") for c in of_kind.get(kind, ())}
    lights = tuple(_thing(c, node, speak) for c in of_kind.get("light", ())[:MOST])
    switches = tuple(_thing(c, node, speak) for c in of_kind.get("switch", ())[:MOST])
    sensors = tuple(_sensor(c, node, speak) for c in of_kind.get("sensor", ())[:MOST])
    cabinets = tuple(_cabinet(c, node, speak) for c in of_kind.get("cabinet", ())[:MOST])
    groups, loose = _groups(node, lights, switches, speak)
    on = sum(light.on and not light.dark for light in lights)
    return PlantView(
        lights=lights,
        switches=switches,
        groups=groups,
        loose=loose,
        sensors=sensors,
        cabinets=cabinets,
        rules=tuple(_rule(c, node, names, speak) for c in of_kind.get("rule", ())[:MOST]),
        alerts=tuple(_alerts(lights, switches, sensors, cabinets)),
        count=speak.t("groups.lit", on=on, all=len(lights)) if lights else "",
    )


def members(node: Node) -> dict[str, tuple[str, ...]]:
    """The things of each group of a node, those of its groups included. A circle ends where it closes."""
    groups = {group.id: group.members for group in (node.about.groups if node.about else ())}

    def of(id_: str, above: frozenset[str]) -> Iterator[str]:
        for member in groups.get(id_, ()):
            if member in groups and member not in above:
                yield from of(member, above | {member})
            elif member not in groups:
                yield member

    return {id_: tuple(dict.fromkeys(of(id_, frozenset((id_,))))) for id_ in groups}


def _groups(
    node: Node, lights: Sequence[ThingView], switches: Sequence[ThingView], speak: Speaker
) -> tuple[tuple[GroupView, ...], tuple[str, ...]]:
    known = {thing.id: thing for thing in (*lights, *switches)}
    left = {light.id for light in lights}
    views = []
    whole = members(node)
    for group in (node.about.groups if node.about else ())[:MOST]:
        inside = [known[id_] for id_ in whole[group.id] if id_ in known]
        own = tuple(thing.id for thing in inside if thing.id in left)
        left -= set(own)
        on = sum(thing.on for thing in inside)
        runs = any(thing.kind == "switch" for thing in inside)
        count = speak.t("groups.on", on=on, all=len(inside))
        views.append(GroupView(group.id, group.name or group.id, count, bool(inside) and on == len(inside), own, runs))
    return tuple(views), tuple(light.id for light in lights if light.id in left)


def _state(node: Node, thing: Capability) -> AnyState | None:
    return node.states.get((thing.kind, thing.id))


def _thing(thing: Capability, node: Node, speak: Speaker) -> ThingView:
    found = _state(node, thing)
    state = found if isinstance(found, Switched) else None
    light = thing.kind == "light"
    name = thing.name or thing.id
    use = thing.use or getattr(state, "use", None) or "other"
    level = 0.0 if state is None else state.wanted if state.actual is None else state.actual
    icon = ("lamp-on" if level > 0 and not words.is_dark(state) else "lamp-off") if light else _ICONS.get(use, "plug")
    return ThingView(
        id=thing.id,
        kind=thing.kind,
        name=name,
        icon=icon,
        use="" if light else speak.t(f"use.{use}" if use in _USES else "use.other"),
        on=level > 0,
        dark=light and words.is_dark(state),
        known=state is not None,
        word=words.level_word(speak, state, light),
        why=words.why(speak, state) if state else "",
        waits=words.waits(speak, state) if state else "",
        troubles=words.troubles(speak, state, name),
        facts=words.usage(speak, state) if state else (),
        level=round(level),
        writable=thing.writable,
        released=state is None or state.why != "override",
        latched=state is not None and state.said is not None and state.said.code in _LATCHED,
        dimmable=thing.step is not None and thing.step < 100,
        by_litres=state is not None and state.usage is not None and state.usage.litres is not None,
    )


_LATCHED = ("interlock.stays", "interlock.run")
"""Interlocks that somebody must let go."""
_USES = frozenset({"pump", "valve", "fan", "mist", "feeder", "heater", "siren", "socket", "other"})


def _sensor(thing: Capability, node: Node, speak: Speaker) -> FactView:
    found = _state(node, thing)
    state = found if isinstance(found, SensorState) else None
    name = thing.name or thing.id
    value = words.sensor(speak, state, thing.use or "")
    return FactView(thing.id, name, (value,), words.troubles(speak, state, name))


def _cabinet(thing: Capability, node: Node, speak: Speaker) -> FactView:
    found = _state(node, thing)
    state = found if isinstance(found, CabinetState) else None
    name = thing.name or thing.id
    return FactView(thing.id, name, words.cabinet(speak, state), words.troubles(speak, state, name))


def _rule(thing: Capability, node: Node, names: Mapping[str, str], speak: Speaker) -> RuleView:
    found = _state(node, thing)
    state = found if isinstance(found, RuleState) else None
    armed = state is not None and state.armed
    return RuleView(
        id=thing.id,
        name=thing.name or thing.id,
        thing=names.get(state.thing, state.thing) if state else "",
        armed=armed,
        actual=state.actual if state else "unknown",
        word=speak.t("rules.armed" if armed else "rules.watching"),
        said=words.rule(speak, state),
        trouble=words.said(speak, state.fault) if state else "",
    )


def _alerts(
    lights: Sequence[ThingView],
    switches: Sequence[ThingView],
    sensors: Sequence[FactView],
    cabinets: Sequence[FactView],
) -> Iterator[AlertView]:
    """Those of things first that hang on nothing else: a dead cabinet explains its dark lamps."""
    told = [("cabinets", each.name, each.troubles) for each in cabinets]
    told += [(each.part, each.name, each.troubles) for each in (*switches, *lights)]
    told += [("sensors", each.name, each.troubles) for each in sensors]
    for part, name, troubles in told:
        yield from (AlertView(part, "" if name in text else name, text) for text in troubles)

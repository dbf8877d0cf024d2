"""What the templates draw: plain values, every word already chosen."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.contract.capabilities import Capability
from edge_agent.contract.records import Event
from edge_agent.contract.reports import BulletinState, CameraState, DriverState
from edge_agent.contract.sentences import Language
from edge_agent.contract.units import METRICS, unit_of
from hub.agenda import Day, agenda
from hub.air.onair import ClashView, SpeakerView, clashes, speaker_view
from hub.ledger import Account
from hub.node import Node
from hub.people.rights import Right
from hub.sentences import Speaker, digits, is_undecodable
from hub.things.views import PlantView, plant_view
from hub.times import local, zone_named
from hub.titles import titled

_UNITS = {"Cel": "°C", "1": "", "dB[mW]": "dBm"}
_SHOWN = ("cpu", "memory", "temperature", "disk", "outbox_waiting")
_DRAWN = ("light", "switch", "sensor", "cabinet", "rule", "speaker", "camera")
_MAX_BULLETINS = 50


@dataclass(frozen=True)
class CameraView:
    """A camera."""

    id: str
    name: str
    word: str
    trouble: str
    good: bool


@dataclass(frozen=True)
class BulletinView:
    """A bulletin on the node's calendar."""

    id: str
    title: str
    class_: str
    class_word: str
    actual: str
    word: str
    can_cancel: bool


@dataclass(frozen=True)
class EventView:
    """A line of the log."""

    at: str
    text: str
    bad: bool


@dataclass(frozen=True)
class NodeView:
    """A node's card."""

    key: str
    path: str
    title: str
    zone: str
    state: str
    word: str
    trouble: str
    plant: PlantView
    speakers: tuple[SpeakerView, ...]
    cameras: tuple[CameraView, ...]
    bulletins: tuple[BulletinView, ...]
    clashes: tuple[ClashView, ...]
    days: tuple[Day, ...]
    drivers: tuple[str, ...]
    events: tuple[EventView, ...]
    health: tuple[tuple[str, str], ...]
    missing: str
    lost: str
    may: frozenset[str] = frozenset()
    """Rights of who looks, here."""

    def limited(self) -> "NodeView":
        """As it is for somebody who may do only what `may` says: nothing can be tapped that would be refused."""
        if Right.SWITCH in self.may:
            return self
        lights = tuple(replace(thing, writable=False) for thing in self.plant.lights)
        switches = tuple(replace(thing, writable=False) for thing in self.plant.switches)
        return replace(self, plant=replace(self.plant, lights=lights, switches=switches))

    @property
    def coming(self) -> int:
        """How many times something will be on air within the days of the calendar."""
        return sum(len(day.slots) + day.more for day in self.days)

    @property
    def shape(self) -> str:
        """Changes when the card needs other forms, not only other values."""
        speakers = (f"s:{s.id}:{s.name}" for s in self.speakers)
        cameras = (f"c:{c.id}:{c.name}" for c in self.cameras)
        return "|".join((self.key, self.title, self.zone, *self.plant.shape, *speakers, *cameras))


def node_zone(node: Node, fallback: ZoneInfo) -> ZoneInfo:
    """The node's own time zone."""
    return zone_named(node.about.timezone, fallback.key) if node.about else fallback


def node_view(node: Node, account: Account | None, language: Language, zone: ZoneInfo, now: datetime) -> NodeView:
    """The card of one node."""
    speak = Speaker(language, node_zone(node, zone), now)
    things = _things(node)
    names = names_of(node)
    state, word = presence(node, speak)
    return NodeView(
        key=node.key,
        path=f"/nodes/{node.commune}/{node.name}",
        title=node.title,
        zone=(node.about.zone or "") if node.about else "",
        state=state,
        word=word,
        trouble=speak.fault(node.status.fault) if node.status and node.status.online else "",
        plant=plant_view(node, things, speak),
        speakers=tuple(speaker_view(c, node, account, speak) for c in _of_kind(things, "speaker")),
        cameras=tuple(_camera(c, node, speak) for c in _of_kind(things, "camera")),
        bulletins=_bulletins(node, speak),
        clashes=clashes(node, account, speak),
        days=agenda([(node, speak)], local(now, speak.zone).date(), speak.t),
        drivers=_drivers(node, speak),
        events=_events(account, speak, names),
        health=_health(account, language),
        missing=_count(speak, "records.missing", account.progress.missing_count if account else 0),
        lost=_count(speak, "records.lost", account.progress.lost if account else 0),
    )


def names_of(node: Node) -> dict[str, str]:
    """What `kind/id` in a node's events is called."""
    names = {f"{kind}/{id_}": capability.name for (kind, id_), capability in _things(node).items()}
    return names | {f"bulletin/{s.id}": s.title for s in node.states.values() if isinstance(s, BulletinState)}


def _things(node: Node) -> dict[tuple[str, str], Capability]:
    """What the node says it has; until it has said so, what it reports the state of.

    A state that the broker kept of something that was taken out of the configuration is a ghost, and not drawn.
    """
    if node.about is not None:
        return {(c.kind, c.id): c for c in node.about.capabilities}
    return {
        (kind, thing): Capability.model_validate({"id": thing, "kind": kind, "name": thing})
        for kind, thing in node.states
        if kind in _DRAWN
    }


def _of_kind(things: dict[tuple[str, str], Capability], kind: str) -> list[Capability]:
    return [c for (k, _), c in things.items() if k == kind][:200]


def presence(node: Node, speak: Speaker) -> tuple[str, str]:
    """Whether a node is there: a word for style sheets, and a sentence."""
    status = node.status
    if status is None:
        return "unknown", speak.t("node.unknown")
    if status.online:
        return "online", speak.t("node.online", since=speak.moment(status.since))
    offline = node.offline
    if offline is None:
        return "offline", speak.t("node.offline")
    verb = "stopped" if status.reason == "stopped" else "offline"
    key = f"node.{verb}_since" if offline.seen else f"node.{verb}_before"
    return "offline", speak.t(key, since=speak.moment(offline.at))


def _camera(thing: Capability, node: Node, speak: Speaker) -> CameraView:
    state = node.states.get(("camera", thing.id))
    return camera_view(thing.id, thing.name or thing.id, state if isinstance(state, CameraState) else None, speak)


def camera_view(id_: str, name: str, state: CameraState | None, speak: Speaker) -> CameraView:
    """A camera's line."""
    return CameraView(
        id=id_,
        name=name,
        word=speak.camera(state),
        trouble=speak.fault(state.fault) if state else "",
        good=state is not None and state.actual == "streaming" and not is_undecodable(state),
    )


def _bulletins(node: Node, speak: Speaker) -> tuple[BulletinView, ...]:
    states = [s for s in node.states.values() if isinstance(s, BulletinState)]
    coming = sorted((s for s in states if s.next), key=lambda s: s.next or s.at)
    over = sorted((s for s in states if not s.next), key=lambda s: s.last or s.at, reverse=True)
    return tuple(
        BulletinView(
            id=s.id,
            title=titled(s.title, speak.t),
            class_=s.class_,
            class_word=speak.t(f"class.{s.class_}") if s.class_ != "ordinary" else "",
            actual="trouble" if s.fault and s.actual == "preparing" else s.actual,
            word=speak.bulletin(s),
            can_cancel=s.actual in ("preparing", "ready") or (s.next is not None and s.actual != "cancelled"),
        )
        for s in [*coming, *over][:_MAX_BULLETINS]
    )


def _drivers(node: Node, speak: Speaker) -> tuple[str, ...]:
    faulty = [s for s in node.states.values() if isinstance(s, DriverState) and s.actual == "faulty"]
    return tuple(speak.t("driver.faulty", id=s.id, why=speak.fault(s.fault)) for s in faulty[:20])


def _events(account: Account | None, speak: Speaker, names: dict[str, str]) -> tuple[EventView, ...]:
    return tuple(
        EventView(speak.moment(e.at), speak.event(e, names), e.type in ("fault", "gap") or _holds(e))
        for e in (account.events if account else ())
    )


def _holds(event: Event) -> bool:
    """Whether an interlock began to hold."""
    return event.type == "interlock" and event.data.get("ended") is not True


def _health(account: Account | None, language: Language) -> tuple[tuple[str, str], ...]:
    values = account.sample.values if account and account.sample else {}
    rows: list[tuple[str, str]] = []
    for name in _SHOWN:
        if name in values:
            metric = METRICS[name]
            unit = _UNITS.get(unit_of(name), unit_of(name))
            rows.append(
                (metric.vi if language == "vi" else metric.en, f"{digits(values[name], language)} {unit}".strip())
            )
    return tuple(rows)


def _count(speak: Speaker, key: str, count: int) -> str:
    return speak.t(key, count=count) if count else ""

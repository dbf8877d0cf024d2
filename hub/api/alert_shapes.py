"""How alerts look to programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from edge_agent.contract.base import Instant
from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.errors import Fault
from hub.api.errors import Error, Message, of_fault
from hub.cap import said
from hub.cap.looking import DetailView, Found
from hub.cap.message import Alert, Info
from hub.cap.rows import Row, State


class TakenOf(BaseModel):
    """What became of a message. `new`: it had not come before; `differs`: a proved one of its name says otherwise."""

    id: str
    state: State
    new: bool
    differs: bool


class AlertBrief(BaseModel):
    """An alert. `proved`: it is certain who sent it; `level`: the risk, 1 to 5, 0 where nobody knows."""

    id: str
    sender: str
    identifier: str
    sent: Instant
    received: Instant
    expires: Instant
    status: str = Field(description="As CAP has it: Actual, Exercise, System, Test, Draft")
    type: str = Field(description="As CAP has it: Alert, Update, Cancel, Ack, Error")
    state: State
    reason: str = Field(description="Why it waits, or which message took its place")
    proved: bool
    level: int
    title: str
    areas: str


class AlertList(BaseModel):
    """A page of alerts."""

    items: list[AlertBrief]
    next: str | None = Field(default=None, description="`after` of the next page; absent: that was all")


class AreaOf(BaseModel):
    """A place that the sender means. `geocodes`: `name=value`."""

    description: str
    polygons: int
    circles: int
    geocodes: list[str]


class InfoOf(BaseModel):
    """What the sender wrote in one language; the codes as CAP has them."""

    language: str
    event: str
    urgency: str
    severity: str
    certainty: str
    categories: list[str]
    responses: list[str]
    effective: Instant | None = None
    onset: Instant | None = None
    expires: Instant | None = None
    headline: str
    description: str
    instruction: str
    contact: str
    areas: list[AreaOf]


class PlaceOf(BaseModel):
    """A further area to which one may let it be heard."""

    place: str
    name: str


class PartOf(BaseModel):
    """What it comes to here. `nodes`: where one may let it be heard; `seen`: how often it was said so far."""

    number: int
    event: str
    level: int
    class_: BulletinClass = Field(alias="class")
    text: str
    notes: list[Message]
    nodes: list[str]
    places: list[PlaceOf]
    seen: int


class SentOf(BaseModel):
    """What became of it at a node. `ending`: empty, `wanted`, `done`, `cleared`."""

    node: str
    at: Instant
    state: str = Field(description="pending, accepted, done, rejected, failed, silent or unsent")
    ending: str
    error: Error | None = None


class ActOf(BaseModel):
    """Something that was done. `by` empty: by rule."""

    at: Instant
    by: str
    act: str
    word: str


class RelatedOf(BaseModel):
    """Another message that this one is about, or that is about it."""

    id: str
    title: str
    how: Message


class ClearOf(BaseModel):
    """A siren whose end can be told, at so many nodes; in these words, where nobody writes others."""

    id: str
    title: str
    text: str
    nodes: int


class AlertWhole(AlertBrief):
    """One alert. `may`: what one may do now: air, dismiss, accept, end."""

    source: str = Field(description="The feed; empty: somebody brought it")
    brought_by: str
    infos: list[InfoOf]
    odd: list[Message] = Field(description="What is not as the standard has it, and was taken all the same")
    parts: list[PartOf]
    unknown: list[str] = Field(description="Geocodes that this hub does not know")
    unplaced: list[str] = Field(description="Nodes that it may mean: they do not say where they stand")
    sent_to: list[SentOf]
    history: list[ActOf]
    related: list[RelatedOf]
    clears: list[ClearOf]
    may: list[str]


def brief(row: Row) -> dict[str, Any]:
    """As in the list."""
    same = ("id", "sender", "identifier", "sent", "received", "expires", "status", "state", "reason", "proved")
    values = {name: getattr(row, name) for name in (*same, "level", "title", "areas")}
    return AlertBrief(type=row.msg_type, **values).model_dump(mode="json")


def whole(
    found: Found,
    views: Mapping[str, DetailView],
    nodes: Sequence[Sequence[str]],
    sent: list[SentOf],
    acts: Sequence[said.Act],
) -> AlertWhole:
    """Everything. `views`: as the page says it in each language; `nodes`: of each part, where one may let it."""
    vi, en = views["vi"], views["en"]
    row, may = found.row, ("air", "dismiss", "accept", "end")
    return AlertWhole.model_validate(
        {
            **brief(row),
            "source": row.source,
            "brought_by": row.given_by,
            "infos": _infos(found.alert),
            "odd": _both(vi.odd, en.odd),
            "parts": _parts(vi, en, nodes),
            "unknown": vi.unknown,
            "unplaced": found.plan.unplaced,
            "sent_to": sent,
            "history": [ActOf(at=act.at, by=act.who, act=act.act, word=act.word) for act in acts],
            "related": [
                {"id": a[1], "title": a[2], "how": Message(vi=a[0], en=b[0])}
                for a, b in zip(vi.links, en.links, strict=True)
            ],
            "clears": [{"id": c.id, "title": c.title, "text": c.text, "nodes": c.count} for c in vi.clears],
            "may": [name for name in may if getattr(vi, f"may_{name}")],
        }
    )


def _parts(vi: DetailView, en: DetailView, nodes: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {
            "number": a.number,
            "event": a.event,
            "level": a.level,
            "class": a.class_,
            "text": a.text,
            "notes": _both(a.notes, b.notes),
            "nodes": here,
            "places": [{"place": place, "name": name} for place, name, _ in a.places],
            "seen": a.seen,
        }
        for a, b, here in zip(vi.parts, en.parts, nodes, strict=True)
    ]


def _both(vi: Sequence[str], en: Sequence[str]) -> list[Message]:
    return [Message(vi=a, en=b) for a, b in zip(vi, en, strict=True)]


def _infos(alert: Alert) -> list[InfoOf]:
    return [_info(info) for info in alert.infos]


def _info(info: Info) -> InfoOf:
    same = ("language", "event", "effective", "onset", "expires", "headline", "description", "instruction", "contact")
    codes = {name: getattr(info, name).value for name in ("urgency", "severity", "certainty")}
    areas = [
        AreaOf(
            description=area.description,
            polygons=len(area.polygons),
            circles=len(area.circles),
            geocodes=[f"{code.name}={code.value}" for code in area.geocodes],
        )
        for area in info.areas
    ]
    lists = {name: [each.value for each in getattr(info, name)] for name in ("categories", "responses")}
    return InfoOf(**{name: getattr(info, name) for name in same}, **codes, **lists, areas=areas)


def sent(each: said.Aired) -> SentOf:
    """What became of it at a node."""
    fault = Fault.model_validate(json.loads(each.fault)) if each.fault else None
    error = of_fault(fault, each.address) if fault else None
    return SentOf(node=each.address, at=each.at, state=each.state, ending=each.ending, error=error)

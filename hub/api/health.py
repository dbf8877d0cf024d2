"""How nodes do: what they measured, what they said last before they went silent, what their examination found."""

from datetime import timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, iso
from edge_agent.contract.health import EXAMINATION, DoctorState, FindingState
from edge_agent.contract.records import Event
from edge_agent.contract.sentences import Language
from hub.api.errors import Message
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, Parts, found, is_there, needs, reply, router
from hub.node import Node
from hub.nodes.checkup import checkup
from hub.nodes.doctor import stands_at
from hub.nodes.history import SPAN, History, history
from hub.people.door import at_node
from hub.people.rights import Right
from hub.sentences import Speaker
from hub.views import names_of, node_zone

routes = router("nodes")

HOURS = SPAN // timedelta(hours=1)


class SampleOf(BaseModel):
    """What was measured at one instant: name and value; units stand in the reference."""

    at: Instant
    values: dict[str, float]


class EventOf(BaseModel):
    """Something that happened at a node. `about`: `kind/id` of the thing."""

    at: Instant
    type: str
    about: str | None = None
    message: Message


class LastWords(BaseModel):
    """Of a node that is away. `seen`: the hub saw it go; else it went before `since`. `events`: the newest first."""

    since: Instant
    seen: bool
    measured: SampleOf | None = None
    events: list[EventOf]


class CheckOf(BaseModel):
    """One line of its health. `good` absent: nobody knows."""

    good: bool | None = None
    message: Message


class HealthOf(BaseModel):
    """How a node does. `checks`: what is wrong first; `samples`: oldest first, thinned; `last`: where it is away."""

    node: str
    online: bool
    checks: list[CheckOf]
    samples: list[SampleOf] = Field(description=f"Of {HOURS} hours at most")
    last: LastWords | None = None


class FindingOf(BaseModel):
    """What was found of one part. `id`: which one, where there are several."""

    part: str
    id: str | None = None
    state: FindingState
    code: str | None = None
    message: Message


class Examined(BaseModel):
    """The examination that was asked for last. `cut`: the node began anew meanwhile. `findings`: when it is done."""

    node: str
    state: Literal["never", "examining", "done", "cut"]
    began: Instant | None = None
    ended: Instant | None = None
    by: str | None = None
    part: str | None = Field(default=None, description="What is being examined now")
    done: int = 0
    parts: int = Field(default=0, description="How many examinations there are")
    findings: list[FindingOf] = Field(default_factory=list)


@routes.get("/nodes/{commune}/{node}/health", response_model=HealthOf, responses=NOT_FOUND)
@needs(at_node(Right.SEE))
async def node_health(hub: Hub, commune: Commune, node: NodeName) -> Response:
    """What it measured in the last days, what is wrong with it; of one that is away what it said last."""
    known = found(hub, commune, node)
    kept = await history(hub.store, known.address, hub.clock.now())
    account = hub.more.shown.ledger.accounts.get(known.address)
    lines = {
        lang: checkup(known, account.sample if account else None, kept.tested, _speaker(hub, known, lang))
        for lang in get_args(Language)
    }
    checks = [
        CheckOf(good=vi.good, message=Message(vi=vi.text, en=en.text))
        for vi, en in zip(lines["vi"], lines["en"], strict=True)
    ]
    samples = [SampleOf(at=sample.at, values=sample.values) for sample in kept.samples]
    last = _last(hub, known, kept)
    return reply(HealthOf(node=known.address, online=is_there(hub, known), checks=checks, samples=samples, last=last))


@routes.get("/nodes/{commune}/{node}/doctor", response_model=Examined, responses=NOT_FOUND)
@needs(at_node(Right.SEE))
async def node_doctor(hub: Hub, commune: Commune, node: NodeName) -> Response:
    """What its last examination found; `POST .../examine` asks for another."""
    known = found(hub, commune, node)
    state = known.states.get(("doctor", EXAMINATION))
    told = state if isinstance(state, DoctorState) else None
    stands = stands_at(known, told)
    if told is None:
        return reply(Examined(node=known.address, state=stands))
    findings = [
        FindingOf(part=f.part, id=f.id, state=f.state, code=f.code, message=Message(vi=f.vi, en=f.en))
        for f in (told.findings if stands == "done" else ())
    ]
    took: dict[str, Any] = {"began": iso(told.began), "ended": iso(told.ended) if told.ended else None}
    counts = {"done": told.done, "parts": told.parts, "part": told.part, "by": told.by}
    return reply(Examined(node=known.address, state=stands, findings=findings, **took, **counts))


def _last(hub: Parts, node: Node, kept: History) -> LastWords | None:
    if node.offline is None:
        return None
    sample, events = kept.last(node.offline)
    measured = SampleOf(at=sample.at, values=sample.values) if sample else None
    told = [_event(hub, node, event) for event in events]
    return LastWords(since=node.offline.at, seen=node.offline.seen, measured=measured, events=told)


def _event(hub: Parts, node: Node, event: Event) -> EventOf:
    names = names_of(node)
    said = {lang: _speaker(hub, node, lang).event(event, names) for lang in get_args(Language)}
    return EventOf(at=event.at, type=event.type, about=event.about, message=Message(**said))


def _speaker(hub: Parts, node: Node, language: Language) -> Speaker:
    return Speaker(language, node_zone(node, hub.zone), hub.clock.now())

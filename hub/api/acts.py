"""What makes nodes do something. Answered when the node has answered, with what really happened."""

from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import (
    Args,
    ArmRule,
    ResetInterlock,
    Speak,
    StopSpeaker,
    SwitchOverride,
    SwitchRelease,
)
from edge_agent.contract.health import ExamineNode
from hub.api.errors import ApiError, Error, of_fault, refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, Parts, found, needs, reply, router
from hub.api.texts import CLEANED, Moment
from hub.commands import Outcome
from hub.people.acting import person
from hub.people.door import at_commune, at_node
from hub.people.rights import Place, Right
from hub.things.campaigns import AWAY, nodes_with
from hub.things.undo import before_act

Asked = TypeVar("Asked", bound=BaseModel)

ANSWER_S = 6.0
"""How long a program waits; afterwards the node refuses the command, so it never acts unexpectedly."""
SPEAK_S = 10.0
LATEST = timedelta(days=1)
"""What is to be heard later is a bulletin: it stands in the calendar, and can be cancelled."""
STATUS = {"done": 200, "accepted": 202, "rejected": 409, "failed": 409, "silent": 504, "unsent": 503}

routes = router("acts")


class Done(BaseModel):
    """What the node did."""

    node: str
    state: str = Field(description="done: as the node saw it; accepted: on its disk, not yet reported as done")
    result: JsonObject = Field(default_factory=dict, description="What it tells of the thing")
    undo: str | None = Field(default=None, description="For `POST /undo/{undo}`, for a minute; absent: nothing to undo")
    emergency: str | None = Field(default=None, description="Id of what was sounded, for `GET /air/emergency/{id}`")


class Answer(BaseModel):
    """Of one node to a command for many."""

    state: str
    result: JsonObject = Field(default_factory=dict)
    error: Error | None = None


class ManyDone(BaseModel):
    """What became of a command to a commune."""

    done: int
    all: int
    nodes: dict[str, Answer]
    undo: str | None = Field(default=None, description="For `POST /undo/{undo}`, for a minute; absent: nothing to undo")


class SpeakNow(Speak):
    """Speak a sentence now, or within the next day."""

    text: Annotated[str, CLEANED] = Field(min_length=1, max_length=5000)
    at: Moment | None = Field(
        default=None, description="When it is heard, for nodes that shall begin together; absent or past: now"
    )


ONE: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    202: {"model": Done, "description": "On the node's disk, not yet reported as done"},
    409: {"model": Error, "description": "The node refused, or did only a part: `state`, `result`"},
    504: {"model": Error, "description": "No answer: it may or may not have been done"},
}
MANY: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    207: {"model": ManyDone, "description": "Not all of them have done it"},
}


@routes.post("/nodes/{commune}/{node}/switch", response_model=Done, responses=ONE)
@needs(at_node(Right.SWITCH))
async def switch(hub: Hub, commune: Commune, node: NodeName, args: SwitchOverride) -> Response:
    """Set a light, a pump, a group, or `lights`; for a time or until an instant."""
    return await to_one(hub, commune, node, args, "light.switch", args.thing)


@routes.post("/nodes/{commune}/{node}/release", response_model=Done, responses=ONE)
@needs(at_node(Right.SWITCH))
async def release(hub: Hub, commune: Commune, node: NodeName, args: SwitchRelease) -> Response:
    """Back to rules and programme."""
    return await to_one(hub, commune, node, args, "light.release", args.thing)


@routes.post("/nodes/{commune}/{node}/reset", response_model=Done, responses=ONE)
@needs(at_node(Right.SWITCH))
async def reset(hub: Hub, commune: Commune, node: NodeName, args: ResetInterlock) -> Response:
    """Let go an interlock that stays until somebody has looked."""
    return await to_one(hub, commune, node, args, "light.reset", args.thing)


@routes.post("/nodes/{commune}/{node}/arm", response_model=Done, responses=ONE)
@needs(at_node(Right.SWITCH))
async def arm(hub: Hub, commune: Commune, node: NodeName, args: ArmRule) -> Response:
    """Let a rule act, or only watch."""
    return await to_one(hub, commune, node, args, "rule.arm", args.rule)


@routes.post("/nodes/{commune}/{node}/speak", response_model=Done, responses=ONE)
@needs(at_node(Right.SPEAK))
async def speak(hub: Hub, commune: Commune, node: NodeName, args: SpeakNow) -> Response:
    """Speak a sentence now. An emergency takes two steps: `POST .../emergency`."""
    if args.class_ == "emergency":
        if not hub.areas.may(person(), Right.EMERGENCY, f"{commune}/{node}"):
            raise refused(403, "api.no_emergency", "body.class")
        raise refused(422, "api.emergency_steps", "body.class", path=f"/api/v1/nodes/{commune}/{node}/emergency")
    if args.at is not None and args.at > hub.clock.now() + LATEST:
        raise refused(422, "api.speak_later", "body.at")
    said = Speak.model_validate(args.model_dump(by_alias=True))
    return await to_one(hub, commune, node, said, "speak", said.text[:200])


@routes.post("/nodes/{commune}/{node}/stop", response_model=Done, responses=ONE)
@needs(at_node(Right.SPEAK))
async def stop(hub: Hub, commune: Commune, node: NodeName, args: StopSpeaker) -> Response:
    """Silence a speaker: what plays is cut short, what waits is dropped."""
    return await to_one(hub, commune, node, args, "speaker.stop", args.speaker or "")


@routes.post("/nodes/{commune}/{node}/examine", response_model=Done, responses=ONE)
@needs(at_node(Right.INSTALL))
async def examine(hub: Hub, commune: Commune, node: NodeName) -> Response:
    """Have all its parts examined; what it finds comes as the state `doctor`. 409 where the node is too old."""
    if found(hub, commune, node).is_older:
        raise refused(409, "doctor.too_old", "path.node")
    return await to_one(hub, commune, node, ExamineNode(), "", "")


@routes.post("/communes/{commune}/switch", response_model=ManyDone, responses=MANY)
@needs(at_commune(Right.SWITCH))
async def switch_many(hub: Hub, commune: Commune, args: SwitchOverride) -> Response:
    """One signed command to all nodes of the commune that have the thing."""
    return await many(hub, commune, args, "light.switch")


@routes.post("/communes/{commune}/release", response_model=ManyDone, responses=MANY)
@needs(at_commune(Right.SWITCH))
async def release_many(hub: Hub, commune: Commune, args: SwitchRelease) -> Response:
    """All of them back to rules and programme."""
    return await many(hub, commune, args, "light.release")


async def to_one(hub: Parts, commune: str, node: str, args: Args, act: str, what: str) -> Response:
    """One command to one node. `act`: its line in the audit log beside that of its outcome; empty: none.

    Raises ApiError for what did not succeed.
    """
    address = found(hub, commune, node).address
    later = isinstance(args, Speak | ExamineNode)
    outcome, steps = AWAY, before_act(found(hub, commune, node), args)
    if hub.registry.is_online(address):
        if act:
            hub.audit.note(act, address, what)
        limit = SPEAK_S if later else ANSWER_S
        outcome = await hub.commands.send(address, args, limit=limit, life=limit, accepted_is_enough=later)
    if STATUS[outcome.state] >= 400:
        return done(outcome, address)
    return done(outcome, address, undo=hub.more.things.undos.keep(steps) or None)


def done(outcome: Outcome, address: str, **more: str | None) -> Response:
    """What one node did. `more`: further fields of `Done`. Raises ApiError for what did not succeed."""
    status = STATUS[outcome.state]
    if status >= 400:
        raise ApiError(status, error_of(outcome, address))
    told = Done.model_validate({"node": address, "state": outcome.state, "result": outcome.result, **more})
    return reply(told, status)


async def many(
    hub: Parts, commune: str, args: SwitchOverride | SwitchRelease, act: str, name: str = "", area: str | None = None
) -> Response:
    """One command to a commune or an area of it (empty: to what stands in none); see `Campaigns.run`."""
    hub.audit.note(act, str(Place(commune, area or "")), args.thing)
    having = nodes_with(hub.registry, commune, args.thing, name, area)
    steps = [step for node in having if node.online for step in before_act(node, args)]
    campaign = await hub.campaigns.run(commune, args, name, area)
    if not campaign.nodes:
        raise refused(404, "api.no_such_thing", "body.thing", thing=args.thing)
    told = {address: answer_of(outcome, address) for address, outcome in campaign.outcomes.items()}
    status = 200 if campaign.done == len(campaign.nodes) else 207
    undo = hub.more.things.undos.keep(steps) if campaign.done else ""
    return reply(ManyDone(done=campaign.done, all=len(campaign.nodes), nodes=told, undo=undo or None), status)


def answer_of(outcome: Outcome, address: str) -> Answer:
    """What became of it at one of many nodes."""
    bad = STATUS[outcome.state] >= 400
    return Answer(state=outcome.state, result=outcome.result, error=error_of(outcome, address) if bad else None)


def error_of(outcome: Outcome, address: str) -> Error:
    """Why a node did not do it."""
    more = {"state": outcome.state, "result": outcome.result or None}
    if outcome.fault is not None:
        return of_fault(outcome.fault, address, **more)
    key = "api.silent" if outcome.state == "silent" else "outcome.unsent"
    return refused(504, key).error.model_copy(update={"where": address, **more})

"""What becomes of a bulletin by people's rights: planned, taken back, approved, sent back; its story and its proof.

A token acts with its own rights: it signs only where somebody gave it `approve`, and never what it wrote itself.
"""

from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import JsonObject
from edge_agent.contract.bulletins import Recurrence
from hub.api import planning
from hub.api.bulletins import CONFLICT, BulletinWhole, Id, Place, Seen, desk_of, not_now, visible, whole
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, Parts, needs, reply, router
from hub.api.texts import Moment
from hub.bulletins import machine
from hub.bulletins.acts import LONGEST_WORD, Form, changing
from hub.bulletins.machine import Act, NotNow
from hub.bulletins.model import Schedule, State, Step, Targets
from hub.bulletins.scope import Scope
from hub.people.acting import person
from hub.people.door import somewhere
from hub.people.rights import Right

routes = router("bulletins")
BOTH: dict[int | str, dict[str, Any]] = {**NOT_FOUND, **CONFLICT}


class Signing(Seen):
    """`sure`: takes to be true for an emergency; `unheard`: sign it although no sound could be made of it."""

    sure: bool = False
    unheard: bool = False


class Returning(Seen):
    """Why it goes back."""

    word: str = Field(min_length=1, max_length=LONGEST_WORD, pattern=r"\S")


class Planning(Seen):
    """When and where it is heard."""

    places: tuple[Place, ...] = Field(default=(), max_length=100)
    at: Moment
    recurrence: Recurrence | None = None


class Story(BaseModel):
    """What became of it, the oldest first. `on_nodes`: the number of the version that nodes have."""

    id: str
    number: int
    state: State
    steps: list[Step]
    on_nodes: int | None = None


class AtNode(BaseModel):
    """How far it has come at a node. `seen`: its own last word; `wanted`, `taken`: numbers of versions, 0: none."""

    node: str
    state: str
    wanted: int
    taken: int
    seen: JsonObject | None = None


@routes.put("/bulletins/{id}/plan", response_model=BulletinWhole, responses=BOTH)
@needs(somewhere(Right.WRITE))
async def plan_bulletin(hub: Hub, id: Id, asked: Planning) -> Response:  # noqa: A002 - as it is called
    """Another time and other places. What was approved waits again, unless who asks may approve it too."""
    bulletin, targets = await visible(hub, id), Targets(places=asked.places)
    scope, who = Scope(hub.areas), person()
    planned = bulletin.model_copy(update={"targets": targets})
    if not scope.may_write(who, bulletin) or not scope.may_write(who, planned):
        raise refused(403, "api.no_place", "body.places")
    schedule = Schedule(at=asked.at, recurrence=asked.recurrence)
    warnings = planning.checked(hub, bulletin, targets, schedule, hand_in=bulletin.state is not State.DRAFT)
    desk = desk_of(hub)
    doing, signs = desk.doing(asked.number), hub.planning.showing.signs(planned, who)
    try:
        made = await desk.change(id, lambda b: machine.plan(b, targets, schedule, doing, signs=signs), Act.PLAN)
    except NotNow as no:
        raise not_now(no) from no
    return reply({**whole(made), "warnings": warnings})


@routes.post("/bulletins/{id}/take-back", response_model=BulletinWhole, responses=BOTH)
@needs(somewhere(Right.WRITE))
async def take_back_bulletin(hub: Hub, id: Id, seen: Seen) -> Response:  # noqa: A002 - as it is called
    """Go on writing what was handed in."""
    return await _act(hub, id, Act.TAKE_BACK, Form({}, seen.number, ""))


@routes.post("/bulletins/{id}/approve", response_model=BulletinWhole, responses=BOTH)
@needs(somewhere(Right.APPROVE))
async def approve_bulletin(hub: Hub, id: Id, asked: Signing) -> Response:  # noqa: A002 - as it is called
    """Sign it: it goes on air as planned."""
    fields = {"do": "emergency" if asked.sure else "", "unheard": "yes" if asked.unheard else ""}
    return await _act(hub, id, Act.APPROVE, Form(fields, asked.number, ""))


@routes.post("/bulletins/{id}/send-back", response_model=BulletinWhole, responses=BOTH)
@needs(somewhere(Right.APPROVE))
async def send_back_bulletin(hub: Hub, id: Id, asked: Returning) -> Response:  # noqa: A002 - as it is called
    """To its author, with a word."""
    return await _act(hub, id, Act.SEND_BACK, Form({}, asked.number, asked.word))


@routes.get("/bulletins/{id}/history", response_model=Story, responses=NOT_FOUND)
@needs(somewhere(Right.WRITE))
async def bulletin_history(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """Who did what with it, and which version nodes have."""
    bulletin = await visible(hub, id)
    on_nodes = bulletin.released.number if bulletin.released else None
    steps = list(bulletin.history)
    return reply(Story(id=id, number=bulletin.number, state=bulletin.state, steps=steps, on_nodes=on_nodes))


@routes.get("/bulletins/{id}/proof", response_model=list[AtNode], responses=NOT_FOUND)
@needs(somewhere(Right.WRITE))
async def bulletin_proof(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """Node by node what has it, and whether it was heard."""
    await visible(hub, id)
    rows = await hub.planning.dispatch.past(id)
    seen = [row for row in rows if hub.areas.may(person(), Right.SEE, row.address)]
    return reply(
        [
            AtNode(
                node=row.address,
                state=hub.planning.showing.standing(row),
                wanted=row.wanted,
                taken=row.taken,
                seen=row.seen.model_dump(mode="json", by_alias=True, exclude_none=True) if row.seen else None,
            ).model_dump(mode="json", exclude_none=True)
            for row in seen
        ]
    )


async def _act(hub: Parts, id_: str, act: Act, form: Form) -> Response:
    await visible(hub, id_)
    change = changing(desk_of(hub), hub.planning.showing, hub.planning.approval, act, form)
    try:
        return reply(whole(await desk_of(hub).change(id_, change, act)))
    except NotNow as no:
        if no.key == "bulletins.no_right":
            raise refused(403, no.key, "path.id") from no
        raise not_now(no) from no

"""Through cameras: all there are, the picture of now and of an instant, what everybody may see, who looked."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from edge_agent.contract.base import Instant, Strict, iso
from edge_agent.contract.reports import CameraState
from hub.api.acts import ONE, STATUS, error_of
from hub.api.errors import ApiError, refused
from hub.api.parts import NOT_FOUND, Commune, Hub, Limit, NodeName, Parts, needs, reply, router
from hub.api.seeing import BASE, WATCH, Camera, has, likely
from hub.api.texts import CLEANED, Moment
from hub.cameras.lookback_rows import instant, millis
from hub.cameras.overview import HOURS, moved_since
from hub.cameras.page import SHORTEST_REASON
from hub.cameras.public import LONGEST_REASON
from hub.node import Node
from hub.people.acting import person
from hub.people.door import at_node, somewhere
from hub.people.rights import Right
from hub.pictures import Picture
from hub.things.campaigns import AWAY

routes = router("cameras")

PICTURE: dict[int | str, dict[str, Any]] = {
    **ONE,
    200: {"content": {"image/jpeg": {}}, "description": "The picture; `Picture-At`: its instant, where it is told"},
}


class MotionLately(BaseModel):
    """Of the last hours. `last`: when something moved last."""

    hours: int
    count: int
    last: Instant | None = None


class CameraOf(BaseModel):
    """A camera. `watching`: how many look live now; `public`: everybody may see a slow picture of it."""

    id: str = Field(description="`after` of the next page", examples=["26734/tram-bom/cong"])
    node: str
    camera: str
    name: str
    area: str
    online: bool
    public: bool
    watching: int
    motion: MotionLately
    state: CameraState | None = None


class CameraList(BaseModel):
    """A page of cameras, by id."""

    items: list[CameraOf]
    next: str | None = Field(default=None, description="`after` of the next page; absent: that was all")


class Reason(Strict):
    """Why everybody may see it."""

    reason: Annotated[str, CLEANED] = Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON)


class PublicOf(BaseModel):
    """Since when everybody may see it, by whom and why."""

    at: Instant
    by: str
    reason: str


class LookOf(BaseModel):
    """Somebody looked. `seconds`: how long a live view lasted."""

    at: Instant
    name: str
    what: str = Field(description="watch, still, back, clip or download")
    seconds: float


@routes.get("/cameras", response_model=CameraList)
@needs(somewhere(Right.WATCH))
async def list_cameras(hub: Hub, after: Annotated[str, Query(max_length=200)] = "", limit: Limit = 200) -> Response:
    """The cameras that one may look through."""
    found_: dict[str, tuple[Node, str, str]] = {}
    for node in hub.areas.nodes(person(), Right.WATCH):
        for thing in node.about.capabilities if node.about else ():
            if thing.kind == "camera":
                found_[f"{node.address}/{thing.id}"] = (node, thing.id, thing.name or thing.id)
    ids = sorted(id_ for id_ in found_ if id_ > after)
    here = {id_: found_[id_] for id_ in ids[:limit]}
    since = millis(hub.clock.now() - timedelta(hours=HOURS))
    keys = [(node.address, camera) for node, camera, _ in here.values()]
    moved = await hub.store.read(lambda c: moved_since(c, keys, since))
    items = [_camera(hub, id_, *of, moved.get((of[0].address, of[1]))) for id_, of in here.items()]
    more = {"next": ids[limit - 1]} if len(ids) > limit else {}
    return reply({"items": items, **more})


@routes.get(f"{BASE}/picture", response_class=Response, responses=PICTURE)
@needs(WATCH)
async def picture(hub: Hub, commune: Commune, node: NodeName, camera: Camera) -> Response:
    """A picture of now; who asks stands in the log."""
    known = has(hub, commune, node, camera)
    if not known.online:
        raise ApiError(503, error_of(AWAY, known.address))
    return _jpeg(await hub.more.pictures.latest(known.address, camera), known.address)


@routes.get(f"{BASE}/still", response_class=Response, responses=PICTURE)
@needs(WATCH)
async def still(hub: Hub, commune: Commune, node: NodeName, camera: Camera, at: Moment) -> Response:
    """The recorded picture of an instant."""
    known = has(hub, commune, node, camera)
    likely(at, "query.at")
    hub.more.looks.saw(known.address, camera, "still", taken=iso(at))
    if not known.online:
        raise ApiError(503, error_of(AWAY, known.address))
    return _jpeg(await hub.lookback.still(known.address, camera, at), known.address)


@routes.get(f"{BASE}/events/{{event:path}}/picture", response_class=Response, responses=PICTURE)
@needs(WATCH)
async def event_picture(
    hub: Hub,
    commune: Commune,
    node: NodeName,
    camera: Camera,
    event: Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")],
) -> Response:
    """What moved, marked in the picture; `event` is an `id` of `moved` in `recordings`."""
    known = has(hub, commune, node, camera)
    made = await hub.lookback.event_picture(known.address, camera, event, online=known.online)
    return _jpeg(made, known.address)


def _may_mark(hub: Hub, commune: Commune, node: NodeName) -> None:
    """Looked at before the body is. Raises ApiError."""
    if not hub.areas.may(person(), Right.ANSWER, f"{commune}/{node}"):
        raise refused(403, "api.not_here", "path.node")


@routes.put(f"{BASE}/public", response_model=PublicOf, responses=NOT_FOUND, dependencies=[Depends(_may_mark)])
@needs(WATCH)
async def make_public(hub: Hub, commune: Commune, node: NodeName, camera: Camera, asked: Reason) -> Response:
    """Let everybody see a slow picture of it; takes `answer` here too."""
    known = has(hub, commune, node, camera)
    await hub.more.public.mark(known.address, camera, asked.reason)
    marked = hub.more.public.get(known.address, camera)
    if marked is None:
        raise refused(404, "page.not_found", "path.camera")
    return reply(PublicOf(at=marked.at, by=marked.name, reason=marked.reason))


@routes.delete(f"{BASE}/public", status_code=204, responses=NOT_FOUND, dependencies=[Depends(_may_mark)])
@needs(WATCH)
async def make_private(hub: Hub, commune: Commune, node: NodeName, camera: Camera) -> Response:
    """Nobody else may see it any more; takes `answer` here too."""
    known = has(hub, commune, node, camera)
    await hub.more.public.unmark(known.address, camera)
    return Response(status_code=204)


@routes.get(f"{BASE}/looks", response_model=list[LookOf], responses=NOT_FOUND)
@needs(at_node(Right.ADMINISTER))
async def looks(hub: Hub, commune: Commune, node: NodeName, camera: Camera, limit: Limit = 30) -> Response:
    """Who looked, the newest first; for administrators who are signed in."""
    known = has(hub, commune, node, camera)
    last = await hub.more.looks.last(known.address, camera, limit)
    return reply([{"at": iso(one.at), "name": one.name, "what": one.what, "seconds": one.seconds} for one in last])


def _jpeg(made: Picture, address: str) -> Response:
    if made.medium is None:
        outcome = made.outcome or AWAY
        if STATUS[outcome.state] < 400:
            raise refused(404, "camera.no_picture", address)
        raise ApiError(STATUS[outcome.state], error_of(outcome, address))
    headers = {"Picture-At": made.at} if made.at.isascii() and made.at.isprintable() and made.at else {}
    return FileResponse(made.medium.path, media_type="image/jpeg", headers={**headers, "Cache-Control": "no-store"})


def _camera(hub: Parts, id_: str, node: Node, camera: str, name: str, moved: tuple[int, int] | None) -> dict[str, Any]:
    state = node.states.get(("camera", camera))
    count, last = moved or (0, 0)
    told = CameraOf(
        id=id_,
        node=node.address,
        camera=camera,
        name=name,
        area=node.area,
        online=node.online,
        public=hub.more.public.is_public(node.address, camera),
        watching=len(hub.more.watching.who(node.address, camera)),
        motion=MotionLately(hours=HOURS, count=count, last=instant(last) if count else None),
        state=state if isinstance(state, CameraState) else None,
    )
    return told.model_dump(mode="json", exclude_none=True, by_alias=True)

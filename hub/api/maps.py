"""The map of a commune: where its nodes say they stand, and the picture that an administrator laid below it."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import NAME_PATTERN, Instant, Strict
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Commune, Hub, Parts, brings, is_there, needs, reply, router
from hub.forms import FormError
from hub.node import Node
from hub.nodes.drawing import Fit, Pin
from hub.nodes.grounds import PINS, Ground, NoPicture
from hub.people.door import at_commune, somewhere
from hub.people.rights import Right

routes = router("map")
ADMINISTER = at_commune(Right.ADMINISTER)
Which = Annotated[str, Query(pattern=NAME_PATTERN, description="A commune's code")]


class PinOf(Strict):
    """A point of the picture, in pixels from its upper left corner, and where that is (WGS 84, degrees).

    `node`: an address, whose own position it is then.
    """

    x: float = Field(ge=0, le=1e5)
    y: float = Field(ge=0, le=1e5)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    node: str = Field(default="", max_length=100)


class Pins(Strict):
    """Three points lay the picture on the ground; fewer, or none: it is not laid yet."""

    pins: list[PinOf] = Field(max_length=PINS)


class GroundOf(BaseModel):
    """The picture. `fitted`: nodes can be drawn on it."""

    width: int
    height: int
    pins: list[PinOf]
    fitted: bool
    changed: Instant


class Standing(BaseModel):
    """A node on the map. `x`, `y`: pixels of the picture, where it is fitted."""

    node: str
    name: str
    online: bool
    latitude: float | None = None
    longitude: float | None = None
    x: float | None = None
    y: float | None = None


class MapOf(BaseModel):
    """Of nodes without a position only the name is told. `picture` absent: there is none."""

    commune: str
    nodes: list[Standing]
    picture: GroundOf | None = None


@routes.get("/map", response_model=MapOf, responses=NOT_FOUND)
@needs(somewhere(Right.SEE))
async def map_of(hub: Hub, commune: Which) -> Response:
    """Where the nodes of a commune say they stand, and how its picture lies on the ground."""
    if commune not in hub.more.mapping.communes():
        raise refused(404, "page.not_found", "query.commune")
    return reply(await _map(hub, commune))


@routes.get(
    "/map/picture",
    response_class=Response,
    responses={**NOT_FOUND, 200: {"content": {"image/jpeg": {}}, "description": "The picture of the commune"}},
)
@needs(somewhere(Right.SEE))
async def map_picture(hub: Hub, commune: Which) -> Response:
    """The picture below the map."""
    picture = await hub.more.mapping.picture(commune)
    if picture is None:
        raise refused(404, "page.not_found", "query.commune")
    return Response(picture, media_type="image/jpeg")


@routes.put(
    "/map/{commune}/picture", response_model=MapOf, openapi_extra=brings("image/jpeg", "image/png", "image/webp")
)
@needs(ADMINISTER)
async def put_picture(request: Request, hub: Hub, commune: Commune) -> Response:
    """Lay another picture below it, of 25 MB at most; its points begin anew. For administrators who are signed in."""
    try:
        await hub.more.mapping.put(commune, await request.body())
    except NoPicture as error:
        raise refused(422, "node.map_no_picture", "body") from error
    return reply(await _map(hub, commune))


@routes.delete("/map/{commune}/picture", status_code=204)
@needs(ADMINISTER)
async def remove_picture(hub: Hub, commune: Commune) -> Response:
    """Draw a sketch again."""
    await hub.more.mapping.remove(commune)
    return Response(status_code=204)


@routes.put("/map/{commune}/pins", response_model=MapOf)
@needs(ADMINISTER)
async def put_pins(hub: Hub, commune: Commune, asked: Pins) -> Response:
    """Say where three points of the picture are; none: it is to be shown anew."""
    if asked.pins:
        await hub.more.mapping.pins(commune, tuple(_pin(hub, pin) for pin in asked.pins))
    else:
        await hub.more.mapping.unpin(commune)
    return reply(await _map(hub, commune))


async def _map(hub: Parts, commune: str) -> MapOf:
    ground = await hub.more.mapping.ground(commune)
    fit = ground.fit if ground else None
    nodes = [_standing(hub, node, fit) for node in hub.more.mapping.nodes(commune)]
    return MapOf(commune=commune, nodes=nodes, picture=_ground(ground) if ground else None)


def _standing(hub: Parts, node: Node, fit: Fit | None) -> Standing:
    place = node.about.position if node.about else None
    told = Standing(node=node.address, name=node.title, online=is_there(hub, node))
    if place is None:
        return told
    x, y = fit.at(place) if fit else (None, None)
    return told.model_copy(update={"latitude": place.latitude, "longitude": place.longitude, "x": x, "y": y})


def _ground(ground: Ground) -> GroundOf:
    pins = [PinOf(x=p.x, y=p.y, latitude=p.latitude, longitude=p.longitude) for p in ground.pins]
    return GroundOf.model_validate(
        {
            "width": ground.width,
            "height": ground.height,
            "pins": pins,
            "fitted": ground.fit is not None,
            "changed": ground.changed,
        }
    )


def _pin(hub: Parts, asked: PinOf) -> Pin:
    """Raises FormError where nobody knows where it is."""
    if asked.node:
        at = hub.more.mapping.position(asked.node)
    else:
        at = None if asked.latitude is None or asked.longitude is None else (asked.latitude, asked.longitude)
    if at is None:
        raise FormError("node.map_no_place")
    return Pin(asked.x, asked.y, *at)

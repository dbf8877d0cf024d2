"""What cameras recorded and saw. Pictures and clips themselves are fetched by people, on the pages."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import NAME_PATTERN, Instant, iso
from edge_agent.contract.watching import LONGEST_LOOK, Moved, Recorded
from hub.api.errors import Error, refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, found, needs, reply, router
from hub.api.texts import Moment
from hub.cameras.lookback_asking import as_json
from hub.people.acting import person
from hub.people.door import at_node
from hub.people.rights import Right
from hub.views import node_zone

routes = router("cameras")


class Recordings(BaseModel):
    """A span of a camera. `source`: just asked of the node, what it said before, or only what the hub noted."""

    node: str
    camera: str
    online: bool
    source: Literal["node", "before", "hub"]
    timezone: str
    recorded: list[Recorded] = Field(default_factory=list)
    moved: list[Moved] = Field(default_factory=list)
    asked: Instant | None = None
    oldest: Instant | None = None
    fault: Error | None = Field(default=None, description="Why the node gave no answer")


@routes.get("/nodes/{commune}/{node}/cameras/{camera}/recordings", response_model=Recordings, responses=NOT_FOUND)
@needs(at_node(Right.WATCH))
async def recordings(
    hub: Hub,
    commune: Commune,
    node: NodeName,
    camera: Annotated[str, Path(pattern=NAME_PATTERN)],
    begin: Annotated[Moment, Query(description="ISO 8601 with offset")],
    end: Annotated[Moment, Query(description="Two days later at most")],
) -> Response:
    """Video and motion events between two instants; each look is noted in the audit log."""
    known = found(hub, commune, node)
    things = {c.id for c in (known.about.capabilities if known.about else ()) if c.kind == "camera"}
    if camera not in things and ("camera", camera) not in known.states:
        raise refused(404, "page.not_found", "path.camera")
    if not timedelta() < end - begin <= LONGEST_LOOK:
        raise refused(422, "camera.lookback_bad_time", "query.end")
    hub.audit.note("camera.recordings", known.address, camera, who=person(), begin=iso(begin), end=iso(end))
    told = await hub.lookback.recordings(known.address, camera, begin, end, online=known.online)
    fault = told.outcome.fault if told.outcome else None
    why = {"fault": {"code": fault.code, "message": {"vi": fault.vi, "en": fault.en}}} if fault else {}
    zone = node_zone(known, hub.zone).key
    return reply({**as_json(told, zone), "node": known.address, "camera": camera, "online": known.online, **why})

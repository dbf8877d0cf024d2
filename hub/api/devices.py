"""The devices on which people are signed in; everybody signs out their own."""

from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, needs, reply, router
from hub.people.acting import person
from hub.people.door import SIGNED_IN, session_of
from hub.people.sessions import Session

routes = router("people")
Id = Annotated[str, Path(max_length=100)]


class SessionOf(BaseModel):
    """A device on which somebody is signed in."""

    device: str = Field(description="Names it for `DELETE /me/sessions/{device}`")
    name: str
    began: Instant
    seen: Instant
    this: bool = Field(default=False, description="By which the request came")


@routes.get("/me/sessions", response_model=list[SessionOf])
@needs(SIGNED_IN)
async def own_sessions(request: Request, hub: Hub) -> Response:
    """Where one is signed in; of a program none."""
    this = session_of(request)
    return reply([session(s, this) for s in hub.more.house.sessions.of(person().id)])


@routes.delete("/me/sessions/{device}", status_code=204, responses=NOT_FOUND)
@needs(SIGNED_IN)
async def end_session(hub: Hub, device: Id) -> Response:
    """Sign out on one of one's own devices."""
    sessions = hub.more.house.sessions
    ended = [s for s in sessions.of(person().id) if device_of(s) == device]
    if not ended:
        raise refused(404, "api.no_session", "path.device")
    hub.audit.note("person.sessions", number=len(ended))
    await sessions.end(*ended)
    return Response(status_code=204)


@routes.delete("/me/sessions", status_code=204)
@needs(SIGNED_IN)
async def end_other_sessions(request: Request, hub: Hub) -> Response:
    """Sign out on all one's own devices but this."""
    this, sessions = session_of(request), hub.more.house.sessions
    ended = [s for s in sessions.of(person().id) if this is None or s.hash != this.hash]
    hub.audit.note("person.sessions", number=len(ended))
    await sessions.end(*ended)
    return Response(status_code=204)


def session(one: Session, this: Session | None) -> dict[str, Any]:
    """As `SessionOf`. `this`: the one by which the request came."""
    told = SessionOf(
        device=device_of(one),
        name=one.device,
        began=one.began,
        seen=one.seen,
        this=this is not None and this.hash == one.hash,
    )
    return told.model_dump(mode="json")


def device_of(one: Session) -> str:
    """Names it, and opens nothing."""
    return one.hash[:16]

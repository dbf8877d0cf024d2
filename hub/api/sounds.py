"""Recordings and music that programs bring, for bulletins."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from edge_agent.contract.segments import Sha256
from hub.api.errors import refused
from hub.api.parts import Hub, brings, needs, reply, router
from hub.api.texts import CLEANED
from hub.forms import FormError
from hub.people.door import somewhere
from hub.people.rights import Right
from hub.writing.sounds import Kind, SoundRefused

routes = router("bulletins")
BUSY = frozenset({"write.sound_busy", "media.full", "media.busy"})
"""What is no fault of the file."""


class SoundOf(BaseModel):
    """A sound as it will be heard: what bulletins are given. `notes`: what is not good of a recording."""

    sha256: Sha256
    bytes: int
    seconds: float
    name: str
    notes: list[str]


@routes.put("/sounds", response_model=SoundOf, openapi_extra=brings("application/octet-stream"))
@needs(somewhere(Right.WRITE))
async def bring_sound(
    request: Request,
    hub: Hub,
    kind: Annotated[Kind, Query(description="A voice is cleaned of noise and levelled")] = "voice",
    name: Annotated[str, CLEANED, Query(max_length=120, description="What it is called")] = "",
) -> Response:
    """Bring a sound file, half an hour and 64 MB at most; kept an hour, and as long as a bulletin needs it.

    `Content-Type`: `audio/...` or `application/octet-stream`; WAV, MP3, Ogg, FLAC, WebM.
    """
    writing = hub.more.writing
    try:
        async with writing.receiver.raw(request, name) as upload:
            sound = await writing.sounds.take(upload.path, kind, upload.name)
    except (SoundRefused, FormError) as error:
        params = {key: value if isinstance(value, int | float) else str(value) for key, value in error.params.items()}
        raise refused(503 if error.key in BUSY else 422, error.key, "body", **params) from error
    hub.audit.note("sound.bring", what=sound.name, sha256=sound.sha256, use=kind)
    told = {name: getattr(sound, name) for name in ("sha256", "bytes", "seconds", "name")}
    return reply(SoundOf(**told, notes=list(sound.notes)))

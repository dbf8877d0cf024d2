"""Clips that nodes cut of what they recorded, and what they keep of it."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from edge_agent.contract.base import Instant, Strict, iso
from edge_agent.contract.watching import LONGEST_CLIP, KeepRecording
from hub.api.acts import ONE, STATUS, Done, error_of
from hub.api.errors import ApiError, Error, refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, Parts, needs, reply, router
from hub.api.seeing import BASE, WATCH, Camera, has, likely
from hub.api.texts import Moment
from hub.cameras.lookback import KEEP_S
from hub.cameras.lookback_clips import ClipNow, TooMany
from hub.node import Node
from hub.things.campaigns import AWAY

routes = router("cameras")

ClipId = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]
_VIDEO: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    200: {"content": {"video/mp4": {}}, "description": "The clip; ranges may be asked for"},
}


class SpanOf(Strict):
    """From an instant to another, ISO 8601 with offset."""

    begin: Moment
    end: Moment


class KeepOf(SpanOf):
    """`keep` false: only as long as everything else."""

    keep: bool = True


class Clip(BaseModel):
    """A clip, and how far it is. `here`: bytes of `bytes` that have come; `gone`: ask again."""

    id: str
    stage: Literal["cutting", "waiting", "sending", "here", "failed", "gone"]
    begin: Instant
    end: Instant
    asked: Instant
    here: int
    bytes: int
    gap_s: float = Field(description="Seconds within that were not recorded")
    sha256: str = ""
    fault: Error | None = None


@routes.get(f"{BASE}/clips", response_model=list[Clip], responses=NOT_FOUND)
@needs(WATCH)
async def list_clips(hub: Hub, commune: Commune, node: NodeName, camera: Camera) -> Response:
    """Those that were asked for last, the newest first."""
    known = has(hub, commune, node, camera)
    return reply([_clip(now) for now in await hub.more.lookback.clips.of_camera(known.address, camera)])


@routes.post(f"{BASE}/clips", response_model=Clip, status_code=202, responses=NOT_FOUND)
@needs(WATCH)
async def ask_clip(hub: Hub, commune: Commune, node: NodeName, camera: Camera, asked: SpanOf) -> Response:
    """Have a clip cut, of an hour at most; the same span is the same clip, however often it is asked for."""
    known = has(hub, commune, node, camera)
    _span(asked)
    if asked.end - asked.begin > LONGEST_CLIP:
        raise refused(422, "camera.lookback_long", "body.end")
    hub.more.looks.saw(known.address, camera, "clip", begin=iso(asked.begin), end=iso(asked.end))
    if not known.online:
        raise refused(503, "camera.lookback_offline", known.address)
    try:
        now = await hub.more.lookback.clips.ask(known.address, camera, asked.begin, asked.end)
    except TooMany as error:
        raise refused(503, "camera.lookback_busy") from error
    return reply(_clip(now), 202)


@routes.get(f"{BASE}/clips/{{clip}}", response_model=Clip, responses=NOT_FOUND)
@needs(WATCH)
async def one_clip(hub: Hub, commune: Commune, node: NodeName, camera: Camera, clip: ClipId) -> Response:
    """How far it is."""
    return reply(_clip(await _known_clip(hub, has(hub, commune, node, camera), camera, clip)))


@routes.get(f"{BASE}/clips/{{clip}}/file", response_class=Response, responses=_VIDEO)
@needs(WATCH)
async def clip_file(hub: Hub, commune: Commune, node: NodeName, camera: Camera, clip: ClipId) -> Response:
    """The clip itself, once it is `here`."""
    known = has(hub, commune, node, camera)
    now = await _known_clip(hub, known, camera, clip)
    if now.medium is None:
        raise refused(404, "api.no_clip", "path.clip")
    begin, end = now.clip.begin, now.clip.end
    hub.more.looks.saw(known.address, camera, "download", begin=iso(begin), end=iso(end))
    return FileResponse(now.medium.path, media_type="video/mp4", filename=f"{node}-{camera}-{begin:%Y%m%dT%H%M%S}.mp4")


@routes.post(f"{BASE}/keep", response_model=Done, responses=ONE)
@needs(WATCH)
async def keep(hub: Hub, commune: Commune, node: NodeName, camera: Camera, asked: KeepOf) -> Response:
    """Keep what was recorded whatever its age, or no longer."""
    known = has(hub, commune, node, camera)
    _span(asked)
    args = KeepRecording(camera=camera, begin=asked.begin, end=asked.end, keep=asked.keep)
    outcome = AWAY
    if known.online:
        hub.audit.note(
            "camera.keep", known.address, camera, begin=iso(asked.begin), end=iso(asked.end), keep=asked.keep
        )
        outcome = await hub.commands.send(known.address, args, limit=KEEP_S, life=KEEP_S)
        hub.lookback.forget(known.address, camera)
    if STATUS[outcome.state] >= 400:
        raise ApiError(STATUS[outcome.state], error_of(outcome, known.address))
    return reply(Done(node=known.address, state=outcome.state, result=outcome.result), STATUS[outcome.state])


def _span(asked: SpanOf) -> None:
    likely(asked.begin, "body.begin")
    likely(asked.end, "body.end")
    if asked.end <= asked.begin:
        raise refused(422, "camera.lookback_bad_span", "body.end")


async def _known_clip(hub: Parts, node: Node, camera: str, id_: str) -> ClipNow:
    now = await hub.more.lookback.clips.get(id_)
    if now is None or (now.clip.address, now.clip.camera) != (node.address, camera):
        raise refused(404, "api.no_clip", "path.clip")
    return now


def _clip(now: ClipNow) -> dict[str, Any]:
    clip = now.clip
    fault = clip.fault
    told = {
        "id": clip.id,
        "stage": now.stage,
        "begin": iso(clip.begin),
        "end": iso(clip.end),
        "asked": iso(clip.asked),
        "here": now.here,
        "bytes": clip.bytes,
        "gap_s": clip.gap_s,
        "sha256": clip.sha256,
    }
    why = {"fault": {"code": fault.code, "message": {"vi": fault.vi, "en": fault.en}}} if fault else {}
    return {**told, **why}

"""The node's cameras: each pulled in a process of its own, its state reported, pictures taken on command."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import SecretStr, ValidationError

from camera.client import Camera
from camera.model import CameraConfig, CameraFault, CameraStatus
from edge_agent.clock import Clock
from edge_agent.config.cameras import CameraEntry
from edge_agent.config.secrets import SecretFault, reveal
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import CameraState, VideoState
from edge_agent.contract.watching import TakeSnapshot
from edge_agent.desk.act import Act, Begin
from edge_agent.media import MediaStore
from edge_agent.recorder import Recorder

log = logging.getLogger(__name__)
_PICTURE_LIMIT_S = 8.0


def camera_config(entry: CameraEntry) -> CameraConfig:
    """What the puller gets to know. Raises CameraFault where the secret or a setting is wrong."""
    try:
        password = SecretStr(reveal(entry.password)) if entry.password else None
        return CameraConfig(
            id=entry.id,
            url=entry.url,
            username=entry.username,
            password=password,
            record=entry.record,
            sub_url=entry.sub_url,
            transport=entry.transport,
            timeout_s=entry.timeout_s,
            keep=entry.keep,
            retention=entry.retention,
            motion=entry.motion,
        )
    except SecretFault as fault:
        raise CameraFault("camera.unauthorised", str(fault)) from fault
    except ValidationError as error:
        raise CameraFault("camera.refused", error.errors(include_input=False)[0]["msg"]) from error


class Cameras:
    """All cameras of the node."""

    def __init__(
        self,
        entries: Sequence[CameraEntry],
        recordings: Path,
        clock: Clock,
        recorder: Recorder,
        media: MediaStore,
        *,
        post: Callable[[CameraState], None],
    ) -> None:
        """`post` publishes a camera's state."""
        self._entries = {entry.id: entry for entry in entries}
        self._recordings = recordings
        self._clock = clock
        self._recorder = recorder
        self._media = media
        self._post = post
        self._cameras: dict[str, Camera] = {}
        self._faults: dict[str, str | None] = {}
        self.states: dict[str, CameraState] = {}

    async def start(self) -> None:
        """Start all cameras; one that cannot is told and stops no other."""
        for entry in self._entries.values():
            try:
                config = camera_config(entry)
            except CameraFault as fault:
                self._say(
                    entry.id,
                    CameraState(
                        id=entry.id,
                        at=self._clock.now(),
                        actual="stopped",
                        fault=Fault.of(fault.code, detail=fault.detail),
                    ),
                )
                continue
            camera = Camera(
                config,
                lambda status, name=entry.id: self._take(name, status),  # type: ignore[misc]
                self._recordings,
            )
            self._cameras[entry.id] = await camera.__aenter__()

    async def stop(self) -> None:
        """Stop all camera processes."""
        await asyncio.gather(*(camera.__aexit__(None, None, None) for camera in self._cameras.values()))

    async def snapshot(self, asked: Command, args: TakeSnapshot) -> Act:
        """Handle `camera.snapshot`: the picture goes to the hub's media store, its hash into the answer."""
        camera = self._cameras.get(args.camera)
        if camera is None:
            known = ", ".join(self._entries) or "-"
            raise Refusal("command.unknown_thing", kind="camera", id=args.camera, known=known)

        async def run(_begin: Begin) -> JsonObject:
            try:
                picture = await camera.snapshot(timeout_s=_PICTURE_LIMIT_S)
            except CameraFault as fault:
                raise Refusal(fault.code, detail=fault.detail) from fault
            digest = await self._media.put(picture.jpeg, "image/jpeg")
            return {
                "sha256": digest,
                "at": picture.at.isoformat(timespec="milliseconds"),
                "width": picture.width,
                "height": picture.height,
            }

        return Act(run=run)

    def _take(self, name: str, status: CameraStatus) -> None:
        fault = Fault.of(status.code, detail=status.detail or "") if status.code else None
        self._say(
            name,
            CameraState(
                id=name,
                at=self._clock.now(),
                actual=status.state,
                recording=status.recording,
                main=VideoState(
                    codec=status.main.codec,
                    width=status.main.width,
                    height=status.main.height,
                    fps=round(status.main.fps, 1) if status.main.fps else None,
                    last_frame=status.main.last_frame_at,
                ),
                fault=fault,
            ),
        )

    def _say(self, name: str, state: CameraState) -> None:
        before = self.states.get(name)
        code = state.fault.code if state.fault else None
        if code != self._faults.get(name):
            if state.fault is not None:
                self._recorder.event("fault", f"camera/{name}", code=code, detail=state.fault.params.get("detail"))
            elif state.actual == "streaming":
                self._recorder.event("cleared", f"camera/{name}", code=self._faults.get(name))
            self._faults[name] = code
        self.states[name] = state
        if before is None or _worth_telling(before, state):
            self._post(state)


def _worth_telling(before: CameraState, now: CameraState) -> bool:
    """Frames come many times a second; the state is told when it changes, else every 10 s."""
    changed = _steady(before) != _steady(now)
    return changed or before.at.timestamp() // 10 != now.at.timestamp() // 10


def _steady(state: CameraState) -> CameraState:
    """The state without what changes with every picture."""
    main = state.main.model_copy(update={"last_frame": None, "fps": None})
    return state.model_copy(update={"at": None, "main": main})

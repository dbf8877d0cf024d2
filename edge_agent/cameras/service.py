"""The node's cameras: groups that run, what they tell, and what people ask of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from camera.group import CameraGroup
from camera.model import CameraFault, CameraStatus, Deleted, LivePiece, MotionEvent, Snapshot, Stream
from edge_agent.cameras.clips import Clips
from edge_agent.cameras.entries import group_configs
from edge_agent.cameras.lookback import LookBack
from edge_agent.cameras.motion import Motions
from edge_agent.cameras.places import Places
from edge_agent.cameras.states import TellEvent, Wrong, measures, state_of, worth_telling
from edge_agent.clock import Clock
from edge_agent.config.cameras import CameraEntry, Video
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import CameraState
from edge_agent.contract.watching import CutClip, KeepRecording, ListRecordings, TakeSnapshot
from edge_agent.desk.act import Act, Begin
from edge_agent.media import MediaStore
from edge_agent.media.outgoing import Outgoing
from edge_agent.recorder import Recorder

log = logging.getLogger(__name__)
_PICTURE_LIMIT_S = 8.0
Post = Callable[[CameraState], None]


class Cameras:
    """All cameras of the node; `edge_agent.watching` looks live through them (`watch`, `rest`, `on_piece`)."""

    def __init__(
        self,
        entries: Sequence[CameraEntry],
        video: Video,
        storage: Path,
        clock: Clock,
        recorder: Recorder,
        media: MediaStore,
        outgoing: Outgoing,
        *,
        post: Post,
    ) -> None:
        """`media` takes pictures that somebody waits for, `outgoing` what may take long; `post` publishes a state."""
        self._entries = {entry.id: entry for entry in entries}
        self._folder = video.folder(storage)
        self._disk = video.disk
        self._clock = clock
        self._recorder = recorder
        self._media = media
        self._post = post
        self._groups: dict[str, CameraGroup] = {}
        self._wrong = {entry.id: Wrong(self._tell_fault(entry.id)) for entry in entries}
        self._lookback = LookBack(self._folder, recorder, Places(entries))
        self._clips = Clips(self._folder, video.disk.free_bytes, outgoing, clock, recorder)
        self._motions = Motions(self._lookback.library, recorder, outgoing, entries)
        self._broken: dict[str, CameraFault] = {}
        self.states: dict[str, CameraState] = {}
        self.on_piece: Callable[[LivePiece], None] = lambda _piece: None
        """Gets the pieces of what is watched."""
        self.watched: Callable[[str], int] = lambda _camera: 0
        """How many look at a camera now."""

    async def start(self) -> None:
        """Start all cameras; one that cannot is told and stops no other."""
        configs, broken = group_configs(list(self._entries.values()), self._folder, self._disk)
        self._broken = broken
        for camera, fault in broken.items():
            now = datetime.now(UTC)
            self.status(camera, CameraStatus(state="stopped", since=now, code=fault.code, detail=fault.detail))
        for config in configs:
            group = CameraGroup(config, self)
            await group.__aenter__()
            self._groups.update({camera.id: group for camera in config.cameras})

    async def run(self) -> None:
        """Tell of motion, until cancelled."""
        await self._motions.run()

    async def stop(self) -> None:
        """Stop all camera processes."""
        groups, self._groups = set(self._groups.values()), {}
        await asyncio.gather(*(group.__aexit__(None, None, None) for group in groups))
        await self._motions.finish()

    def values(self) -> dict[str, float]:
        """What telemetry tells of the cameras."""
        told: dict[str, float] = {}
        for camera, group in self._groups.items():
            told.update(measures(camera, group.status(camera)))
        return told

    async def watch(self, camera: str, stream: Stream) -> Stream:
        """Send pieces to `on_piece`; returns the stream really sent. Raises CameraFault."""
        return await self._group(camera).watch(camera, stream)

    async def rest(self, camera: str, stream: Stream) -> None:
        """Send no more. Raises CameraFault."""
        await self._group(camera).rest(camera, stream)

    @property
    def names(self) -> tuple[str, ...]:
        """All cameras of the configuration."""
        return tuple(self._entries)

    async def picture(self, camera: str) -> Snapshot:
        """The picture of now, as it comes. Raises CameraFault."""
        return await self._group(camera).snapshot(camera, timeout_s=_PICTURE_LIMIT_S)

    async def snapshot(self, asked: Command, args: TakeSnapshot) -> Act:
        """Handle `camera.snapshot`: the picture goes to the hub's media store, its hash into the answer."""
        entry = self._entry(args.camera)

        async def run() -> JsonObject:
            picture = await self._picture(entry, args)
            digest = await self._media.put(picture.jpeg, "image/jpeg")
            if args.at is not None or args.event is not None:
                self._tell_look(asked, args, digest, picture)
            return {
                "sha256": digest,
                "at": picture.at.isoformat(timespec="milliseconds"),
                "width": picture.width,
                "height": picture.height,
            }

        return _act(run)

    async def recordings(self, _asked: Command, args: ListRecordings) -> Act:
        """Handle `camera.recordings`."""
        entry = self._entry(args.camera)

        async def run() -> JsonObject:
            found = await self._lookback.recordings(args)
            if not (entry.record or entry.motion or found.recorded or found.moved):
                raise Refusal("camera.not_watching", id=entry.id)
            return found.model_dump(mode="json", exclude_none=True)

        return _act(run)

    async def clip(self, asked: Command, args: CutClip) -> Act:
        """Handle `camera.clip`."""
        self._entry(args.camera)
        return _act(lambda: self._clips.cut(asked, args))

    async def keep(self, asked: Command, args: KeepRecording) -> Act:
        """Handle `camera.keep`."""
        self._entry(args.camera)

        async def run() -> JsonObject:
            await self._lookback.keep(args, asked.by)
            return {"keep": args.keep}

        return _act(run)

    def status(self, camera: str, status: CameraStatus) -> None:
        """`GroupListener`: the newest status of a camera."""
        entry, wrong = self._entries[camera], self._wrong[camera]
        wrong.take(status)
        state = state_of(camera, status, wrong.fault, public=entry.public, watched=self.watched(camera))
        state = state.model_copy(update={"at": self._clock.now()})
        before, self.states[camera] = self.states.get(camera), state
        if before is None or worth_telling(before, state):
            self._post(state)

    def viewers_changed(self, camera: str) -> None:
        """Somebody began or ceased to look live."""
        if (state := self.states.get(camera)) is not None:
            told = state.model_copy(update={"at": self._clock.now(), "watched": self.watched(camera)})
            self.states[camera] = told
            self._post(told)

    def motion(self, event: MotionEvent) -> None:
        """`GroupListener`: something moved."""
        self._motions.take(event)

    def live(self, piece: LivePiece) -> None:
        """`GroupListener`: a piece of what is watched."""
        self.on_piece(piece)

    def deleted(self, deleted: Deleted) -> None:
        """`GroupListener`: video had to go early."""
        self._recorder.event(
            "recording",
            f"camera/{deleted.camera}",
            code="camera.deleted_early",
            begin=iso(deleted.begin),
            end=iso(deleted.end),
            bytes=deleted.bytes,
            mb=round(deleted.bytes / 1e6, 1),
            reason=deleted.reason,
        )

    def _entry(self, camera: str) -> CameraEntry:
        entry = self._entries.get(camera)
        if entry is None:
            known = ", ".join(self._entries) or "-"
            raise Refusal("command.unknown_thing", kind="camera", id=camera, known=known)
        return entry

    def _group(self, camera: str) -> CameraGroup:
        group = self._groups.get(camera)
        if group is None:
            raise self._broken.get(camera) or CameraFault("camera.no_picture", "the camera is not running")
        return group

    async def _picture(self, entry: CameraEntry, args: TakeSnapshot) -> Snapshot:
        """Raises Refusal."""
        if args.event is not None:
            return await self._lookback.event_picture(entry.id, args.event)
        if args.at is not None:
            return await self._lookback.still(entry.id, args.at, entry.motion.masks if entry.motion else ())
        try:
            return await self.picture(entry.id)
        except CameraFault as fault:
            raise Refusal(fault.code, detail=fault.detail) from fault

    def _tell_look(self, asked: Command, args: TakeSnapshot, digest: str, picture: Snapshot) -> None:
        """Who took a picture of the past."""
        self._recorder.event(
            "clip",
            f"camera/{args.camera}",
            state="sent",
            sha256=digest,
            bytes=len(picture.jpeg),
            begin=iso(picture.at),
            id=args.event,
            by=asked.by,
        )

    def _tell_fault(self, camera: str) -> TellEvent:
        def tell(what: Literal["fault", "cleared"], fault: Fault) -> None:
            detail = fault.params.get("detail") if what == "fault" else None
            self._recorder.event(what, f"camera/{camera}", code=fault.code, detail=detail)

        return tell


def _act(work: Callable[[], Awaitable[JsonObject]]) -> Act:
    async def run(_begin: Begin) -> JsonObject:
        return await work()

    return Act(run=run)

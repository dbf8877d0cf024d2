"""Live leases: who looks at which stream until when; pictures leave the node while there is one, and not longer."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from camera.model import CameraFault, LivePiece
from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Refusal
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.watching import VideoStream, WatchCamera
from edge_agent.desk.act import Act, Begin
from edge_agent.recorder import Recorder
from edge_agent.watching.sender import Sender, Uplink

log = logging.getLogger(__name__)
MOST_LEASES = 100
_TICK_S = 0.25
_SILENT_S = 4.0
"""A stream that was asked for and sends nothing is asked for again with the next renewal."""


class Source(Protocol):
    """Where pictures come from: `edge_agent.cameras`. Both raise CameraFault."""

    async def watch(self, camera: str, stream: VideoStream) -> VideoStream:
        """Send pieces (to `WatchService.piece`), from init and the newest key frame on; returns the stream sent."""
        ...

    async def rest(self, camera: str, stream: VideoStream) -> None:
        """Send no more."""
        ...


@dataclass(slots=True)
class _Lease:
    """`asked` and `sent` differ where a camera has no sub stream."""

    camera: str
    asked: VideoStream
    sent: VideoStream
    viewer: str
    by: str
    began_s: float
    until_s: float
    bytes_before: int


class WatchService:
    """Handles `camera.watch`. `run` is to be supervised; `connect` is called once, before it."""

    def __init__(
        self, cameras: Collection[str], topics: NodeTopics, clock: Clock, recorder: Recorder, source: Source
    ) -> None:
        self._cameras = cameras
        self._clock = clock
        self._recorder = recorder
        self._source = source
        self._sender = Sender(topics.live, clock.monotonic)
        self._leases: dict[tuple[str, VideoStream, str], _Lease] = {}
        self._turn = asyncio.Lock()
        self._wanted = asyncio.Event()
        self.on_change: Callable[[str], None] = lambda _camera: None
        """Hears of a camera whose number of viewers changed."""

    def connect(self, uplink: Uplink) -> None:
        """Say where pieces go."""
        self._sender.connect(uplink)

    def piece(self, piece: LivePiece) -> None:
        """Take a piece from a camera's process: it goes out now, or as soon as there is room, or not at all."""
        self._sender.put(piece)

    def watched(self, camera: str) -> int:
        """How many look at a camera now."""
        return sum(lease.camera == camera for lease in self._leases.values())

    async def watch(self, asked: Command, args: WatchCamera) -> Act:
        """Handle `camera.watch`. Raises Refusal."""
        if args.camera not in self._cameras:
            known = ", ".join(self._cameras) or "-"
            raise Refusal("command.unknown_thing", kind="camera", id=args.camera, known=known)

        async def run(_begin: Begin) -> JsonObject:
            async with self._turn:
                sent = await (self._renew(asked.by, args) if args.seconds else self._give_up(asked.by, args))
            return {"stream": sent, "seconds": args.seconds}

        return Act(run=run)

    async def run(self) -> None:
        """End leases that are over, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._clock.sleep(_TICK_S)
            now_s, connected = self._clock.monotonic(), self._sender.connected
            async with self._turn:
                for lease in list(self._leases.values()):
                    if lease.until_s <= now_s or not connected:
                        await self._end(lease)
            if not self._leases:
                self._wanted.clear()

    async def stop(self) -> None:
        """End all leases."""
        async with self._turn:
            for lease in list(self._leases.values()):
                await self._end(lease)
            self._sender.stop()

    async def _renew(self, by: str, args: WatchCamera) -> VideoStream:
        """Begin a lease, or let it go on. Raises Refusal."""
        key = (args.camera, args.stream, args.viewer or by)
        now_s = self._clock.monotonic()
        lease = self._leases.get(key)
        sent = self._sent(args.camera, args.stream)
        if lease is None and len(self._leases) >= MOST_LEASES:
            raise Refusal("camera.too_many_viewers", limit=MOST_LEASES)
        if sent is None or (lease is None and args.fresh) or self._silent(args.camera, sent):
            sent = await self._begin(args.camera, args.stream)
        if lease is None:
            lane = self._sender.open(args.camera, sent)
            lease = _Lease(args.camera, args.stream, sent, key[2], by, now_s, now_s, lane.sent)
            self._leases[key] = lease
            self._tell(lease, "begin")
        lease.until_s = now_s + args.seconds
        self._wanted.set()
        return sent

    async def _begin(self, camera: str, stream: VideoStream) -> VideoStream:
        """Have pictures sent; they may come before the answer. Raises Refusal."""
        before = {each for each in ("main", stream) if self._sender.lane(camera, each) is not None}
        for each in ("main", stream):
            self._sender.open(camera, each)
        sent: VideoStream | None = None
        try:
            sent = await self._source.watch(camera, stream)
        except CameraFault as fault:
            raise Refusal(fault.code, detail=fault.detail) from fault
        finally:
            for each in {"main", stream} - before - {sent}:
                self._sender.close(camera, each)
        lane = self._sender.open(camera, sent)
        lane.heard_s = self._clock.monotonic()
        return sent

    async def _give_up(self, by: str, args: WatchCamera) -> VideoStream:
        lease = self._leases.get((args.camera, args.stream, args.viewer or by))
        if lease is None:
            return args.stream
        await self._end(lease)
        return lease.sent

    async def _end(self, lease: _Lease) -> None:
        """End a lease, and with the last one its stream."""
        del self._leases[(lease.camera, lease.asked, lease.viewer)]
        self._tell(lease, "end")
        if any((other.camera, other.sent) == (lease.camera, lease.sent) for other in self._leases.values()):
            return
        self._sender.close(lease.camera, lease.sent)
        try:
            await self._source.rest(lease.camera, lease.sent)
        except CameraFault as fault:
            log.warning("%s did not hear that nobody looks any more: %s", lease.camera, fault)

    def _sent(self, camera: str, asked: VideoStream) -> VideoStream | None:
        """What is sent now to those who asked for the same."""
        leases = self._leases.values()
        return next((lease.sent for lease in leases if (lease.camera, lease.asked) == (camera, asked)), None)

    def _silent(self, camera: str, stream: VideoStream) -> bool:
        lane = self._sender.lane(camera, stream)
        return lane is None or lane.heard_s is None or self._clock.monotonic() - lane.heard_s > _SILENT_S

    def _tell(self, lease: _Lease, phase: str) -> None:
        """The audited event, and the count."""
        data: JsonObject = {"phase": phase, "stream": lease.sent, "viewer": lease.viewer, "by": lease.by}
        if phase == "end":
            lane = self._sender.lane(lease.camera, lease.sent)
            data["seconds"] = round(self._clock.monotonic() - lease.began_s, 1)
            data["bytes"] = (lane.sent if lane is not None else 0) - lease.bytes_before
        self._recorder.event("watched", f"camera/{lease.camera}", **data)
        self.on_change(lease.camera)

"""Live leases: who looks at which stream until when; pictures leave the node while there is one, and not longer."""

from collections.abc import Callable, Collection
from typing import Protocol

from camera.model import LivePiece
from edge_agent.clock import Clock
from edge_agent.contract.commands import Command
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.watching import VideoStream, WatchCamera
from edge_agent.desk.act import Act
from edge_agent.recorder import Recorder


class Source(Protocol):
    """Where pictures come from: `edge_agent.cameras`. Both raise CameraFault."""

    async def watch(self, camera: str, stream: VideoStream) -> VideoStream:
        """Send pieces (to `WatchService.piece`), from init and the newest key frame on; returns the stream sent."""
        ...

    async def rest(self, camera: str, stream: VideoStream) -> None:
        """Send no more."""
        ...


class Uplink(Protocol):
    """The way to the broker: `edge_agent.link.link.Link`."""

    @property
    def connected(self) -> bool:
        """Whether the broker has us now."""
        ...

    def room(self) -> int:
        """How many bytes may go out now without making anything else wait; 0 or less: none."""
        ...

    def send_now(self, topic: str, body: bytes) -> bool:
        """Publish at QoS 0, now or never; False: there is no connection."""
        ...


class WatchService:
    """Handles `camera.watch`. `run` is to be supervised, `connect` called once before it."""

    def __init__(
        self, cameras: Collection[str], topics: NodeTopics, clock: Clock, recorder: Recorder, source: Source
    ) -> None:
        self.on_change: Callable[[str], None] = lambda _camera: None
        """Hears of a camera whose number of viewers changed."""
        raise NotImplementedError

    def connect(self, uplink: Uplink) -> None:
        """Say where pieces go."""
        raise NotImplementedError

    async def watch(self, asked: Command, args: WatchCamera) -> Act:
        """Handle `camera.watch`. Raises Refusal."""
        raise NotImplementedError

    def piece(self, piece: LivePiece) -> None:
        """Take a piece from a camera's process."""
        raise NotImplementedError

    def watched(self, camera: str) -> int:
        """How many look at a camera now."""
        raise NotImplementedError

    async def run(self) -> None:
        """Send what waits and end leases, until cancelled."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End all leases."""
        raise NotImplementedError

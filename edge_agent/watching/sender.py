"""Hands pieces to the link, the longest waiting first, no more than leaves the way open for all else."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from camera.model import LivePiece, Stream
from edge_agent.contract.watching import VideoPiece, split
from edge_agent.watching.lane import Lane

_LOOK_S = 0.015
"""How often a full link is asked for room: nothing tells when the other side has taken what it was sent."""
_LEAST_PART = 2 * 1024


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


class Sender:
    """Sends the pieces of all streams that are watched."""

    def __init__(self, topic: Callable[[str], str], now: Callable[[], float]) -> None:
        """`topic` names the topic of a camera, `now` is the monotonic clock."""
        self._topic = topic
        self._now = now
        self._uplink: Uplink | None = None
        self._lanes: dict[tuple[str, Stream], Lane] = {}
        self._parts: deque[tuple[Lane, str, bytes]] = deque()
        self._serial = 0
        self._look: asyncio.TimerHandle | None = None

    def connect(self, uplink: Uplink) -> None:
        """Say where pieces go."""
        self._uplink = uplink

    @property
    def connected(self) -> bool:
        """Whether anything can go out."""
        return self._uplink is not None and self._uplink.connected

    def open(self, camera: str, stream: Stream) -> Lane:
        """Return the lane of a stream; from now on its pieces are sent."""
        return self._lanes.setdefault((camera, stream), Lane())

    def close(self, camera: str, stream: Stream) -> None:
        """Send no more of a stream."""
        self._lanes.pop((camera, stream), None)

    def lane(self, camera: str, stream: Stream) -> Lane | None:
        """Return the lane of a stream that is sent."""
        return self._lanes.get((camera, stream))

    def put(self, piece: LivePiece) -> None:
        """Take a piece; of a stream that nobody watches it is let go."""
        lane = self._lanes.get((piece.camera, piece.stream))
        if lane is not None:
            lane.put(piece, self._now())
            self._flow()

    def stop(self) -> None:
        """Send nothing more."""
        self._lanes.clear()
        self._parts.clear()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _flow(self) -> None:
        """Send what there is room for; look again soon when something is left."""
        uplink = self._uplink
        if self._look is not None or uplink is None:
            return
        if not uplink.connected:
            self._parts.clear()
            return
        while (room := uplink.room()) > 0:
            if not self._parts and not self._cut_next(room):
                return
            lane, topic, body = self._parts.popleft()
            if uplink.send_now(topic, body):
                lane.sent += len(body)
        if self._parts or any(lane.oldest_s is not None for lane in self._lanes.values()):
            self._look = asyncio.get_running_loop().call_later(_LOOK_S, self._again)

    def _again(self) -> None:
        self._look = None
        self._flow()

    def _cut_next(self, room: int) -> bool:
        """Get the parts of the piece that waits longest; False when none does."""
        while waiting := [(lane.oldest_s, key) for key, lane in self._lanes.items() if lane.oldest_s is not None]:
            key = min(waiting)[1]
            lane = self._lanes[key]
            piece = lane.take(self._now())
            if piece is not None:
                body = _on_the_wire(piece).pack()
                self._serial += 1
                topic = self._topic(piece.camera)
                self._parts.extend(
                    (lane, topic, part) for part in split(body, self._serial, max(room // 2, _LEAST_PART))
                )
                return True
        return False


def _on_the_wire(piece: LivePiece) -> VideoPiece:
    return VideoPiece(
        stream=piece.stream,
        kind=piece.kind,
        epoch=piece.epoch,
        number=piece.number,
        at=piece.at,
        codec=piece.codec,
        width=piece.width,
        height=piece.height,
        data=piece.data,
    )

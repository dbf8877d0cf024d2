"""The desk of live pictures: takes pieces off the broker, hands them to who looks, asks nodes to send them."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from edge_agent.contract import topics
from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from edge_agent.contract.watching import BadPiece, Joiner, VideoStream
from hub.cameras.channel import Channel, Viewer
from hub.cameras.leases import Asker, Lease
from hub.cameras.outgoing import Outgoing
from hub.clock import Clock
from hub.commands import Outcome
from hub.sentences import Speaker

logger = logging.getLogger(__name__)

MOST_OF_CAMERA = 20
"""Viewers of one camera at once."""
QUIET_S = 10.0
"""Bodies that are no pieces are logged at most once in so many seconds."""

_STREAMS: tuple[VideoStream, ...] = ("sub", "main")
Key = tuple[str, str, VideoStream]


class Full(Exception):
    """There are too many viewers; `code` says of what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Topics(Protocol):
    """How the broker is told what this hub wants to read besides reports."""

    async def follow(self, topic: str) -> None:
        """Begin; also after each new connection."""
        ...

    async def unfollow(self, topic: str) -> None:
        """End."""
        ...


class LiveDesk:
    """All live streams. One lease serves all viewers of a stream; nothing is asked for while nobody looks."""

    def __init__(
        self,
        asker: Asker,
        link: Topics,
        reachable: Callable[[str], str],
        speaker: Callable[[str, Language], Speaker],
        ailing: Callable[[str, str], Fault | None],
        clock: Clock,
        most: int,
    ) -> None:
        """`reachable`: code of why a node cannot be asked, or nothing. `speaker`: who tells of a node (address).

        `ailing`: why a camera (address, id) gives no picture, as far as its node has told.
        """
        self._asker = asker
        self._link = link
        self._reachable = reachable
        self._speaker = speaker
        self._ailing = ailing
        self._clock = clock
        self._most = most
        self._name = f"hub-{secrets.token_hex(4)}"
        self._channels: dict[Key, tuple[Channel, Lease, asyncio.Task[None]]] = {}
        self._joiners: dict[tuple[str, str], Joiner] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._quiet_until = 0.0
        self.malformed = 0

    @property
    def viewers(self) -> int:
        """How many look now."""
        return sum(len(channel.viewers) for channel, _, _ in self._channels.values())

    def who(self, address: str, camera: str) -> list[str]:
        """The names of those who look through a camera now, each once."""
        found = (c.viewers for (a, name, _), (c, _, _) in self._channels.items() if (a, name) == (address, camera))
        return sorted({viewer.who for viewers in found for viewer in viewers})

    def take(self, topic: str, body: bytes) -> None:
        """Take a body of a topic `live/{camera}`. What is no piece is counted, and nothing else."""
        parsed = topics.parse(topic)
        if parsed is None or parsed.thing is None:
            return
        address, camera = f"{parsed.commune}/{parsed.node}", parsed.thing
        joiner = self._joiners.get((address, camera))
        if joiner is None:
            return  # nobody looks (any more)
        try:
            piece = joiner.take(body)
        except BadPiece as error:
            self._complain(topic, error)
            return
        if piece is None:
            return
        for wanted in _STREAMS:
            found = self._channels.get((address, camera, wanted))
            if found is None:
                continue
            channel, lease, _ = found
            if channel.stream != piece.stream:
                channel.hold(piece)
            elif not channel.take(piece):
                lease.hurry()

    @contextlib.asynccontextmanager
    async def watching(
        self, address: str, camera: str, wanted: VideoStream, who: str, language: Language
    ) -> AsyncIterator[Viewer]:
        """Look at a stream until the block ends. Raises Full."""
        self._has_room(address, camera)
        viewer = Viewer(who, language, Outgoing(self._clock.monotonic))
        channel = self._channel(address, camera, wanted)
        began = self._clock.monotonic()
        logger.info("%s begins to watch camera %s of %s (%s)", who, camera, address, wanted)
        channel.join(viewer)
        try:
            yield viewer
        finally:
            channel.viewers.discard(viewer)
            logger.info(
                "%s has watched camera %s of %s (%s) for %.0f s: %d pieces, %d bytes, %d left out",
                *(who, camera, address, wanted, self._clock.monotonic() - began),
                *(viewer.pieces, viewer.bytes, viewer.out.left_out),
            )
            if not channel.viewers:
                self._end(channel)

    async def stop(self) -> None:
        """End all leases, as far as the nodes still hear of it."""
        for channel, _, _ in list(self._channels.values()):
            self._end(channel)
        if self._ending:
            await asyncio.wait(set(self._ending), timeout=1)
        for task in self._ending:
            task.cancel()

    def _has_room(self, address: str, camera: str) -> None:
        if self.viewers >= self._most:
            raise Full("camera.full_hub")
        of_camera = [c for (a, name, _), (c, _, _) in self._channels.items() if (a, name) == (address, camera)]
        if sum(len(channel.viewers) for channel in of_camera) >= MOST_OF_CAMERA:
            raise Full("camera.full")

    def _channel(self, address: str, camera: str, wanted: VideoStream) -> Channel:
        key = (address, camera, wanted)
        if key not in self._channels:
            channel = Channel(address, camera, wanted, self._clock.monotonic)
            lease = Lease(channel, f"{self._name}-{wanted}", self._asker, self._reachable, self._words, self._ailing)
            task = asyncio.create_task(self._serve(channel, lease), name=f"live {address} {camera} {wanted}")
            self._channels[key] = (channel, lease, task)
            self._joiners.setdefault((address, camera), Joiner())
        return self._channels[key][0]

    async def _serve(self, channel: Channel, lease: Lease) -> None:
        await self._link.follow(_topic(channel))
        while True:
            try:
                await lease.run()
            except Exception:  # our mistake must not leave viewers without pictures for good
                logger.exception("the lease of %s at %s broke", channel.camera, channel.address)
                await asyncio.sleep(5)

    def _end(self, channel: Channel) -> None:
        key = (channel.address, channel.camera, channel.wanted)
        if key not in self._channels or self._channels[key][0] is not channel:
            return
        _, lease, task = self._channels.pop(key)
        task.cancel()
        if not self._is_followed(channel):
            self._joiners.pop((channel.address, channel.camera), None)
        ending = asyncio.create_task(self._leave(channel, lease), name=f"end live {key}")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _is_followed(self, channel: Channel) -> bool:
        return any((channel.address, channel.camera, stream) in self._channels for stream in _STREAMS)

    async def _leave(self, channel: Channel, lease: Lease) -> None:
        if not self._is_followed(channel):
            await self._link.unfollow(_topic(channel))
        if (channel.address, channel.camera, channel.wanted) not in self._channels:  # nobody came back meanwhile
            await lease.end()

    def _words(self, language: Language, code: str, address: str, outcome: Outcome | None) -> dict[str, object]:
        speak = self._speaker(address, language)
        if outcome is None:
            text = speak.t(code)
        elif outcome.state == "unsent" and outcome.fault is None:
            text = speak.t("camera.live_hub_away")
        else:
            text = speak.fault(outcome.fault) or speak.t("camera.live_silent")
        return {"say": "state", "code": code, "text": text}

    def _complain(self, topic: str, error: BadPiece) -> None:
        self.malformed += 1
        now = self._clock.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            logger.warning("a piece on %r was refused (%d so far): %s", topic[:120], self.malformed, error)


def _topic(channel: Channel) -> str:
    commune, _, node = channel.address.partition("/")
    return topics.NodeTopics(commune, node).live(channel.camera)

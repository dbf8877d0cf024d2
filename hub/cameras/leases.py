"""Keeps a node sending a live stream while somebody looks: one lease for all viewers of the stream."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from edge_agent.contract.commands import Args
from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from edge_agent.contract.watching import LEASE_S, WatchCamera
from hub.cameras.channel import Channel
from hub.commands import Outcome

logger = logging.getLogger(__name__)

RENEW_S = 6.0
AGAIN_S = 2.0
"""After a refusal, or while the node is away."""
LIMIT_S = 5.0
FLOWS_S = 3.0
"""While pictures came within this time all is well, whatever else is said."""
LOOK_S = 0.5


class Asker(Protocol):
    """How a node is asked."""

    async def send(self, address: str, args: Args, *, limit: float, life: float) -> Outcome:
        """Send a command, await what became of it."""
        ...


class Lease:
    """Runs as long as its channel has viewers."""

    def __init__(
        self,
        channel: Channel,
        viewer: str,
        asker: Asker,
        reachable: Callable[[str], str],
        words: Callable[[Language, str, str, Outcome | None], dict[str, object]],
        ailing: Callable[[str, str], Fault | None],
    ) -> None:
        """`viewer` tells this hub's leases apart at the node. `reachable`: why a node cannot be asked, or nothing.

        `words` makes a message to a viewer of a language, a code, an address and an outcome. `ailing`: why a camera
        (address, id) that is asked for gives no picture.
        """
        self._channel = channel
        self._viewer = viewer
        self._asker = asker
        self._reachable = reachable
        self._words = words
        self._ailing = ailing
        self._asked = channel.monotonic()
        self._wake = asyncio.Event()
        self._away = self._refused = False

    def hurry(self) -> None:
        """Ask again at once: the description of the stream was missed."""
        self._wake.set()

    async def run(self) -> None:
        """Ask, renew, until cancelled."""
        while True:
            pause = await self._ask()
            self._wake.clear()
            if await self._pause(pause):
                await asyncio.sleep(0.5)  # however often somebody hurries

    async def end(self) -> None:
        """Tell the node that nobody looks any more; if it does not hear it, the lease ends by itself."""
        channel = self._channel
        if not self._reachable(channel.address):
            await self._send(0)

    async def _pause(self, seconds: float) -> bool:
        """Wait, and say meanwhile why no picture comes. True: somebody hurries."""
        end = self._channel.monotonic() + seconds
        while (rest := end - self._channel.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(rest, LOOK_S)):
                    await self._wake.wait()
                    return True
            self._explain()
        return False

    def _explain(self) -> None:
        """The node sends what the camera gives; where that is nothing, its state may tell why."""
        channel = self._channel
        if self._away or self._refused or self._flows():
            return
        if self._reachable(channel.address):
            self._wake.set()  # what to say then, the next try knows
            return
        fault = self._ailing(channel.address, channel.camera)
        if fault is None and channel.monotonic() - self._asked < FLOWS_S:
            return
        code = fault.code if fault else "camera.live_no_picture"
        outcome = Outcome("failed", fault) if fault else None
        channel.tell(lambda language: self._words(language, code, channel.address, outcome))

    def _flows(self) -> bool:
        heard = self._channel.heard
        return heard is not None and self._channel.monotonic() - heard < FLOWS_S

    async def _ask(self) -> float:
        channel = self._channel
        why = self._reachable(channel.address)
        if why:
            self._away = True
            channel.tell(lambda language: self._words(language, why, channel.address, None))
            return AGAIN_S
        if self._away:
            channel.forget()
            self._away = False
        outcome = await self._send(LEASE_S)
        self._refused = outcome.state != "done"
        if not self._refused:
            sent = outcome.result.get("stream")
            channel.settle("main" if sent == "main" else "sub" if sent == "sub" else channel.wanted)
            return RENEW_S
        if not self._flows():
            code = outcome.fault.code if outcome.fault else outcome.state
            channel.tell(lambda language: self._words(language, code, channel.address, outcome))
            logger.info("%s does not send %s (%s): %s", channel.address, channel.camera, channel.wanted, code)
        return AGAIN_S

    async def _send(self, seconds: float) -> Outcome:
        channel = self._channel
        args = WatchCamera(camera=channel.camera, stream=channel.wanted, seconds=seconds, viewer=self._viewer)
        return await self._asker.send(channel.address, args, limit=LIMIT_S, life=LIMIT_S * 2)

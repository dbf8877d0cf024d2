"""What is on its way to the hub, however long that takes: clips, which outlive restarts, and pictures.

One upload at a time, paced (`edge_agent.media.pace`): a picture goes between two pieces of a clip.
"""

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.media.pace import Pace
from edge_agent.media.push import Busy, Load, Push
from edge_agent.media.shelf import Parcel, Shelf
from edge_agent.media.threads import Threads
from edge_agent.media.transfer import Address, Broken

__all__ = ["Outgoing", "Parcel"]

log = logging.getLogger(__name__)
MOST = 50
"""Clips that may wait."""
GIVEN_UP = timedelta(days=7)
_PICTURES = 50
_SPOILT = 3
"""All of a clip arrived with another hash: to send it again and again costs money."""
_STOP_S = 3.0

Arrived = Callable[[Parcel, Fault | None], None]


class Outgoing:
    """Sends to the hub in the background; `run` is to be supervised, `open` called once before it."""

    def __init__(
        self,
        folder: Path,
        limit: int,
        hub: str | None,
        token: Callable[[], str],
        clock: Clock,
        *,
        backoff: Callable[[], Backoff] = lambda: Backoff(2.0, 60.0),
    ) -> None:
        """`folder` keeps clips of `limit` bytes; `hub` is its address, `token` gives the upload token when needed."""
        self.shelf = Shelf(folder)
        self.pace = Pace()
        self.on_arrival: Arrived = lambda _parcel, _fault: None
        """Hears of each parcel once: it is with the hub, or why it never will be."""
        self._limit = limit
        self._hub = Address.of(hub) if hub else None
        self._token = token
        self._clock = clock
        self._new_backoff = backoff
        self._backoff = backoff()
        self._threads = Threads(1, "outgoing")
        self._pictures: deque[Load] = deque(maxlen=_PICTURES)
        self._refused: dict[str, int] = {}
        self._news = asyncio.Event()
        self._push: Push | None = None
        self._in_hand: str | None = None

    def use(self, hub: str | None, tls: ssl.SSLContext | None) -> None:
        """Send there from now on; `tls`: whom to believe, where it is not the system's authorities."""
        self._hub = Address.of(hub, tls) if hub else None
        self._news.set()

    async def open(self) -> None:
        """Read what waits since before. Raises OSError."""
        for parcel in await asyncio.to_thread(self.shelf.open):
            await self._let_go(parcel, Fault.of("media.lost", sha256=parcel.sha256))

    async def add(self, parcel: Parcel, draft: Path) -> None:
        """Take a file that was made in `shelf.draft(...)`, durably. The oldest others give way to it.

        Raises Refusal `media.too_large`; OSError when the disk refuses.
        """
        if parcel.bytes > self._limit:
            raise Refusal("media.too_large", mb=parcel.bytes // 1_000_000, limit_mb=self._limit // 1_000_000)
        for other in list(self.shelf.parcels.values()):
            crowded = len(self.shelf.parcels) >= MOST or self.shelf.size + parcel.bytes > self._limit
            if crowded and other.sha256 not in (self._in_hand, parcel.sha256):
                await self._let_go(other, Fault.of("media.gave_way", sha256=other.sha256))
        await asyncio.to_thread(self.shelf.add, parcel, draft)
        self._news.set()

    def offer(self, load: Load) -> None:
        """Send a picture if it can be soon: the newest first, and only the newest ones; a failure is not told."""
        if all(load.sha256 != other.sha256 for other in self._pictures):
            self._pictures.append(load)
            if self._push is not None:
                self._push.give_way()
            self._news.set()

    def wake(self) -> None:
        """The way may be there again: try now."""
        self._news.set()

    async def run(self) -> None:
        """Send, until cancelled."""
        try:
            while True:
                self._news.clear()
                if not await self._step():
                    await self._news.wait()
        finally:
            if self._push is not None:
                self._push.abort()

    async def stop(self) -> None:
        """Break off what is being sent; it goes on after the next start."""
        if self._push is not None:
            self._push.abort()
        self._threads.stop()

    async def _step(self) -> bool:
        """Send one thing, or some of it; False when there is nothing to send."""
        if self._threads.stopped:
            return False
        if self._hub is None:
            for waiting in list(self.shelf.parcels.values()):
                await self._let_go(waiting, Fault.of("media.unreachable", detail="no hub is configured"))
            self._pictures.clear()
            return False
        if self._pictures:
            await self._send_picture(self._pictures.pop())
            return True
        if parcel := self._next():
            await self._send_parcel(parcel)
        return parcel is not None

    def _next(self) -> Parcel | None:
        """The one that the hub has refused least often, of these the oldest."""
        waiting = self.shelf.parcels.values()
        return min(waiting, key=lambda parcel: (self._refused.get(parcel.sha256, 0), parcel.made), default=None)

    async def _send_picture(self, load: Load) -> None:
        began = self._clock.monotonic()
        try:
            if await self._attempt(load):
                return
        except (Busy, Refusal, OSError) as error:
            log.info("a picture is not sent: %s", error)
            return
        except Broken as broken:
            await self._pause(broken, began)
        if len(self._pictures) < _PICTURES:
            self._pictures.appendleft(load)  # after the newer ones

    async def _send_parcel(self, parcel: Parcel) -> None:
        began = self._clock.monotonic()
        load = Load(self.shelf.path(parcel), parcel.sha256, parcel.bytes, parcel.media_type)
        fault: Fault | None = None
        try:
            if not await self._attempt(load):
                return
        except Busy as busy:
            self._refused[parcel.sha256] = self._refused.get(parcel.sha256, 0) + 1
            fault = Fault.of("media.refused", detail=str(busy))
            if busy.spoilt and self._refused[parcel.sha256] >= _SPOILT:
                await self._arrived(parcel, fault)
                return
            await self._pause(busy, began)
        except Broken as broken:
            fault = Fault.of("media.unreachable", detail=str(broken))
            await self._pause(broken, began)
        except Refusal as refusal:
            await self._arrived(parcel, refusal.fault)
            return
        except OSError as error:
            await self._arrived(parcel, Fault.of("media.disk", detail=error.strerror or str(error)))
            return
        if fault is None:
            self._backoff = self._new_backoff()
            await self._arrived(parcel, None)
        elif self._clock.now() - parcel.made > GIVEN_UP and self._clock.trusted:
            await self._arrived(parcel, fault)

    async def _attempt(self, load: Load) -> bool:
        """Whether the hub has all of it now. Raises Broken, Refusal, OSError."""
        if self._hub is None:
            return False
        push = self._push = Push(load, self._hub, self.pace)
        self._in_hand = load.sha256
        work = self._threads.start(lambda: push.run(self._token()))
        try:
            return await asyncio.shield(work)
        finally:
            push.abort()
            with contextlib.suppress(Exception):  # it was raised above, or nobody waits for it any more
                await asyncio.wait_for(asyncio.shield(work), _STOP_S)
            self._push = self._in_hand = None

    async def _pause(self, broken: Broken, began: float) -> None:
        """Wait before the next try, or until somebody says that the way is there again."""
        wait = self._backoff.after(self._clock.monotonic() - began)
        log.info("sending to the hub was cut short (%s); next try in %.1f s", broken, wait)
        sleeping = asyncio.ensure_future(self._clock.sleep(wait))
        waking = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _arrived(self, parcel: Parcel, fault: Fault | None) -> None:
        """Everybody who asked for this file is told."""
        self._refused.pop(parcel.sha256, None)
        for other in list(self.shelf.parcels.values()):
            if other.sha256 == parcel.sha256:
                await self._let_go(other, fault)

    async def _let_go(self, parcel: Parcel, fault: Fault | None) -> None:
        """Tell first, forget then: after a power cut in between it is told twice, not never."""
        self.on_arrival(parcel, fault)
        try:
            await asyncio.to_thread(self.shelf.remove, parcel)
        except OSError as error:
            log.error("a clip that was sent cannot be removed: %s", error)

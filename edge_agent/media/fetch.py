"""Fetches sounds by their SHA-256 into the node's store, however slow and broken the way is."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_agent.backoff import Backoff
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Sound
from edge_agent.media.store import SoundStore
from edge_agent.media.threads import Threads
from edge_agent.media.transfer import Address, Broken, Transfer, Unauthorized, forget
from edge_agent.media.turns import Turns

log = logging.getLogger(__name__)
_STABLE_S = 3600.0
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a way is given, in seconds: `stall_s` without at least `least` bytes a second ends an attempt, `tries`
    attempts without a single byte end it all, and so does `most_s` plus the time that 2 kB/s would take.
    """

    at_once: int = 2
    tries: int = 4
    first_s: float = 0.5
    longest_s: float = 20.0
    stall_s: float = 40.0
    least: float = 300.0
    most_s: float = 600.0


class Fetcher:
    """Fetches into a store, few files at a time, each only once."""

    def __init__(
        self, store: SoundStore, hub: str | None, token: Callable[[], str], patience: Patience = Patience()
    ) -> None:
        """`hub`: base address of the configured hub. The `token` is given to nobody else, and only when it asks."""
        self._store = store
        self._hub = hub.rstrip("/") if hub is not None else None
        self._tls: ssl.SSLContext | None = None
        self._token = token
        self._patience = patience
        self._hub_asks = False
        self._threads = Threads(patience.at_once, "fetch")
        self._slots = asyncio.Semaphore(patience.at_once)
        self._turns = Turns()
        self._running: set[Transfer] = set()

    def use(self, hub: str | None, tls: ssl.SSLContext | None) -> None:
        """Fetch from this hub from now on; `tls`: whom to believe, where it is not the system's authorities."""
        self._hub, self._tls = hub.rstrip("/") if hub is not None else None, tls

    async def fetch(self, sound: Sound, owner: str) -> Path:
        """Return the sound on the node's disk, pinned for `owner`; fetch what is missing of it.

        Tries again with growing waits while the way breaks; what has come is kept for the next call, also through a
        restart. Raises Refusal: `media.offline`, `media.broken`, `media.slow` (these may pass), `media.no_hub`,
        `media.not_found`, `media.not_allowed`, `media.redirected`, `media.web_page`, `media.bad_answer`,
        `media.bad_url`, `media.wrong_size`, `media.wrong_hash`, `media.no_room`, `media.disk`.
        """
        async with self._turns.turn(sound.sha256):
            self._store.pin(owner, [sound.sha256])
            known = await self._store.threads.run(self._store.fetched, sound.sha256)
            return known or await self._fetch(sound, owner)

    async def stop(self) -> None:
        """End what is under way, within moments."""
        for transfer in list(self._running):
            transfer.abort()
        self._threads.stop()

    async def _fetch(self, sound: Sound, owner: str) -> Path:
        address = self._address(sound)
        part = self._store.part(sound.sha256)
        await self._store.threads.run(self._store.reserve, sound.sha256, sound.bytes)
        full = False
        try:
            await self._until_there(sound, address, part)
            kept = await self._store.threads.run(self._store.keep, part, sound.sha256, owner)
            await self._store.threads.run(forget, part)
        except Refusal as refusal:
            full = refusal.fault.code == "media.disk"
            raise
        finally:
            self._store.unreserve(sound.sha256, sound.bytes)
            if full:  # what has come of it, too, would only be in the way of others
                await self._store.threads.run(self._store.shrink)
        return kept

    def _address(self, sound: Sound) -> Address:
        if sound.url is None and self._hub is None:
            raise Refusal("media.no_hub")
        address = Address.of(sound.url or f"{self._hub}/media/{sound.sha256}")
        ours = self._hub is not None and address.origin == Address.of(self._hub).origin
        return replace(address, tls=self._tls) if ours else address

    async def _until_there(self, sound: Sound, address: Address, part: Path) -> None:
        patience, loop = self._patience, asyncio.get_running_loop()
        deadline = loop.time() + patience.most_s + sound.bytes / 2000
        backoff = Backoff(patience.first_s, patience.longest_s)
        failed, restarted = 0, False
        while True:
            transfer = Transfer(sound, address, part)
            try:
                async with self._slots:
                    await self._attempt(address, transfer, deadline)
                return
            except Broken as broken:
                failed = 0 if transfer.gained else failed + 1
                log.info("fetching %s from %s broke: %s", sound.sha256[:8], address.host, broken)
                slow = loop.time() > deadline
                if slow or failed >= patience.tries:
                    raise _given_up(sound, address, transfer, str(broken), slow=slow) from broken
                await asyncio.sleep(backoff.after(_STABLE_S if transfer.gained else 0.0))
            except Refusal as refusal:
                # Bytes of before a power cut or of another version may be among it: once more from the beginning.
                if refusal.fault.code != "media.wrong_hash" or not transfer.resumed or restarted:
                    raise
                restarted = True

    async def _attempt(self, address: Address, transfer: Transfer, deadline: float) -> None:
        if self._threads.stopped:
            raise Refusal("media.offline", host=address.host, detail="the node is being stopped")
        may_know = self._hub is not None and address.origin == Address.of(self._hub).origin
        try:
            await self._watched(transfer, self._token() if may_know and self._hub_asks else None, deadline)
        except Unauthorized:
            if not may_know or self._hub_asks:
                raise Refusal("media.not_allowed", host=address.host, status=401) from None
            self._hub_asks = True
            raise Broken("HTTP 401") from None  # the next attempt tells who it is

    async def _watched(self, transfer: Transfer, token: str | None, deadline: float) -> None:
        """Run the transfer in a thread; end it when nearly nothing comes, or when nobody waits for it any more."""
        loop, patience = asyncio.get_running_loop(), self._patience
        self._running.add(transfer)
        work = self._threads.start(transfer.run, token)
        before = 0
        try:
            while not (await asyncio.wait([work], timeout=patience.stall_s))[0]:
                slow = transfer.gained - before < patience.least * patience.stall_s
                if slow or loop.time() > deadline:
                    raise Broken("hardly anything comes")
                before = transfer.gained
            work.result()
        finally:
            self._running.discard(transfer)
            if not work.done():
                transfer.abort()
                work.add_done_callback(_heard)
                await asyncio.wait([work], timeout=_END_S)  # asking for a name cannot be cut short


def _heard(work: asyncio.Future[None]) -> None:
    """What became of an attempt that was given up is of no interest."""
    if not work.cancelled():
        work.exception()


def _given_up(sound: Sound, address: Address, transfer: Transfer, detail: str, *, slow: bool) -> Refusal:
    if transfer.received or slow:
        code = "media.slow" if slow else "media.broken"
        return Refusal(code, host=address.host, received=transfer.received, bytes=sound.bytes)
    return Refusal("media.offline", host=address.host, detail=detail)

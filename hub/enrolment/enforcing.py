"""Has the broker shut out whoever is revoked: the list on disk, then the end of what connections they have."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from hub.clock import Clock
from hub.enrolment import grants
from hub.enrolment.authority import Authority
from hub.enrolment.revoking import write_list
from hub.store import Store

logger = logging.getLogger(__name__)

EVERY_S = 2.0
"""So often it looks for what `edge-hub enrol` did beside the hub."""
KICKS_S = (1.0, 5.0, 15.0, 40.0)
"""After a revocation: the broker needs a moment to read the new list, and nobody tells when it has."""
ONLINE_S = 5.0
"""A revoked node that still reports is shut out again after so long."""
Kick = Callable[[str], Awaitable[bool]]


class Enforcing:
    """Follows the rows. `kick` ends the connection of a name; `online` says whether a name reports now."""

    def __init__(
        self, store: Store, clock: Clock, authority: Authority, broker: tuple[Path | None, Kick, Callable[[str], bool]]
    ) -> None:
        """`broker`: the folder of its files, `kick`, `online`."""
        self._store = store
        self._clock = clock
        self._authority = authority
        self._folder, self._kick, self._online = broker
        self._wake = asyncio.Event()
        self._seen: tuple[int, int] | None = None
        self._gone: set[str] = set()
        self._serials: set[int] | None = None
        self._due: list[tuple[float, str]] = []
        self.on_change: list[Callable[[], Awaitable[None]]] = []
        """Awaited whenever there are other certificates than before, by whomever."""

    def wake(self) -> None:
        """Somebody has just been revoked."""
        self._wake.set()

    def is_revoked(self, serial: int) -> bool:
        """Whether a certificate is, as far as it was looked."""
        return self._serials is not None and serial in self._serials

    async def run(self) -> None:
        """Until cancelled. What cannot be read or written now is tried again."""
        while True:
            self._wake.clear()
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                logger.error("the list of revoked certificates is not written: %s", error)
            await self._shut_out()
            try:
                await asyncio.wait_for(self._wake.wait(), self._pause())
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Write the list if there is anything new. Raises SQLAlchemyError, OSError."""
        seen = await self._store.read(grants.count)
        if seen == self._seen and self._is_there():
            return
        rows = await self._store.read(grants.revoked)
        valid = {each.name for each in await self._store.read(grants.trusted) if each.revoked is None}
        await asyncio.to_thread(write_list, self._authority, [row[:2] for row in rows], self._folder)
        now = self._clock.monotonic()
        fresh = {name for serial, _, name in rows if self._serials is not None and serial not in self._serials}
        self._serials = {serial for serial, _, _ in rows}
        self._gone = {name for _, _, name in rows} - valid
        for name in fresh:  # a box that was replaced: its name belongs to another now, which should stay
            kicks = KICKS_S if name in self._gone else KICKS_S[:2]
            self._due += [(now + after, name) for after in kicks]
        changed, self._seen = seen != self._seen, seen
        if changed:
            for told in self.on_change:
                await told()

    def _is_there(self) -> bool:
        return self._folder is None or (self._folder / "crl.pem").exists()

    def _pause(self) -> float:
        now = self._clock.monotonic()
        return max(0.05, min([EVERY_S, *(at - now for at, _ in self._due)]))

    async def _shut_out(self) -> None:
        now = self._clock.monotonic()
        due = {name for at, name in self._due if at <= now}
        self._due = [(at, name) for at, name in self._due if at > now]
        for name in due:
            await self._kick(name)
        waiting = {name for _, name in self._due}
        self._due += [(now + ONLINE_S, name) for name in self._gone - waiting if self._online(name)]


def kicker(take_over: Callable[[str], Awaitable[bool]]) -> Kick:
    """`take_over` with a line in the log."""

    async def kick(name: str) -> bool:
        done = await take_over(name)
        if not done:
            logger.warning("the connection of %s could not be ended: the broker does not answer", name)
        return done

    return kick

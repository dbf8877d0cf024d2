"""The identity of a running agent: noticed when it comes, renewed in time, kept off the wire on a foreign board."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Fault, Refusal, caused_by
from edge_agent.identity.applied import applied
from edge_agent.identity.board import fingerprint
from edge_agent.identity.command_keys import CommandKeys
from edge_agent.identity.enrolment import renew
from edge_agent.identity.folder import Identity, IdentityFolder
from edge_agent.identity.when import ends_soon, written

log = logging.getLogger(__name__)
_UNREAD = (-1, -1)
_TRIES = 3
"""So often a new certificate is tried at a broker that takes the old one in between."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two looks at the folder; between two renewals; before a new certificate is tried once more."""

    look_s: float = 2.0
    rest_s: float = 3600.0
    again_s: float = 60.0
    backoff: Callable[[], Backoff] = field(default=lambda: Backoff(30.0, 3600.0, stable=float("inf")))


Apply = Callable[[NodeConfig | None, bool], None]
"""How to work from now on (None: stay off the wire), and whether the connection that is up must end for it."""


class Trust:
    """For a node whose configuration has a section `identity`; `load` first, then `run` under a supervisor."""

    def __init__(
        self,
        config: NodeConfig,
        folder: Path,
        clock: Clock,
        *,
        on_fault: Callable[[str, Fault | None], None],
        pace: Pace = Pace(),
    ) -> None:
        self.apply: Apply = lambda _config, _drop: None
        self._config = config
        self._folder = IdentityFolder(folder)
        self._clock = clock
        self._on_fault = on_fault
        self._pace = pace
        self._backoff = pace.backoff()
        self._board = fingerprint()
        self._identity: Identity | None = None
        self._trial: Identity | None = None
        self._trying = False
        self._refused = 0
        self._accepted = asyncio.Event()
        self._not_before = 0.0
        self._try_again = 0.0
        self._seen: tuple[int, int] | None = None
        self._wrong: Fault | None = None
        self._believed = clock.trusted
        self._foreign = False

    async def load(self) -> NodeConfig:
        """The configuration to begin with; without a usable identity it is as it is written."""
        await self._read()
        return self._config if self._foreign else applied(self._config, self._identity)

    @property
    def off_the_wire(self) -> bool:
        """Whether this board is not the one that was enrolled."""
        return self._foreign

    async def run(self) -> None:
        """Look after it, until cancelled."""
        while True:
            await self._look()
            try:
                async with asyncio.timeout(self._pace.look_s):
                    await self._accepted.wait()
            except TimeoutError:
                continue
            await self._settle()

    def heard(self, up: bool) -> None:
        """Hear of each connection to the broker, and of each that failed or ended."""
        if self._trying:
            if up:
                self._accepted.set()
                return
            self._trying = False
            self._try_again = self._clock.monotonic() + self._pace.again_s
            self._apply(self._identity)
        elif up and self._trial is not None:  # with the old one: so it was not the network
            self._refused += 1

    async def take_keys(self, keys: CommandKeys) -> None:
        """What a `keys.update` told: kept on the disk, then in force. Raises Refusal; OSError where the disk refuses.

        `keys.pinned` where the configuration itself names keys.
        """
        if self._config.command_keys:
            raise Refusal("keys.pinned")
        identity = await asyncio.to_thread(self._folder.keep_keys, keys)
        if self._identity is not None:
            self._identity = identity
        if self._trial is not None:
            self._trial = await asyncio.to_thread(self._folder.on_trial)
        self._apply(self._trial if self._trying else self._identity)

    async def _look(self) -> None:
        if await asyncio.to_thread(self._stamp) != self._seen:
            before = self._identity
            await self._read()
            if self._identity is not None and self._identity != before:
                log.info("this node is %s by the certificate until %s", *self._until(self._identity))
                self._trying = False
                self._apply(self._identity, drop=True)
        if self._identity is None or self._foreign:
            return
        if self._clock.trusted != self._believed:  # certificates are checked against a clock as far as it is believed
            self._believed = self._clock.trusted
            self._apply(self._trial if self._trying else self._identity)
        await self._renew(self._identity)
        await self._try()

    async def _read(self) -> None:
        """What is in the folder now. Tells what is wrong with it."""
        try:
            self._seen = await asyncio.to_thread(self._stamp)
            self._identity = await asyncio.to_thread(self._folder.read)
            self._trial = await asyncio.to_thread(self._folder.on_trial) if self._identity is not None else None
            place = await asyncio.to_thread(self._folder.place)
        except (Refusal, OSError) as error:
            self._identity, self._seen = None, _UNREAD
            why = error.fault if isinstance(error, Refusal) else _broken(self._folder.path, error)
            if why != self._wrong:
                log.error("%s", why.en)
            self._wrong = why
            self._on_fault("identity", why)
            return
        self._wrong = None
        foreign = place is not None and place.board != self._board and self._identity is not None
        if foreign and not self._foreign:
            self.apply(None, True)
        self._foreign = foreign
        self._tell_state()

    def _tell_state(self) -> None:
        if self._foreign:
            self._on_fault("identity", Fault.of("identity.other_board"))
        elif self._identity is None:
            self._on_fault("identity", Fault.of("identity.none"))
        else:
            self._on_fault("identity", self._ending(self._identity, None))

    def _ending(self, identity: Identity, why: Fault | None) -> Fault | None:
        """What the end of the certificate means, where it is near; `why` it was not renewed."""
        end, now = identity.grant.not_after, self._clock.now()
        at = end.isoformat(timespec="minutes")
        if now >= end:
            return Fault.of("identity.expired", at=at)
        if why is not None and why.code.startswith("enrol.") and why.code != "enrol.unreachable":
            return Fault.of("identity.unrenewed", **caused_by(why))
        return Fault.of("identity.expires", at=at) if ends_soon(identity.grant, now) else None

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._folder.path / "grant.json").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    @staticmethod
    def _until(identity: Identity) -> tuple[str, str]:
        return identity.grant.name, identity.grant.not_after.isoformat()

    def floor(self) -> datetime | None:
        """What the time cannot be earlier than, where the clock is not believed."""
        return None if self._clock.trusted else written(self._folder.path / "grant.json")

    async def _renew(self, identity: Identity) -> None:
        due = self._clock.now() >= identity.grant.renew_from
        if not due or self._trial is not None or self._clock.monotonic() < self._not_before:
            return
        try:
            place = await asyncio.to_thread(self._folder.place)
            if place is None:
                raise Refusal("identity.broken", path=str(self._folder.path), detail="enrolled")
            work = asyncio.to_thread(renew, self._folder, identity, place.hub, self.floor())
            self._trial = await work
        except (Refusal, OSError) as error:
            why = error.fault if isinstance(error, Refusal) else _broken(self._folder.path, error)
            self._not_before = self._clock.monotonic() + self._backoff.after(0)
            log.warning("the certificate was not renewed: %s", why.en)
            self._on_fault("identity", self._ending(identity, why))
            return
        self._backoff = self._pace.backoff()
        self._refused, self._try_again = 0, 0.0
        self._not_before = self._clock.monotonic() + self._pace.rest_s

    async def _try(self) -> None:
        """Show the broker what is on trial, or let it go."""
        if self._trial is None or self._trying:
            return
        if self._refused >= _TRIES:
            log.error("the broker does not accept the new certificate")
            self._trial, self._refused = None, 0
            await asyncio.to_thread(self._folder.drop_trial)
            self._on_fault("identity", Fault.of("identity.not_accepted"))
        elif self._clock.monotonic() >= self._try_again:
            self._trying = True
            self._apply(self._trial, drop=True)

    async def _settle(self) -> None:
        """The broker has accepted what was on trial: it holds from now on."""
        self._accepted.clear()
        if not self._trying:
            return
        try:
            self._identity = await asyncio.to_thread(self._folder.settle)
        except (Refusal, OSError) as error:  # it stays on trial, and is settled at the next connection
            log.error("the new certificate could not be kept: %s", error)
            return
        finally:
            self._trying = False
        self._trial, self._refused = None, 0
        self._seen = await asyncio.to_thread(self._stamp)
        log.info("the certificate of %s was renewed until %s", *self._until(self._identity))
        self._tell_state()
        self._apply(self._identity)

    def _apply(self, identity: Identity | None, *, drop: bool = False) -> None:
        if not self._foreign and identity is not None:
            self.apply(applied(self._config, identity), drop)


def _broken(path: Path, error: OSError) -> Fault:
    return Fault.of("identity.broken", path=str(path), detail=error.strerror or str(error))

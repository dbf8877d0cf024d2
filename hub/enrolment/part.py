"""Enrolment as one part of the hub: the CA, its desk, the nodes' listener, and who shuts out the revoked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from edge_agent.contract.enrolment import GrantedHub
from hub import private
from hub.clock import Clock
from hub.config import ConfigError, HubConfig
from hub.enrolment.authority import Authority
from hub.enrolment.broker_files import write_for_broker
from hub.enrolment.clones import Clones, ClonesLog
from hub.enrolment.desk import Enrolling, Stands
from hub.enrolment.enforcing import Enforcing, kicker
from hub.enrolment.known import Known
from hub.enrolment.listener import NodeListener
from hub.enrolment.settings import Enrolment
from hub.enrolment.uploads import NodeTokens
from hub.keyring import KeyRing
from hub.people.audit import Audit
from hub.registry import Registry
from hub.store import Store
from hub.takeover import take_over

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Needs:
    """What it stands on."""

    store: Store
    registry: Registry
    audit: Audit
    signer: KeyRing
    clock: Clock


class EnrolmentPart:
    """For a hub whose file has the section."""

    def __init__(self, config: HubConfig, settings: Enrolment, needs: Needs) -> None:
        """Raises ConfigError when the CA cannot be used."""
        self._settings = settings
        self._registry = needs.registry
        self._audit = needs.audit
        authority = opened(config)
        secret = config.broker.password.read() if config.broker.password else None
        kick = kicker(partial(take_over, config.broker, secret))
        self.enforcing = Enforcing(needs.store, needs.clock, authority, (settings.broker_files, kick, self._is_online))
        self.uploads = NodeTokens(authority.folder, self.enforcing.is_revoked)
        stands = Stands(needs.store, needs.clock, needs.audit, needs.signer, self._hub)
        self.desk = Enrolling(settings, authority, stands, self.enforcing)
        self.listener = NodeListener(self.desk, needs.clock)
        self.known = Known(needs.store)
        self.enforcing.on_change.append(self.known.look)
        self.clones = Clones(self.known, needs.clock, self._cloned)
        self._clones_log = ClonesLog(needs.store, needs.clock, self.known)

    async def load(self) -> None:
        """Read who is trusted, have the broker's files there. Raises SQLAlchemyError."""
        await self.known.look()
        try:
            await asyncio.to_thread(write_for_broker, self.desk.authority, self._settings)
        except ConfigError as error:
            logger.error("%s", error)  # people must get in to see it

    async def forgotten(self, address: str) -> None:
        """A node was taken out of the lists: what it had is good for nothing any more."""
        commune, _, name = address.partition("/")
        await self.desk.revoke(commune, name, "forgotten")

    def runs(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs as long as the hub: name, the function."""
        return [
            ("nodes' listener", self.listener.run),
            ("revoking", self.enforcing.run),
            ("clones", self._clones_log.run),
        ]

    def _cloned(self, address: str, board: str, other: str) -> None:
        self._audit.afterwards("enrol.cloned", address, f"{board} {other}", "done")
        self._clones_log.note(address, board, other)

    def _hub(self, serial: int) -> GrantedHub:
        return GrantedHub(url=self._settings.address, token=self.uploads.of(serial))

    def _is_online(self, name: str) -> bool:
        return any(node.online for node in self._registry.nodes.values() if node.name == name)


def opened(config: HubConfig) -> Authority:
    """The hub's CA, made where there is none. Raises ConfigError."""
    try:
        private.folder(config.data)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {config.data}: {error}") from error
    return Authority(config.data / "identity")

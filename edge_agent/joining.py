"""How the node comes to its broker: by what its configuration says, or by its identity, whenever that comes."""

import asyncio
from typing import TYPE_CHECKING, Self

from edge_agent.config.model import NodeConfig
from edge_agent.contract.commands import Command
from edge_agent.contract.enrolment import GrantedKey
from edge_agent.contract.errors import Refusal
from edge_agent.contract.keys import UpdateKeys
from edge_agent.contract.signature import Verifier
from edge_agent.core import Core
from edge_agent.desk.act import Act
from edge_agent.identity.board import fingerprint
from edge_agent.identity.command_keys import CommandKeys
from edge_agent.identity.trust import Trust
from edge_agent.link.address import broker_address
from edge_agent.link.link import Link
from edge_agent.link.wire import BrokerAddress

if TYPE_CHECKING:  # the safe core joins too, and runs also where these cannot be imported any more
    from edge_agent.doctor.service import Doctor
    from edge_agent.services import Services


class Joining:
    """Broker, hub and command keys of a running agent, which may change while it runs."""

    def __init__(self, core: Core, trust: Trust | None) -> None:
        self._core = core
        self._trust = trust
        self.mark = fingerprint()
        """Of the board; what the status tells."""
        self.verifier = Verifier({})

    @classmethod
    async def of(cls, core: Core) -> Self:
        """Reads the identity, where the node has one; the core's configuration is then completed by it."""
        settings = core.config.identity
        if settings is None:
            joining = cls(core, None)
        else:
            trust = Trust(core.config, settings.folder, core.clock, on_fault=core.faults.set)
            joining = cls(core, trust)
            core.config = await trust.load()
        joining._pin(core.config)
        return joining

    def address(self) -> BrokerAddress | None:
        """The broker to begin with; None where nobody knows it yet, or where this board must stay away.

        Raises Refusal `broker.refused` where a secret that the configuration names cannot be read.
        """
        if self._trust is not None and self._trust.off_the_wire:
            return None
        return self._address(self._core.config)

    def connect(self, link: Link, services: "Services", doctor: "Doctor") -> None:
        """Who has to know when it changes."""
        if self._trust is None:
            return

        def apply(config: NodeConfig | None, drop: bool) -> None:
            if config is None:
                link.use(None)
                return
            self._core.config = config
            self._pin(config)
            services.use_hub(config.hub)
            doctor.use(config)
            try:
                link.use(self._address(config), drop=drop)
            except Refusal as refusal:
                self._core.faults.set("link", refusal.fault)

        self._trust.apply = apply

    async def run(self) -> None:
        """Look after the identity, for ever; for a supervisor."""
        if self._trust is not None:
            await self._trust.run()
        await asyncio.Event().wait()

    def heard(self, up: bool) -> None:
        """Hear of each connection, and of each that failed."""
        if self._trust is not None:
            self._trust.heard(up)

    async def update_keys(self, _asked: Command, args: UpdateKeys) -> Act:
        """Handle `keys.update`. Refuses `keys.pinned`, `keys.old`, `identity.none`, `command.not_recorded`."""
        if self._trust is None:
            raise Refusal("keys.pinned")
        keys = tuple(GrantedKey(id=key.id, public=key.public) for key in args.keys)
        try:
            await self._trust.take_keys(CommandKeys(args.number, keys))
        except OSError as error:
            raise Refusal("command.not_recorded", detail=error.strerror or str(error)) from error
        return Act(result={"number": args.number})

    def _pin(self, config: NodeConfig) -> None:
        self.verifier.pin({key.id: key.public for key in config.command_keys})

    def _address(self, config: NodeConfig) -> BrokerAddress | None:
        if config.broker is None:
            return None
        believed = self._trust is None or self._core.clock.trusted
        return broker_address(config.broker, f"{config.node.commune}-{config.node.name}", clock_trusted=believed)

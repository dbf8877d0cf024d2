"""Commands to nodes: signed, sent, and believed done only when the node itself says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from edge_agent.contract.base import MAX_BODY, JsonObject
from edge_agent.contract.commands import Ack, Args, Command
from edge_agent.contract.errors import Fault
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics
from hub.clock import Clock

logger = logging.getLogger(__name__)

BY_CONSOLE = "console"
"""Who asks, as long as nobody signs in."""
MAX_PENDING = 1000
"""Commands that await an answer at once."""


class LinkDown(Exception):
    """The broker cannot be reached now; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command. `silent`: no (final) answer in time; `unsent`: the broker is away, nothing was sent."""

    state: Literal["done", "accepted", "failed", "rejected", "silent", "unsent"]
    fault: Fault | None = None
    result: JsonObject = field(default_factory=dict)


@dataclass
class _Pending:
    address: str
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    acks: list[Ack] = field(default_factory=list)


class Commands:
    """The command desk of the hub."""

    def __init__(self, signer: Signer, publish: Callable[[str, bytes], Awaitable[None]], clock: Clock, by: str) -> None:
        """`publish` raises LinkDown. `by`: who asks, as nodes log it."""
        self._signer = signer
        self._publish = publish
        self._clock = clock
        self._by = by
        self._pending: dict[str, _Pending] = {}
        self._stopping = False

    async def send(
        self, address: str, args: Args, *, limit: float, life: float, accepted_is_enough: bool = False
    ) -> Outcome:
        """Send and await the answer at most `limit` seconds. The node refuses it after `life` seconds.

        With `accepted_is_enough` the first answer counts: what is asked may take long (speaking).
        """
        if len(self._pending) >= MAX_PENDING:
            return Outcome("unsent", Fault.of("command.busy"))
        command = self._command(address, args, life)
        message = self._signer.sign(command.model_dump_json(by_alias=True, exclude_none=True).encode())
        if len(message) > MAX_BODY:
            return Outcome("rejected", Fault.of("command.too_large", size=len(message), limit=MAX_BODY))
        pending = self._pending[command.id] = _Pending(address)
        try:
            async with asyncio.timeout(limit):
                await self._publish(_topic(address), message)
                return await self._answer(pending, accepted_is_enough)
        except LinkDown:
            return Outcome("unsent")
        except TimeoutError:
            if pending.acks:
                return Outcome("accepted")
            return Outcome("silent", Fault.of("command.timeout", seconds=int(limit)))
        finally:
            del self._pending[command.id]

    def stop(self) -> None:
        """Wait for no answer any more: who waits is told that none came."""
        self._stopping = True
        for pending in self._pending.values():
            pending.answered.set()

    def on_ack(self, address: str, ack: Ack) -> None:
        """Take an answer; only the node that was asked can answer."""
        pending = self._pending.get(ack.id)
        if pending is None or pending.address != address or len(pending.acks) > 10:
            return
        pending.acks.append(ack)
        pending.answered.set()

    def _command(self, address: str, args: Args, life: float) -> Command:
        now = self._clock.now()
        expires = now + timedelta(seconds=life)
        return Command(id=uuid7(), to=address, by=self._by, at=now, expires=expires, args=args)

    async def _answer(self, pending: _Pending, accepted_is_enough: bool) -> Outcome:
        while True:
            if not self._stopping:
                await pending.answered.wait()
                pending.answered.clear()
            for ack in pending.acks:
                if ack.state != "accepted" or accepted_is_enough:
                    return Outcome(ack.state, ack.fault, ack.result or {})
            if self._stopping:
                return Outcome("silent", Fault.of("command.timeout", seconds=0))


def _topic(address: str) -> str:
    commune, _, node = address.partition("/")
    return NodeTopics(commune, node).command

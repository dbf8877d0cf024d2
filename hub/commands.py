"""Commands to nodes: signed, sent, and believed done only when the node itself says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from edge_agent.contract.base import MAX_BODY, JsonObject
from edge_agent.contract.commands import Ack, Args, Command, Selector
from edge_agent.contract.errors import Fault
from edge_agent.contract.ids import uuid7
from edge_agent.contract.topics import EVERYBODY, NodeTopics
from hub.clock import Clock
from hub.people import acting

logger = logging.getLogger(__name__)

MAX_PENDING = 1000
"""Commands that await an answer at once."""


class Signs(Protocol):
    """What makes commands believed."""

    def sign(self, payload: bytes) -> bytes:
        """The JWS as JSON."""
        ...


class LinkDown(Exception):
    """The broker cannot be reached now; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command. `silent`: no (final) answer in time; `unsent`: the broker is away, nothing was sent."""

    state: Literal["done", "accepted", "failed", "rejected", "silent", "unsent"]
    fault: Fault | None = None
    result: JsonObject = field(default_factory=dict)
    at: datetime | None = field(default=None, compare=False)
    """When the node answered, by its own clock."""
    command: str = field(default="", compare=False)
    """Id of a command to many: by it the as-aired log tells what became of the words."""


@dataclass
class _Pending:
    address: str
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    acks: list[Ack] = field(default_factory=list)

    def take(self, address: str, ack: Ack) -> None:
        if address == self.address and len(self.acks) <= 10:
            self.acks.append(ack)
            self.answered.set()


OnAnswer = Callable[[str, Outcome], None]
"""Address of a node, and what became of a command there, as far as is known."""


@dataclass
class _Poll:
    """A command to many: the nodes that have not answered finally, and who is told of each answer."""

    open: set[str]
    on_answer: OnAnswer
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def take(self, address: str, ack: Ack) -> None:
        if address not in self.open:
            return
        self.outcomes[address] = outcome = _outcome(ack)
        if ack.state != "accepted":
            self.open.discard(address)
        self.on_answer(address, outcome)
        if not self.open:
            self.answered.set()


class Commands:
    """The command desk of the hub."""

    def __init__(self, signer: Signs, publish: Callable[[str, bytes], Awaitable[None]], clock: Clock) -> None:
        """`publish` raises LinkDown. Nodes log the acting person as who asked."""
        self._signer = signer
        self._publish = publish
        self._clock = clock
        self._pending: dict[str, _Pending | _Poll] = {}
        self._stopping = False
        self.on_one: list[Callable[[str, Args, Outcome], None]] = []
        self.on_many: list[Callable[[str, Args, Mapping[str, Outcome]], None]] = []
        """Told what became of each command, as the acting person."""

    async def send(
        self,
        address: str,
        args: Args,
        *,
        limit: float,
        life: float,
        accepted_is_enough: bool = False,
        signer: Signs | None = None,
    ) -> Outcome:
        """Send and await the answer at most `limit` seconds. The node refuses it after `life` seconds.

        With `accepted_is_enough` the first answer counts: what is asked may take long (speaking). `signer`: another
        than as a rule.
        """
        command = self._command(address, args, life)
        outcome = await self._sent(command, limit, accepted_is_enough, signer or self._signer)
        for tell in self.on_one:
            tell(address, args, outcome)
        return outcome

    async def _sent(self, command: Command, limit: float, accepted_is_enough: bool, signer: Signs) -> Outcome:
        if len(self._pending) >= MAX_PENDING:
            return Outcome("unsent", Fault.of("command.busy"))
        address = command.to
        message = signer.sign(command.model_dump_json(by_alias=True, exclude_none=True).encode())
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

    async def send_all(
        self, commune: str, args: Args, nodes: Collection[str], *, limit: float, life: float, on_answer: OnAnswer
    ) -> dict[str, Outcome]:
        """Send one command to many nodes of a commune, await what each (by its address) says, `limit` seconds at most.

        The nodes refuse it after `life` seconds. `on_answer` is told of each answer as it comes.
        """
        outcomes = await self._sent_all(commune, args, nodes, limit, life, on_answer)
        for tell in self.on_many:
            tell(commune, args, outcomes)
        return outcomes

    async def _sent_all(
        self, commune: str, args: Args, nodes: Collection[str], limit: float, life: float, on_answer: OnAnswer
    ) -> dict[str, Outcome]:
        if len(self._pending) >= MAX_PENDING:
            return dict.fromkeys(nodes, Outcome("unsent", Fault.of("command.busy")))
        names = tuple(sorted(address.partition("/")[2] for address in nodes))
        command = self._command(f"{commune}/{EVERYBODY}", args, life, Selector(nodes=names))
        message = self._signer.sign(command.model_dump_json(by_alias=True, exclude_none=True).encode())
        if len(message) > MAX_BODY:
            fault = Fault.of("command.too_large", size=len(message), limit=MAX_BODY)
            return dict.fromkeys(nodes, Outcome("rejected", fault))
        poll = self._pending[command.id] = _Poll(set(nodes), on_answer)
        missing = Outcome("silent", Fault.of("command.timeout", seconds=int(limit)), command=command.id)
        try:
            async with asyncio.timeout(limit):
                await self._publish(_topic(command.to), message)
                if not self._stopping and poll.open:
                    await poll.answered.wait()
        except LinkDown:
            missing = Outcome("unsent")
        except TimeoutError:
            logger.info("%d of %d nodes have not answered to %s", len(poll.open), len(nodes), args.do)
        finally:
            del self._pending[command.id]
        return {address: poll.outcomes.get(address, missing) for address in nodes}

    def stop(self) -> None:
        """Wait for no answer any more: who waits is told that none came."""
        self._stopping = True
        for pending in self._pending.values():
            pending.answered.set()

    def on_ack(self, address: str, ack: Ack) -> None:
        """Take an answer; only the node that was asked can answer."""
        if pending := self._pending.get(ack.id):
            pending.take(address, ack)

    def _command(self, address: str, args: Args, life: float, selector: Selector | None = None) -> Command:
        now = self._clock.now()
        expires = now + timedelta(seconds=life)
        return Command(id=uuid7(), to=address, selector=selector, by=acting.by(), at=now, expires=expires, args=args)

    async def _answer(self, pending: _Pending, accepted_is_enough: bool) -> Outcome:
        while True:
            if not self._stopping:
                await pending.answered.wait()
                pending.answered.clear()
            for ack in pending.acks:
                if ack.state != "accepted" or accepted_is_enough:
                    return _outcome(ack)
            if self._stopping:
                return Outcome("silent", Fault.of("command.timeout", seconds=0))


def _outcome(ack: Ack) -> Outcome:
    return Outcome(ack.state, ack.fault, ack.result or {}, ack.at, ack.id)


def _topic(address: str) -> str:
    commune, _, node = address.partition("/")
    return NodeTopics(commune, node).command

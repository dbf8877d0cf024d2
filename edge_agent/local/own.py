"""Commands that are asked for on this very machine: they go over the desk as those from the hub do, unsigned."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Ack, Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.ids import uuid7

_LIFE = timedelta(minutes=10)


class OwnCommands:
    """Hears the desk's answers. `take` is to be set before anything is asked."""

    def __init__(self, address: str, clock: Clock) -> None:
        """`address`: commune/node."""
        self._address = address
        self._clock = clock
        self._asked: dict[str, asyncio.Future[Ack]] = {}
        self.take: Callable[[Command], None] = lambda _asked: None

    def heard(self, ack: Ack) -> None:
        """An answer of the desk."""
        waits = self._asked.get(ack.id)
        if waits is not None and ack.state != "accepted" and not waits.done():
            waits.set_result(ack)

    async def ask(self, args: JsonObject, by: str) -> JsonObject:
        """Have a command carried out; its result. Raises Refusal, and ValidationError for arguments that are wrong."""
        now = self._clock.now()
        plain = {"id": uuid7(), "to": self._address, "by": by[:100], "at": now, "expires": now + _LIFE, "args": args}
        asked = Command.model_validate(plain)
        waits = self._asked[asked.id] = asyncio.get_running_loop().create_future()
        try:
            self.take(asked)
            async with asyncio.timeout(_LIFE.total_seconds()):
                ack = await waits
        finally:
            del self._asked[asked.id]
        if ack.state == "done":
            return ack.result or {}
        refusal = Refusal("command.internal")
        refusal.fault = ack.fault or Fault.of("command.internal")
        raise refusal

"""What the hub owes each node: asking for records that are missing, confirming those that are safe."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from edge_agent.contract.commands import Args, ConfirmRecords, ResendRecords
from hub.clock import Clock
from hub.commands import Outcome
from hub.ledger import Ledger
from hub.records import Progress

LOOK_S = 1.0
ASK_S = 5.0
"""Least seconds between two requests to one node."""
ASK_MOST_S = 60.0
AT_ONCE = 1000
"""Records in one request."""
PATIENCE = 5
"""Requests that a node answers with `done` but without the records; after that they count as lost."""
CONFIRM_S = 30.0
CONFIRM_RECORDS = 1000
PARALLEL = 20
"""Nodes that are asked at the same time."""


class Sender(Protocol):
    """How a duty reaches its node."""

    async def send(self, address: str, args: Args, *, limit: float, life: float) -> Outcome:
        """Send a command, await what became of it."""
        ...


@dataclass
class Duty:
    """One node's pace. All times are monotonic seconds."""

    ask_at: float | None = None
    asked: tuple[int, int] | None = None
    tries: int = 0
    epoch: int = 0
    confirmed: int = 0
    confirm_at: float = 0.0
    jitter: Callable[[], float] = field(default=lambda: random.uniform(1.0, 1.5))  # noqa: S311 - pacing, no secret

    def next_request(self, progress: Progress, now: float) -> tuple[int, int] | None:
        """The range to ask for now, if any. Numbers only out of order get `ASK_S` to arrive by themselves."""
        if not progress.missing:
            self.ask_at, self.asked, self.tries = None, None, 0
            return None
        if self.ask_at is None:
            self.ask_at = now + ASK_S * self.jitter()
        if now < self.ask_at:
            return None
        first, last = progress.missing[0]
        wanted = (first, min(last, first + AT_ONCE - 1))
        if self.asked is None or self.asked[0] != first:
            self.tries = 0
        self.asked = wanted
        pause = min(ASK_S * 2**self.tries, ASK_MOST_S)
        self.ask_at = now + pause * self.jitter()
        return wanted

    def next_confirmation(self, progress: Progress, now: float) -> int | None:
        """The number to confirm now, if any."""
        if progress.epoch != self.epoch:
            self.epoch, self.confirmed = progress.epoch, 0
        fresh = progress.through - self.confirmed
        if fresh <= 0 or (now < self.confirm_at and fresh < CONFIRM_RECORDS):
            return None
        self.confirm_at = now + CONFIRM_S
        return progress.through


class FollowUp:
    """Looks at all nodes every `LOOK_S` seconds."""

    def __init__(self, ledger: Ledger, sender: Sender, is_online: Callable[[str], bool], clock: Clock) -> None:
        """`is_online`: whether the hub can reach that node now."""
        self._ledger = ledger
        self._sender = sender
        self._is_online = is_online
        self._clock = clock
        self._duties: dict[str, Duty] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._busy.values():
                task.cancel()

    def look(self) -> None:
        """Start what is due, `PARALLEL` nodes at once at most, one request per node."""
        self._busy = {address: task for address, task in self._busy.items() if not task.done()}
        now = self._clock.monotonic()
        for address, account in self._ledger.accounts.items():
            if len(self._busy) >= PARALLEL:
                return
            if address in self._busy or not self._is_online(address):
                continue
            duty = self._duties.setdefault(address, Duty())
            wanted = duty.next_request(account.progress, now)
            through = duty.next_confirmation(account.progress, now)
            if wanted or through is not None:
                self._busy[address] = asyncio.create_task(self._serve(address, duty, wanted, through))

    async def _serve(self, address: str, duty: Duty, wanted: tuple[int, int] | None, through: int | None) -> None:
        if wanted:
            await self._ask(address, duty, *wanted)
        if through is not None:
            outcome = await self._sender.send(address, ConfirmRecords(through=through), limit=10, life=60)
            if outcome.state == "done":
                duty.confirmed = max(duty.confirmed, through)

    async def _ask(self, address: str, duty: Duty, first: int, last: int) -> None:
        outcome = await self._sender.send(address, ResendRecords(first=first, last=last), limit=10, life=60)
        if outcome.state in ("done", "failed", "rejected"):
            duty.tries += 1
        has_none = outcome.state == "done" and outcome.result.get("records") == 0
        if has_none or duty.tries >= PATIENCE:
            self._ledger.give_up(address, first, last)
            duty.tries = 0

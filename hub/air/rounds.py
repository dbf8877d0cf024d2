"""One command to many nodes of any commune at once, each node's answer as it comes; the last are remembered."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from edge_agent.contract.commands import Args
from hub.air.choosing import by_commune
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.node import Node
from hub.notice import Notice
from hub.people.acting import by, person

logger = logging.getLogger(__name__)

KEPT = 50
PART = 400
"""Nodes in one command."""
AWAY = "away"
"""Of a node that was not asked, because it is not there."""


@dataclass
class Round:
    """Something that was asked of many. `kind`: of its words `air.asked_...`; no outcome: not answered yet."""

    id: str
    kind: str
    what: str
    who: str
    owner: str
    args: Args
    limit: float
    life: float
    nodes: tuple[str, ...]
    away: frozenset[str]
    at: datetime
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    over: bool = False

    def state(self, address: str, now: datetime) -> str:
        """How it stands at a node: an outcome's state, `away`, or `open` as long as it might still take it."""
        if address in self.away:
            return AWAY
        if outcome := self.outcomes.get(address):
            return outcome.state
        return "silent" if self.over or (now - self.at).total_seconds() > self.life else "open"


class Rounds:
    """The last rounds of this hub."""

    def __init__(self, commands: Commands, notice: Notice, clock: Clock) -> None:
        self._commands = commands
        self._notice = notice
        self._clock = clock
        self._known: dict[str, Round] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def get(self, id_: str) -> Round | None:
        """One of them, if it is remembered."""
        return self._known.get(id_)

    @property
    def all(self) -> tuple[Round, ...]:
        """The newest first."""
        return tuple(reversed(self._known.values()))

    def begin(self, kind: str, what: str, args: Args, nodes: Sequence[Node], *, limit: float, life: float) -> Round:
        """Ask these nodes; `limit`: seconds until their last answer, `life`: until they refuse it."""
        away = frozenset(node.address for node in nodes if not node.online)
        addresses = tuple(node.address for node in nodes)
        made = Round(
            *(secrets.token_urlsafe(9), kind, what, by(), person().id, args, limit, life),
            *(addresses, away, self._clock.now()),
        )
        self._known[made.id] = made
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        task = asyncio.create_task(self._run(made), name=f"round-{kind}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return made

    async def stop(self) -> None:
        """Wait for no answer any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, made: Round) -> None:
        asking = [
            self._ask(made, commune, addresses[n : n + PART])
            for commune, addresses in by_commune(a for a in made.nodes if a not in made.away).items()
            for n in range(0, len(addresses), PART)
        ]
        self._notice.bump()
        for outcomes in await asyncio.gather(*asking):
            made.outcomes |= outcomes
        made.over = True
        self._notice.bump()

    async def _ask(self, made: Round, commune: str, part: list[str]) -> Mapping[str, Outcome]:
        return await self._commands.send_all(
            commune, made.args, part, limit=made.limit, life=made.life, on_answer=self._answer(made)
        )

    def _answer(self, made: Round) -> Callable[[str, Outcome], None]:
        def take(address: str, outcome: Outcome) -> None:
            made.outcomes[address] = outcome
            self._notice.bump()

        return take

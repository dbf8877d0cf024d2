"""Live voices: who speaks where now, what nodes answer, and the packets on their way to them."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from statistics import median

from edge_agent.contract.commands import StartLive, StopLive
from hub.air.choosing import by_commune
from hub.air.outgoing import Outgoing
from hub.air.pacer import Pacer
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.node import Node
from hub.people.rights import Person

logger = logging.getLogger(__name__)

LEAD_S = 3.0
"""From the first tap to the first word: nodes start their workers and amplifiers meanwhile."""
LATENCY_MS = 600
"""A word is heard so long after it was spoken: what a phone's radio link, the hub, the broker and a node take."""
NODE_S = 0.26
"""Of these what a node needs for itself (0.2 s ahead of the card), and a message of two packets to be gathered."""
ALLOWANCE_S = LATENCY_MS / 1000 - NODE_S
AT_ONCE = 8
"""Voices of the whole hub."""
LIMITS_S = (60, 120, 300, 900, 1800)
"""How long somebody may speak, as the page offers it."""
_STOP_S = 4.0
_LAST_S = 6.0
"""So long the last word of each node is awaited."""
_OTHER_CLOCK_S = 0.1
_ASKED_S = 1.0


class Busy(Exception):
    """Not now. `key`: of the sentence in hub/text, filled with `params`."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


@dataclass
class LiveVoice:
    """Somebody who speaks. `epoch`: the instant of the first word, by the hub's `monotonic`."""

    who: Person
    title: str
    nodes: tuple[Node, ...]
    seconds: float
    epoch: float
    pacer: Pacer
    session: str = ""
    outgoing: dict[str, Outgoing] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unsent: int = 0
    """Messages that the broker was not there for."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a node has answered."""

    @property
    def refused(self) -> bool:
        """Whether no node of those that were asked is going to say it."""
        bad = ("failed", "rejected", "unsent")
        return len(self.outcomes) >= len(self.nodes) and all(o.state in bad for o in self.outcomes.values())


class Voices:
    """All live voices of this hub."""

    def __init__(self, commands: Commands, pass_on: Callable[[str, bytes], bool], clock: Clock) -> None:
        """`pass_on`: publishes at QoS 0, and says whether it went."""
        self._commands = commands
        self._pass_on = pass_on
        self._clock = clock
        self._live: list[LiveVoice] = []

    @contextlib.contextmanager
    def speaking(self, who: Person, title: str, nodes: Sequence[Node], seconds: float) -> Iterator[LiveVoice]:
        """Have the nodes get ready; the first word is spoken `LEAD_S` later. Raises Busy."""
        self._check({node.address for node in nodes}, who)
        epoch = self._clock.monotonic() + LEAD_S
        voice = LiveVoice(who, title, tuple(nodes), seconds, epoch, Pacer(epoch, ALLOWANCE_S))
        self._live.append(voice)
        voice.tasks.append(asyncio.create_task(self._announce(voice), name="voice-announce"))
        try:
            yield voice
        finally:
            self._live.remove(voice)
            for task in voice.tasks:
                task.cancel()

    def packet(self, voice: LiveVoice, sequence: int, level_db: float, packet: bytes, at: float) -> None:
        """Send the page's packet `sequence` that came at `at` (monotonic), if it is of use."""
        number = voice.pacer.place(sequence, at, level_db)
        if number is not None and number * 0.02 < voice.seconds:
            for outgoing in voice.outgoing.values():
                self._out(voice, outgoing, outgoing.add(number, packet))

    async def end(self, voice: LiveVoice) -> None:
        """Nothing more comes: say so, and wait for the last word of each node."""
        for outgoing in voice.outgoing.values():
            self._out(voice, outgoing, outgoing.rest())
        voice.tasks.append(self._stop(voice))
        await _until(voice, lambda: _answered(voice), _LAST_S)

    def _check(self, wanted: set[str], who: Person) -> None:
        if len(self._live) >= AT_ONCE:
            raise Busy("mic.too_many", limit=AT_ONCE)
        for other in self._live:
            shared = [node.title for node in other.nodes if node.address in wanted]
            if shared:
                name = other.who.name if other.who.id != who.id else ""
                raise Busy("mic.busy" if name else "mic.busy_self", who=name, where=shared[0])

    async def _announce(self, voice: LiveVoice) -> None:
        """Have the session started; once more with the nodes' idea of the time, if theirs is another."""
        asked, asked_at = self._clock.monotonic(), self._clock.now()
        ahead: dict[str, float] = {}
        self._begin(voice, 0.0, partial(self._reckon, ahead, asked, asked_at))
        await _until(voice, lambda: len(ahead) >= len(voice.nodes), _ASKED_S)
        offset_s = median(ahead.values()) if ahead else 0.0
        if abs(offset_s) >= _OTHER_CLOCK_S:
            logger.warning(
                "the clocks of nodes are ahead by %.2f s: a live voice is begun anew in their time", offset_s
            )
            await self._stop(voice)
            self._begin(voice, offset_s, lambda _address, _outcome: None)

    def _begin(self, voice: LiveVoice, offset_s: float, first: Callable[[str, Outcome], None]) -> None:
        session = voice.session = f"live-{secrets.token_hex(8)}"
        voice.outcomes.clear()
        parts = by_commune(node.address for node in voice.nodes)
        voice.outgoing = {commune: Outgoing(commune, session) for commune in parts}
        epoch = self._clock.now() + timedelta(seconds=voice.epoch - self._clock.monotonic() + offset_s)
        for commune, addresses in parts.items():
            args = StartLive.model_validate(
                {
                    "session": session,
                    "title": voice.title,
                    "epoch": epoch,
                    "latency_ms": LATENCY_MS,
                    "seconds": voice.seconds,
                    "key": voice.outgoing[commune].key,
                }
            )
            asking = self._ask(voice, session, commune, args, addresses, first)
            voice.tasks.append(asyncio.create_task(asking, name="voice-ask"))

    async def _ask(
        self,
        voice: LiveVoice,
        session: str,
        commune: str,
        args: StartLive,
        addresses: list[str],
        first: Callable[[str, Outcome], None],
    ) -> None:
        def take(address: str, outcome: Outcome) -> None:
            if voice.session == session:  # what a session before says now is no answer to this one
                first(address, outcome)
                voice.outcomes[address] = outcome
                voice.news.set()

        limit = voice.seconds + LEAD_S + LATENCY_MS / 1000 + _LAST_S
        outcomes = await self._commands.send_all(
            commune, args, addresses, limit=limit, life=voice.seconds + LEAD_S, on_answer=take
        )
        if voice.session == session:
            voice.outcomes |= outcomes
            voice.news.set()

    def _reckon(
        self, ahead: dict[str, float], asked: float, asked_at: datetime, address: str, outcome: Outcome
    ) -> None:
        """By how much a node's clock is ahead, as its first answer shows; 0 where it may be right.

        The answer was given at some time between question and arrival: more than that is not known.
        """
        if address in ahead or outcome.at is None:
            return
        doubt = (self._clock.monotonic() - asked) / 2
        seconds = (outcome.at - asked_at).total_seconds() - doubt
        ahead[address] = 0.0 if abs(seconds) <= doubt else seconds

    def _stop(self, voice: LiveVoice) -> asyncio.Task[None]:
        """End the session that was begun last."""
        args, parts = StopLive(session=voice.session), by_commune(node.address for node in voice.nodes)

        async def send() -> None:
            sending = (
                self._commands.send_all(c, args, nodes, limit=_STOP_S, life=60, on_answer=lambda *_: None)
                for c, nodes in parts.items()
            )
            await asyncio.gather(*sending)

        return asyncio.create_task(send(), name="voice-stop")

    def _out(self, voice: LiveVoice, outgoing: Outgoing, messages: list[bytes]) -> None:
        for message in messages:
            voice.unsent += not self._pass_on(outgoing.topic, message)


def _answered(voice: LiveVoice) -> bool:
    return all(
        (outcome := voice.outcomes.get(node.address)) is not None and outcome.state != "accepted"
        for node in voice.nodes
        if node.online
    )


async def _until(voice: LiveVoice, condition: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds, as far as answers make it hold; so many seconds at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():
                voice.news.clear()
                await voice.news.wait()

"""The side that speaks: captures in a child, signs, sends, and hears what becomes of it on each node."""

import asyncio
import contextlib
import logging
import secrets
import time
from base64 import b64decode
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from edge_agent.client import Client
from edge_agent.contract import topics
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, BulletinClass
from edge_agent.contract.commands import Ack
from edge_agent.contract.errors import Refusal
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.voice import MOST_BYTES, VoiceFrame, VoiceSigner
from edge_agent.link.wire import LinkDown
from edge_agent.streams.child import StreamChild

log = logging.getLogger(__name__)
NEW, AGAIN = 2, 2
"""Packets of a message: 40 ms of new sound, and the 40 ms before again. One message in 20 lost is not heard at all."""
_OTHER_CLOCK_S = 0.1
_ANSWER_S = 1.0
_OPEN_S = 10.0
_STILL_S = 3.0
"""A microphone that gives nothing for so long is gone."""
_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the voice comes from: a file, or a microphone by a part of its name (None: the default one)."""

    microphone: str | None = None
    file: Path | None = None
    level: bool = True
    """Bring it gently to the usual level."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `live.start` is told, and how long before speaking."""

    title: str = ""
    class_: BulletinClass = "priority"
    authority: str = DEFAULT_AUTHORITY
    speaker: str | None = None
    volume: float = 100
    latency_ms: int = 450
    seconds: float = 1800
    lead_s: float = 3.0
    """From the command to the first word: nodes start their workers and amplifiers meanwhile."""
    bitrate: int = 32_000
    session: str | None = None
    """The session that a bulletin's live segment waits for; None: a new one, on air by itself."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`state`: opened, waiting, speaking, ending; `level_dbfs` of the last 20 ms."""

    state: str
    seconds: float = 0.0
    level_dbfs: float = -120.0
    device: str = ""
    nodes: dict[str, str] = field(default_factory=dict)
    """What each node answered last: accepted, done, failed, rejected."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it."""

    session: str
    epoch: datetime
    """When the first sample was spoken, by our clock."""
    seconds: float
    messages: int
    bytes: int
    clock_s: float
    """By how much the nodes' clocks were ahead of ours; it was reckoned with."""
    acks: dict[str, Ack]


class Broadcaster:
    """Speaks to one node or to all of a commune. One `speak` at a time; the client's connection stays the caller's."""

    def __init__(
        self, client: Client, node: NodeTopics, by: str, on_progress: Callable[[Progress], None] = lambda _p: None
    ) -> None:
        self._client = client
        self._node = node
        self._by = by
        self._on_progress = on_progress
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(500)
        self._acks: dict[str, Ack] = {}
        self._first: dict[str, tuple[Ack, float]] = {}
        """The first answer of each node, and when it came."""
        self._answered = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._offset_s = 0.0

    async def speak(self, source: Source, wishes: Wishes, stop: asyncio.Event, expected: int = 1) -> Told:
        """Speak until the source ends, `wishes.seconds` are over, or `stop` is set; wait for what the nodes say of it.

        `expected`: nodes that should answer. Raises Refusal: what the source or the broker says, or all nodes refuse.
        """
        mouth = await StreamChild.start(["-m", "edge_agent.live.mouth"], log, self._hear)
        try:
            device = await self._opened(mouth, source, wishes)
            self._on_progress(Progress("opened", device=device))
            start = time.monotonic() + wishes.lead_s
            mouth.control(start=start)
            voice = await self._announce(start, wishes, expected)
            try:
                await self._send(voice, start, wishes, stop)
            finally:
                await self._stop(voice)
            await self._answers(wishes, expected)
            sent = (voice.seconds, voice.messages, voice.bytes)
            epoch = datetime.now(UTC) + timedelta(seconds=start - time.monotonic())
            return Told(voice.session, epoch, *sent, self._offset_s, dict(self._acks))
        finally:
            if self._listener is not None:
                self._listener.cancel()
            await mouth.end()

    async def _opened(self, mouth: StreamChild, source: Source, wishes: Wishes) -> str:
        file = None if source.file is None else str(source.file)
        mouth.control(microphone=source.microphone, file=file, bitrate=wishes.bitrate, level=source.level)
        try:
            async with asyncio.timeout(_OPEN_S):
                while True:
                    event = await self._next()
                    if event["event"] == "open":
                        return str(event["device"])
        except TimeoutError as error:
            raise Refusal("live.microphone", detail=f"it did not open within {_OPEN_S:g} s") from error

    async def _announce(self, start: float, wishes: Wishes, expected: int) -> "_Voice":
        """Have the session started; once more with the nodes' idea of the time if theirs is another."""
        voice = await self._begin(start, wishes)
        offsets = await self._offsets(expected)
        if not offsets or abs(median(offsets)) < _OTHER_CLOCK_S:
            return voice
        await self._stop(voice)
        self._offset_s = median(offsets)
        return await self._begin(start, wishes)

    async def _begin(self, start: float, wishes: Wishes) -> "_Voice":
        session = wishes.session or f"live-{secrets.token_hex(8)}"
        voice = _Voice(session, VoiceSigner(topics.voice(self._node.commune, session)), self._node.commune)
        epoch = datetime.now(UTC) + timedelta(seconds=start - time.monotonic() + self._offset_s)
        if self._listener is not None:  # what a session before says now is no answer to this one
            self._listener.cancel()
        self._acks, self._first = {}, {}
        self._asked_at = time.monotonic(), datetime.now(UTC)
        _, answers = await self._client.ask(
            self._node,
            {
                "do": "live.start",
                "session": session,
                "title": wishes.title,
                "epoch": epoch,
                "latency_ms": wishes.latency_ms,
                "speaker": wishes.speaker,
                "volume": wishes.volume,
                "class": wishes.class_,
                "authority": wishes.authority,
                "seconds": wishes.seconds,
                "key": voice.signer.public,
            },
            self._by,
            _LIFE,
        )
        self._listener = asyncio.create_task(self._listen(answers), name="live-acks")
        return voice

    async def _listen(self, answers: AsyncIterator[Ack]) -> None:
        async for ack in answers:
            self._first.setdefault(ack.node, (ack, time.monotonic()))
            self._acks[ack.node] = ack
            self._answered.set()

    async def _offsets(self, expected: int) -> list[float]:
        """By how many seconds each node's clock is ahead of ours, as its first answer shows; 0 where it may be right.

        The answer was given at some time between question and arrival: more than that is not known.
        """
        asked, asked_at = self._asked_at
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, asked + _ANSWER_S - time.monotonic())):
                while len(self._first) < expected:
                    self._answered.clear()
                    await self._answered.wait()
        offsets = []
        for ack, came in self._first.values():
            doubt = (came - asked) / 2
            ahead = (ack.at - asked_at).total_seconds() - doubt
            offsets.append(0.0 if abs(ahead) <= doubt else ahead)
        return offsets

    async def _send(self, voice: "_Voice", start: float, wishes: Wishes, stop: asyncio.Event) -> None:
        end = start + wishes.seconds
        while not stop.is_set() and time.monotonic() < end:
            self._all_refused()
            try:
                async with asyncio.timeout(_STILL_S + max(0.0, start - time.monotonic())):
                    event = await self._next_or(stop)
            except TimeoutError as error:
                raise Refusal("live.microphone", detail=f"it gave nothing for {_STILL_S:g} s") from error
            if event is None or event["event"] == "done":
                break
            if event["event"] == "packet":
                self._publish(voice, b64decode(event["p"]))
                self._on_progress(Progress("speaking", voice.seconds, event["db"], nodes=self._states()))
        self._flush(voice)
        self._on_progress(Progress("ending", voice.seconds, nodes=self._states()))

    async def _next(self) -> dict[str, Any]:
        event = await self._events.get()
        if event["event"] == "failed":
            raise Refusal(event["code"], detail=event["detail"])
        if event["event"] == "gone":
            raise Refusal("live.worker", detail=event["said"] or f"it ended with {event['status']}")
        return event

    async def _next_or(self, stop: asyncio.Event) -> dict[str, Any] | None:
        """The next event, None when somebody said stop."""
        event, stopped = asyncio.create_task(self._next()), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((event, stopped), return_when=asyncio.FIRST_COMPLETED)
            return event.result() if event.done() else None
        finally:
            for task in (event, stopped):
                task.cancel()
            await asyncio.gather(event, stopped, return_exceptions=True)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "hello":
            return
        with contextlib.suppress(asyncio.QueueFull):  # ten seconds of packets: the loop hangs
            self._events.put_nowait(event)

    def _publish(self, voice: "_Voice", packet: bytes) -> None:
        message = voice.add(packet)
        if message is not None:
            self._out(voice, message)

    def _flush(self, voice: "_Voice") -> None:
        message = voice.rest()
        if message is not None:
            self._out(voice, message)

    def _out(self, voice: "_Voice", message: bytes) -> None:
        try:
            self._client.publish(voice.topic, message)
        except LinkDown as error:
            raise Refusal("broker.unreachable", detail="connection lost") from error

    async def _stop(self, voice: "_Voice") -> None:
        with contextlib.suppress(LinkDown):  # the nodes notice by themselves
            await self._client.ask(self._node, {"do": "live.stop", "session": voice.session}, self._by, _LIFE)

    async def _answers(self, wishes: Wishes, expected: int) -> None:
        """Wait for the last word of each node, a little longer than it may take."""
        end = time.monotonic() + wishes.latency_ms / 1000 + 5.0
        while time.monotonic() < end:
            last = [ack for ack in self._acks.values() if ack.state != "accepted"]
            if len(last) >= expected:
                return
            await asyncio.sleep(0.05)

    def _states(self) -> dict[str, str]:
        return {name: ack.state for name, ack in self._acks.items()}

    def _all_refused(self) -> None:
        acks = list(self._acks.values())
        if acks and all(ack.state in ("rejected", "failed") and ack.fault is not None for ack in acks):
            fault = acks[0].fault
            assert fault is not None  # noqa: S101 - for the type checker
            raise Refusal(fault.code, **fault.params)


class _Voice:
    """Gathers packets into signed messages."""

    def __init__(self, session: str, signer: VoiceSigner, commune: str) -> None:
        self.session = session
        self.topic = topics.voice(commune, session)
        self.signer = signer
        self.messages = 0
        self.bytes = 0
        self._number = 0
        self._new: list[bytes] = []
        self._again: deque[bytes] = deque(maxlen=AGAIN)

    @property
    def seconds(self) -> float:
        """Spoken so far."""
        return self._number * 0.02

    def add(self, packet: bytes) -> bytes | None:
        """The message, when enough is together."""
        self._new.append(packet)
        self._number += 1
        return self._message() if len(self._new) >= NEW else None

    def rest(self) -> bytes | None:
        """The message of what is left."""
        return self._message() if self._new else None

    def _message(self) -> bytes:
        again = list(self._again)
        room = MOST_BYTES - 120 - sum(len(packet) + 2 for packet in self._new)
        while again and sum(len(packet) + 2 for packet in again) > room:
            del again[0]
        frame = VoiceFrame(self.messages, self._number - len(self._new), len(again), (*again, *self._new))
        message = self.signer.sign(frame)
        self._again.extend(self._new)
        self._new = []
        self.messages += 1
        self.bytes += len(message)
        return message

"""Live sessions of a node: `live.start` puts a person's voice on air, `live.stop` takes it off."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from drivers.contract import PlayStart
from edge_agent.broadcast.item import Item
from edge_agent.clock import Clock
from edge_agent.contract import topics
from edge_agent.contract.airings import Airing
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command, StartLive, StopLive
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Live
from edge_agent.contract.signature import public_key
from edge_agent.contract.voice import MOST_BYTES
from edge_agent.desk.act import Act, Begin
from edge_agent.desk.limiter import Limiter
from edge_agent.live.stream import SILENCE_S, LiveStream, Speech
from tts.enhance.settings import EnhancementSettings

log = logging.getLogger(__name__)
_AT_ONCE = 4
_NOTICE_S = 3.0
_FRAMES_PER_S = 100
"""A sender makes 25; what is more is not even looked at."""

Hear = Callable[[bytes], None]
Listen = Callable[[str, Hear | None], None]


class OnAir(Protocol):
    """Puts an item on the air of a speaker, as `Station.air(speaker).air` does. Raises Refusal."""

    def __call__(
        self, speaker: str | None, item: Item, begin: Begin, on_start: Callable[[PlayStart], None], /
    ) -> Awaitable[Airing]: ...


class LiveSessions:
    """All sessions of the node. Handles `live.start` and `live.stop`, and makes the live segments of bulletins."""

    def __init__(
        self,
        commune: str,
        folder: Path,
        clock: Clock,
        enhancement: EnhancementSettings,
        *,
        on_air: OnAir,
        listen: Listen | None = None,
        permit: Callable[[StartLive], None] = lambda _args: None,
    ) -> None:
        """`folder` holds FIFOs; `listen` subscribes to a topic (None: no more), or comes later by `connect`.
        `permit` raises Refusal where a voice of its own may not be heard now (lawful hours).
        """
        self._commune = commune
        self._folder = folder
        self._clock = clock
        self._enhancement = enhancement
        self._listen = listen or _deaf
        self._on_air = on_air
        self._permit = permit
        self._sessions: dict[str, _Session] = {}
        self._slots: dict[str, _Slot] = {}

    def connect(self, listen: Listen) -> None:
        """From now on topics are heard by this, see `Link.listen`."""
        self._listen = listen

    async def start(self, asked: Command, args: StartLive) -> Act:
        """Handle `live.start`. Refuses `live.busy`, `live.over`, `command.invalid`."""
        self._check(args)
        if args.session not in self._slots:  # a slot is judged with its bulletin
            self._permit(args)

        async def run(begin: Begin) -> JsonObject:
            self._check(args)
            speech = Speech(self._topic(args.session), args.key, args.epoch, args.latency_ms / 1000)
            session = _Session(args, asked.by, speech, Limiter(self._clock, most=_FRAMES_PER_S, per_s=1))
            self._sessions[args.session] = session
            self._listen(speech.topic, session.hear)
            try:
                slot = self._slots.get(args.session)
                if slot is not None:
                    return await self._in_slot(session, slot, begin)
                return await self._by_itself(session, begin)
            finally:
                self._listen(speech.topic, None)
                del self._sessions[args.session]

        return Act(run=run)

    async def stop(self, asked: Command, args: StopLive) -> Act:
        """Handle `live.stop`. Refuses `live.unknown`."""
        session = self._sessions.get(args.session)
        if session is None:
            raise Refusal("live.unknown", session=args.session)
        session.stop(asked.by)
        return Act(result={"session": args.session})

    def stream(self, segment: Live) -> "LiveStream":
        """The live segment of a bulletin: silent, until `live.start` names its session."""
        return _Slot(self._slots, segment, self._folder, self._clock, self._enhancement)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Counts of each session that runs."""
        return {name: session.numbers() for name, session in self._sessions.items()}

    def _topic(self, session: str) -> str:
        return topics.voice(self._commune, session)

    def _check(self, args: StartLive) -> None:
        if args.session in self._sessions:
            raise Refusal("live.busy", session=args.session)
        if len(self._sessions) >= _AT_ONCE:
            raise Refusal("live.too_many", limit=_AT_ONCE)
        if (self._clock.now() - args.epoch).total_seconds() > args.seconds:
            raise Refusal("live.over", session=args.session)
        try:
            public_key(args.key)
        except ValueError as error:
            raise Refusal("command.invalid", where="args.key", detail=str(error)) from error

    async def _by_itself(self, session: "_Session", begin: Begin) -> JsonObject:
        """An item of its own, heard from the epoch on, later by the latency."""
        args, due = session.args, session.speech.heard_from
        stream = LiveStream(
            self._folder,
            self._clock,
            self._enhancement,
            args.seconds,
            speech=session.speech,
            due=due,
            on_end=session.ended,
        )
        session.stream = stream
        item = Item(
            id=args.session,
            title=args.title or args.session,
            sources=(stream,),
            class_=args.class_,
            authority=args.authority,
            at=due,
            volume=args.volume,
            after="resume",
            by=session.by,
        )
        airing = asyncio.ensure_future(self._on_air(args.speaker, item, begin, stream.began))
        gone = asyncio.create_task(session.gone(), name="live-gone")
        try:
            await asyncio.wait((airing, gone), return_when=asyncio.FIRST_COMPLETED)
            aired = airing.result() if airing.done() else None
        finally:
            for task in (airing, gone):
                task.cancel()
            await asyncio.gather(airing, gone, return_exceptions=True)
            await stream.close()
        return session.report(aired)  # now: the worker's last word has come, if it said one

    async def _in_slot(self, session: "_Session", slot: "_Slot", begin: Begin) -> JsonObject:
        """The bulletin is on air and waits for this voice."""
        await begin()
        session.stream = slot
        slot.on_end = session.ended
        slot.attach(session.speech)
        await session.finished.wait()
        slot.on_end = None
        return session.report(None)


class _Session:
    """A person who speaks."""

    def __init__(self, args: StartLive, by: str, speech: Speech, limiter: Limiter) -> None:
        self.args = args
        self.by = by
        self.speech = speech
        self.stream: LiveStream | None = None
        self.finished = asyncio.Event()
        self._dropped = asyncio.Event()
        self._stopped_by = by
        self._why: str | None = None
        self._numbers: dict[str, Any] = {}
        self._limiter = limiter
        self._unseen = 0

    def hear(self, body: bytes) -> None:
        """A message on the topic."""
        if len(body) > MOST_BYTES or not self._limiter.allow():
            self._unseen += 1
        elif self.stream is not None:
            self.stream.frame(body)

    def stop(self, by: str) -> None:
        """Somebody said stop."""
        self._stopped_by = by
        if self.finished.is_set():  # its time was over first; the air plays the last of it
            return
        if self.stream is not None and self.stream.is_open:
            self.stream.stop()
        else:  # it has not been on air
            self._dropped.set()

    async def gone(self) -> None:
        """Return when nothing more comes, and the air should have noticed."""
        waits = [asyncio.create_task(event.wait()) for event in (self.finished, self._dropped)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self._dropped.is_set():
            await asyncio.sleep(_NOTICE_S)

    def ended(self, why: str, numbers: dict[str, Any]) -> None:
        """The worker has ended; `closed`: because its reader has, which may begin again after an interruption."""
        self._why, self._numbers = why, numbers
        if why != "closed":
            self.finished.set()

    def numbers(self) -> dict[str, Any]:
        """Counts so far."""
        return {**(self.stream.numbers if self.stream is not None else {}), "not_looked_at": self._unseen}

    def report(self, airing: Airing | None) -> JsonObject:
        """What the ack carries. Raises Refusal `live.no_voice`, `live.clock`, `live.lost`, `live.worker`."""
        numbers = {**self._numbers, "not_looked_at": self._unseen}
        if self._dropped.is_set() and self._why in (None, "closed"):
            raise Refusal("speaker.stopped", by=self._stopped_by)
        if self._why == "lost":
            self._complain(numbers)
        if self._why is not None and "." in self._why:
            raise Refusal(self._why, detail="see the log")
        result: JsonObject = {"session": self.args.session, "ended": self._why or "closed", "counts": numbers}
        if airing is not None:
            result |= {
                "seconds": round(airing.seconds, 3),
                "state": airing.state,
                "start_error_ms": airing.start_error_ms,
            }
        return result

    def _complain(self, numbers: dict[str, Any]) -> None:
        delay = numbers.get("delay_ms")
        if delay is None:
            raise Refusal("live.no_voice", seconds=SILENCE_S)
        # frames that came before they were spoken, or all of them too late to be heard, mean another clock
        if delay[0] < -1000 or delay[0] > self.args.latency_ms:
            raise Refusal("live.clock", seconds=round(delay[0] / 1000, 1))
        raise Refusal("live.lost", seconds=SILENCE_S)


class _Slot(LiveStream):
    """The live segment of a bulletin. Known by its session while it is open."""

    def __init__(
        self,
        slots: dict[str, "_Slot"],
        segment: Live,
        folder: Path,
        clock: Clock,
        enhancement: EnhancementSettings,
    ) -> None:
        super().__init__(folder, clock, enhancement, segment.seconds, on_end=self._over)
        self._slots = slots
        self._name = segment.session
        self.on_end: Callable[[str, dict[str, Any]], None] | None = None

    async def open(self, due: Any = None) -> Any:
        """See `LiveStream.open`."""
        piece = await super().open(due)
        self._slots[self._name] = self
        return piece

    async def close(self) -> None:
        """See `LiveStream.close`."""
        if self._slots.get(self._name) is self:
            del self._slots[self._name]
        await super().close()
        if self.on_end is not None:
            self.on_end(self.over or "closed", self.numbers)

    def _over(self, why: str, numbers: dict[str, Any]) -> None:
        if self.on_end is not None:
            self.on_end(why, numbers)


def _deaf(_topic: str, _hear: Hear | None) -> None:
    return None

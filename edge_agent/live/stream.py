"""One live voice as a piece for the air: the FIFO, and the worker that fills it."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drivers.contract import Piece, PlayStart
from edge_agent.clock import Clock
from edge_agent.contract.errors import Refusal
from edge_agent.streams.child import StreamChild
from tts.enhance.settings import EnhancementSettings

log = logging.getLogger(__name__)
LEAD_S = 0.2
"""Sound lies in the FIFO so long before it is heard: what a sound card's buffer takes, and a busy machine."""
SILENCE_S = 10.0
"""A session ends when no frame came for so long."""
_HELLO_S = 10.0


@dataclass(frozen=True, slots=True)
class Speech:
    """Whose frames are heard: topic, public key, the instant of sample 0, and how much later a sample is heard."""

    topic: str
    key: str
    epoch: datetime
    latency_s: float

    @property
    def heard_from(self) -> datetime:
        """The instant at which sample 0 is heard."""
        return self.epoch + timedelta(seconds=self.latency_s)


class LiveStream:
    """Implements `Stream`. Its sound is in step with other nodes when it is known when the piece begins."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        enhancement: EnhancementSettings,
        seconds: float,
        *,
        speech: Speech | None = None,
        due: datetime | None = None,
        on_end: Callable[[str, dict[str, Any]], None] = lambda _why, _numbers: None,
    ) -> None:
        """`due`: when the piece begins, if that is known already. `on_end` hears once why it is over, with numbers."""
        self._folder = folder
        self._clock = clock
        self._enhancement = enhancement
        self._seconds = seconds
        self._speech = speech
        self._first = due
        """Good for the first time only: what was interrupted begins again at another instant."""
        self._due: datetime | None = None
        self._on_end = on_end
        self._child: StreamChild | None = None
        self._fifo: Path | None = None
        self._hello: asyncio.Future[None] | None = None
        self.numbers: dict[str, Any] = {}
        self.over: str | None = None
        """Why it is over: stopped, time, lost, closed; or the code of a fault."""

    @property
    def pid(self) -> int | None:
        """Process id of the worker while there is one."""
        return self._child.pid if self._child is not None and self._child.alive else None

    async def open(self, due: datetime | None = None) -> Piece:
        """Start the worker. `due`: when the piece begins. Raises Refusal `live.no_opus`, `live.worker`."""
        await self.close()
        self.over = None
        self._due, self._first = due or self._first, None
        self._fifo = await asyncio.to_thread(self._make_fifo)
        self._hello = asyncio.get_running_loop().create_future()
        self._child = await StreamChild.start(["-m", "edge_agent.live.worker"], log, self._hear)
        self._child.control(
            fifo=str(self._fifo),
            lead_s=LEAD_S,
            seconds=self._seconds,
            silence_s=SILENCE_S,
            enhancement=self._enhancement.model_dump(mode="json"),
        )
        self._tell_due()
        if self._speech is not None:
            self.attach(self._speech)
        try:
            async with asyncio.timeout(_HELLO_S):
                await self._hello
        except TimeoutError as error:
            await self.close()
            raise Refusal("live.worker", detail=f"no answer within {_HELLO_S:g} s") from error
        except Refusal:
            await self.close()
            raise
        return Piece(path=self._fifo, seconds=self._seconds, live=True)

    def began(self, start: PlayStart) -> None:
        """The play has begun, and the piece with it: to be told where `open` was not told when."""
        if self._due is None:
            self._due = start.started_at
            self._tell_due()

    def attach(self, speech: Speech) -> None:
        """From now on this is who speaks."""
        self._speech = speech
        if self._child is not None:
            self._child.control(
                session={
                    "topic": speech.topic,
                    "key": speech.key,
                    "epoch": self._monotonic(speech.epoch),
                    "latency_s": speech.latency_s,
                }
            )

    def frame(self, body: bytes) -> None:
        """A message of the voice topic."""
        if self._child is not None:
            self._child.frame(body)

    def stop(self) -> None:
        """End when what was spoken until now has been heard."""
        if self._child is not None:
            self._child.control(stop=True)

    async def close(self) -> None:
        """End the worker and remove the FIFO."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()
        fifo, self._fifo = self._fifo, None
        if fifo is not None:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(fifo.unlink)

    def _make_fifo(self) -> Path:
        fifo = self._folder / f"{secrets.token_hex(8)}.fifo"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            os.mkfifo(fifo, 0o600)
        except OSError as error:
            raise Refusal("live.worker", detail=str(error)) from error
        return fifo

    def _tell_due(self) -> None:
        if self._due is not None and self._child is not None:
            self._child.control(base=self._monotonic(self._due))

    def _monotonic(self, instant: datetime) -> float:
        """The worker's clock is CLOCK_MONOTONIC, which no step of the wall clock moves."""
        return self._clock.monotonic() + (instant - self._clock.now()).total_seconds()

    def _hear(self, event: dict[str, Any]) -> None:
        match event.pop("event", None):
            case "hello":
                self._answer(None)
            case "stats":
                self.numbers = event
            case "ended":
                self.numbers = {name: value for name, value in event.items() if name != "why"}
                self._end(str(event.get("why")))
            case "failed":
                refusal = Refusal(str(event.get("code")), detail=str(event.get("detail")))
                self._answer(refusal)
                self._end(refusal.fault.code)
            case "gone":
                self._answer(Refusal("live.worker", detail=f"status {event['status']}; {event['said']}"))
                self._end("live.worker")

    def _answer(self, refusal: Refusal | None) -> None:
        if self._hello is None or self._hello.done():
            return
        if refusal is None:
            self._hello.set_result(None)
        else:
            self._hello.set_exception(refusal)

    def _end(self, why: str) -> None:
        if self.over is None:
            self.over = why
            self._on_end(why, self.numbers)

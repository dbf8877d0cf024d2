"""One live voice as a piece for the air: the FIFO, and the worker that fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drivers.contract import Piece, PlayStart
from edge_agent.clock import Clock
from edge_agent.contract.errors import Fault
from edge_agent.streams.filler import Filler
from tts.enhance.settings import EnhancementSettings

LEAD_S = 0.2
"""Sound lies in the FIFO so long before it is heard: what a sound card's buffer takes, and a busy machine."""
SILENCE_S = 10.0
"""A session ends when no frame came for so long."""


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
        self._filler = Filler("edge_agent.live.worker", folder, "live.worker", self._hear)
        self._clock = clock
        self._enhancement = enhancement
        self._seconds = seconds
        self._speech = speech
        self._first = due
        """Good for the first time only: what was interrupted begins again at another instant."""
        self._due: datetime | None = None
        self._on_end = on_end
        self.numbers: dict[str, Any] = {}
        self.over: str | None = None
        """Why it is over: stopped, time, lost, closed; or the code of a fault."""

    @property
    def pid(self) -> int | None:
        """Process id of the worker while there is one."""
        return self._filler.pid

    @property
    def is_open(self) -> bool:
        """Whether there is a worker, or was one until now whose last word is still to come."""
        return self._filler.is_open

    async def open(self, due: datetime | None = None) -> Piece:
        """Start the worker. `due`: when the piece begins. Raises Refusal `live.no_opus`, `live.worker`."""
        self.over = None
        self._due, self._first = due or self._first, None
        settings = {
            "lead_s": LEAD_S,
            "seconds": self._seconds,
            "silence_s": SILENCE_S,
            "enhancement": self._enhancement.model_dump(mode="json"),
        }
        told = [settings]
        if self._due is not None:
            told.append(self._base(self._due))
        if self._speech is not None:
            told.append(self._session(self._speech))
        # without an instant the worker has to see the reader come
        fifo = await self._filler.open(*told, awaited="hello" if self._due is not None else "ready")
        return Piece(path=fifo, seconds=self._seconds, live=True, at_most=True)

    def began(self, start: PlayStart) -> None:
        """The play has begun, and the piece with it: to be told where `open` was not told when."""
        if self._due is None:
            self._due = start.started_at
            self._filler.tell(**self._base(self._due))

    def attach(self, speech: Speech) -> None:
        """From now on this is who speaks."""
        self._speech = speech
        self._filler.tell(**self._session(speech))

    def frame(self, body: bytes) -> None:
        """A message of the voice topic."""
        self._filler.frame(body)

    def stop(self) -> None:
        """End when what was spoken until now has been heard."""
        self._filler.tell(stop=True)

    async def close(self) -> None:
        """End the worker and remove the FIFO."""
        await self._filler.close()

    def lack(self) -> Fault | None:
        """None: a session that nobody began is told where sessions are kept."""
        return None

    def _base(self, due: datetime) -> dict[str, Any]:
        return {"base": self._monotonic(due)}

    def _session(self, speech: Speech) -> dict[str, Any]:
        epoch = self._monotonic(speech.epoch)
        return {
            "session": {"topic": speech.topic, "key": speech.key, "epoch": epoch, "latency_s": speech.latency_s},
        }

    def _monotonic(self, instant: datetime) -> float:
        """The worker's clock is CLOCK_MONOTONIC, which no step of the wall clock moves."""
        return self._clock.monotonic() + (instant - self._clock.now()).total_seconds()

    def _hear(self, event: dict[str, Any]) -> None:
        match event.pop("event"):
            case "stats":
                self.numbers = event
            case "ended":
                why = str(event.pop("why"))
                self.numbers = event
                self._end(why)
            case "failed":
                self._end(str(event["code"]))
            case "gone":
                self._end("live.worker")

    def _end(self, why: str) -> None:
        if self.over is None:
            self.over = why
            self._on_end(why, self.numbers)

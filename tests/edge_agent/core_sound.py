"""A voice and a loudspeaker that cost nothing, on simulated time."""

import wave
from datetime import datetime, timedelta
from pathlib import Path

from drivers.contract import DriverFault, PlayReport, PlayStart
from edge_agent.announcer import Announcer
from edge_agent.clock import SimulatedClock
from edge_agent.config.model import Speaker
from edge_agent.contract.reports import SpeakerState
from edge_agent.media import MediaStore
from tts.errors import UNCLEAR, SpeechError
from tts.manner import ORDINARY, Manner
from tts.reading import Reading
from tts.speech import Attempt, Speech


class Voice:
    """Makes the same second of silence of every text; fails when told to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "speech.wav"
        with wave.open(str(self.path), "wb") as file:
            file.setparams((1, 2, 48_000, 0, "NONE", ""))
            file.writeframes(bytes(100))
        self.said: list[str] = []
        self.manners: list[Manner] = []
        self.unclear: tuple[str, ...] = ()
        self.error: Exception | None = None

    async def read(self, text: str, timeout_s: float = 10.0, manner: Manner = ORDINARY) -> Reading:
        open_ones = [word for word in self.unclear if word in text and word not in manner.readings]
        if open_ones and manner.strict:
            raise SpeechError(UNCLEAR, f"how are these read: {open_ones}")
        return Reading(text, text)

    async def say(self, text: str, timeout_s: float = 60.0, manner: Manner = ORDINARY) -> Speech:
        if self.error is not None:
            raise self.error
        await self.read(text, manner=manner)
        self.said.append(text)
        self.manners.append(manner)
        tried = (Attempt("gtts", "engine.offline", "x"),)
        return Speech(self.path, "ab" * 32, 1.0, "espeak-ng", "vi", text, False, tried)


class Horn:
    """Plays for `seconds` from the wanted instant on."""

    def __init__(self, clock: SimulatedClock, seconds: float = 10) -> None:
        self.clock = clock
        self.seconds = seconds
        self.played: list[datetime] = []
        self.playing = 0
        self.error: Exception | None = None

    async def play(self, path: Path, *, at=None, volume: float = 1.0, on_start=None) -> PlayReport:
        assert path.exists() and 0 <= volume <= 1
        self.playing += 1
        assert self.playing == 1, "one at a time"
        try:
            if at is not None and at > self.clock.now():
                await self.clock.sleep((at - self.clock.now()).total_seconds())
            if self.error is not None:
                raise self.error
            began = self.clock.now()
            error_ms = (began - at) / timedelta(milliseconds=1) if at is not None else None
            self.played.append(began)
            if on_start is not None:
                on_start(PlayStart(began, error_ms, "horn"))
            await self.clock.sleep(self.seconds)
            return PlayReport(began, error_ms, self.seconds, volume, "horn")
        finally:
            self.playing -= 1


SPEAKERS = (Speaker(id="loa-1", name="Loa", driver="horn"), Speaker(id="loa-2", name="Loa 2", driver="horn-2"))


class Sound:
    """The announcer with everything it needs."""

    def __init__(self, node, folder: Path, seconds: float = 10) -> None:
        self.voice = Voice(folder)
        self.horn: Horn | None = Horn(node.clock, seconds)
        self.second = Horn(node.clock, seconds)
        self.posts: list[SpeakerState] = []
        self.announcer = Announcer(
            SPEAKERS,
            self.voice,  # type: ignore[arg-type]
            node.clock,
            node.recorder,
            MediaStore(None, str),
            node.database,
            folder / "playing",
            driver=self._driver,  # type: ignore[arg-type]
            post=self.posts.append,
        )

    def _driver(self, name: str) -> Horn | None:
        return self.horn if name == "horn" else self.second


NO_VOICE = SpeechError("speech.no_engine", "gtts: offline")
NO_SOUND = DriverFault("speaker.device_lost", "unplugged")

"""A voice and a loudspeaker that cost nothing, on simulated time."""

import asyncio
import wave
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from drivers.contract import Control, DriverFault, Piece, PlayReport, PlayStart
from edge_agent.announcer import Announcer
from edge_agent.broadcast.item import Prepared
from edge_agent.broadcast.station import Station
from edge_agent.clock import SimulatedClock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.segments import Segment, Text
from edge_agent.media import MediaStore
from tts.errors import UNCLEAR, SpeechError
from tts.manner import ORDINARY, Manner
from tts.reading import Reading
from tts.speech import Attempt, Speech

RATE = 1000


def wav(path: Path, seconds: float) -> Path:
    """A silent file of that length, with few samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * round(seconds * RATE)))
    return path


class Voice:
    """Makes the same second of silence of every text; fails when told to."""

    def __init__(self, folder: Path) -> None:
        self.path = wav(folder / "speech.wav", 10)
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


class Sounds:
    """A siren of five seconds, and words that are as long as the voice's; both may be missing."""

    def __init__(self, folder: Path, voice: Voice) -> None:
        self.path: Path | None = wav(folder / "siren.wav", 5)
        self.voice = voice
        self.ready = asyncio.Event()
        self.ready.set()
        self.owners: list[str] = []
        self.released: list[str] = []

    def siren(self) -> Path:
        if self.path is None:
            raise Refusal("chime.not_ready", name="siren")
        return self.path

    async def prepare(self, owner: str, segments: tuple[Segment, ...], manner: Manner = ORDINARY) -> Prepared:
        self.owners.append(owner)
        await self.ready.wait()
        try:
            texts = [part.text for part in segments if isinstance(part, Text)]
            said = [await self.voice.say(text, manner=manner) for text in texts]
        except SpeechError as error:
            raise Refusal(error.code, detail=error.detail) from error
        pieces = tuple(Piece(speech.path) for speech in said)
        return Prepared(pieces, 10.0, tuple(speech.sha256 for speech in said), "vi", " ".join(texts))

    async def release(self, owner: str) -> None:
        self.released.append(owner)


class Horn:
    """Plays pieces on simulated time, as a driver does; `played` are the instants at which sound began.

    A single file lasts `seconds` whatever is in it, unless that is None: then as long as it is.
    """

    def __init__(self, clock: SimulatedClock, seconds: float | None = 10) -> None:
        self.clock = clock
        self.seconds = seconds
        self.played: list[datetime] = []
        self.plays: list[tuple[datetime, float, float, tuple[Piece, ...]]] = []
        self.ended: list[datetime] = []
        self.volumes: list[tuple[datetime, float]] = []
        self.playing = 0
        self.error: Exception | None = None
        self.breaks_after: float | None = None
        self._stop = asyncio.Event()
        self._began = 0.0
        self._skip = 0.0

    # what a Control asks of a driver
    def set_volume(self, volume: float, ramp_s: float) -> None:
        self.volumes.append((self.clock.now(), volume))

    def stop(self) -> None:
        self._stop.set()

    def position_s(self) -> float:
        return self._skip + max(0.0, self.clock.monotonic() - self._began)

    async def play(
        self,
        sound: Path | Sequence[Piece],
        *,
        at: datetime | None = None,
        skip_s: float = 0.0,
        volume: float = 1.0,
        on_start: Callable[[PlayStart], None] | None = None,
        control: Control | None = None,
    ) -> PlayReport:
        pieces = (Piece(sound),) if isinstance(sound, Path) else tuple(sound)
        assert pieces and all(piece.path is None or piece.path.exists() for piece in pieces)
        assert 0 <= volume <= 1
        self.playing += 1
        assert self.playing == 1, "one at a time"
        control = control or Control()
        self._stop = asyncio.Event()
        self._began, self._skip = float("inf"), skip_s
        control.attach(self)
        try:
            return await self._play(pieces, at, skip_s, volume, on_start, control)
        finally:
            control.detach()
            self.playing -= 1

    async def _play(self, pieces, at, skip_s, volume, on_start, control) -> PlayReport:
        joined = 0.0
        if at is not None and at > self.clock.now():
            await self._until((at - self.clock.now()).total_seconds())
        elif at is not None and pieces[0].live:
            joined = (self.clock.now() - at).total_seconds()
        began = self.clock.now()
        error_ms = (began - at) / timedelta(milliseconds=1) if at is not None else None
        if self._stop.is_set():
            return PlayReport(began, error_ms, 0.0, volume, "horn", stopped=True, position_s=skip_s)
        if self.error is not None:
            raise self.error
        self.played.append(began)
        self.plays.append((began, skip_s, joined, pieces))
        self._began = self.clock.monotonic() - joined
        if on_start is not None:
            on_start(PlayStart(began, error_ms, "horn"))
        total = self._length(pieces) - skip_s - joined
        if self.breaks_after is not None and self.breaks_after < total:
            await self._until(self.breaks_after)
            if not self._stop.is_set():
                self.error = self.error or NO_SOUND
                self.ended.append(self.clock.now())
                raise self.error
        else:
            await self._until(total)
        self.ended.append(self.clock.now())
        seconds = self.clock.monotonic() - self._began - joined
        return PlayReport(
            began,
            error_ms,
            seconds,
            control.volume if control.volume is not None else volume,
            "horn",
            stopped=self._stop.is_set(),
            position_s=skip_s + joined + seconds,
            uncertainty_ms=0.2,
        )

    def _length(self, pieces: Sequence[Piece]) -> float:
        return self.seconds if len(pieces) == 1 and self.seconds is not None else sum(map(_seconds, pieces))

    async def _until(self, seconds: float) -> None:
        sleeper, stop = asyncio.ensure_future(self.clock.sleep(seconds)), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({sleeper, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            stop.cancel()


def _seconds(piece: Piece) -> float:
    if piece.path is None or piece.live:
        return piece.seconds or 0.0
    with wave.open(str(piece.path), "rb") as file:
        return file.getnframes() / file.getframerate()


SPEAKERS = (Speaker(id="loa-1", name="Loa", driver="horn"), Speaker(id="loa-2", name="Loa 2", driver="horn-2"))
NO_GAP = Broadcast(gap_s=0)


class Sound:
    """The station and the announcer with everything they need."""

    def __init__(
        self,
        node,
        folder: Path,
        seconds: float | None = 10,
        *,
        speakers: Sequence[Speaker] = SPEAKERS,
        policy: Broadcast = NO_GAP,
        lines=lambda _name: None,
    ) -> None:
        self.voice = Voice(folder)
        self.sounds = Sounds(folder, self.voice)
        self.horn: Horn | None = Horn(node.clock, seconds)
        self.second = Horn(node.clock, seconds)
        self.posts: list[SpeakerState] = []
        self.station = Station(
            speakers,
            policy,
            ZoneInfo("Asia/Ho_Chi_Minh"),
            node.clock,
            node.recorder,
            node.database,
            node.outbox,
            sounds=self.sounds,
            media=MediaStore(None, str),
            driver=self._driver,  # type: ignore[arg-type]
            lines=lines,
            post=self.posts.append,
            uncertainty_ms=lambda: 0.5,
        )
        self.announcer = Announcer(
            self.station,
            self.voice,  # type: ignore[arg-type]
            node.clock,
            node.recorder,
            folder / "playing",
        )

    def _driver(self, name: str) -> Horn | None:
        return self.horn if name == "horn" else self.second


NO_VOICE = SpeechError("speech.no_engine", "gtts: offline")
NO_SOUND = DriverFault("speaker.device_lost", "unplugged")

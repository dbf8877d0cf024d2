"""Speaks: text becomes sound ahead of air, one thing at a time per loudspeaker, and what was played is reported."""

import asyncio
import json
import logging
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from drivers.contract import DriverFault, PlayReport, PlayStart
from drivers.contract import Speaker as SpeakerDriver
from edge_agent.clock import Clock
from edge_agent.config.model import Speaker
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command, Speak, StopSpeaker
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import SpeakerState
from edge_agent.desk.act import Act, Begin
from edge_agent.media import MediaStore
from edge_agent.recorder import Recorder
from edge_agent.store.database import Database, StoreError
from tts.client import VoiceWorker
from tts.errors import EMPTY, TOO_LONG, UNCLEAR, WORKER_DIED, SpeechError
from tts.manner import Manner
from tts.speech import Speech

log = logging.getLogger(__name__)
_WAITING = 16
_SYNTHESIS_LIMIT_S = 120.0
_READING_LIMIT_S = 5.0
_ABOUT_THE_TEXT = {EMPTY, TOO_LONG, UNCLEAR}
_KEEP_SOUND = 5 * 1024 * 1024


@dataclass
class _Horn:
    """What is known of one loudspeaker."""

    config: Speaker
    state: SpeakerState
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    playing: asyncio.Task[PlayReport] | None = None
    stops: int = 0
    """How often it was told to stop; who waited before that has nothing to say any more."""
    stopped_by: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    """Something to be played: see `Announcer.play`."""

    speech: Speech
    title: str
    of: str
    volume: float
    at: datetime | None
    on_start: Callable[[PlayStart], None] | None


class Announcer:
    """All loudspeakers of the node, and the voice that they share."""

    def __init__(  # noqa: PLR0913 - voice, disk, hub and drivers meet here
        self,
        speakers: Sequence[Speaker],
        voice: VoiceWorker,
        clock: Clock,
        recorder: Recorder,
        media: MediaStore,
        database: Database,
        folder: Path,
        *,
        driver: Callable[[str], SpeakerDriver | None],
        post: Callable[[SpeakerState], None],
    ) -> None:
        """`folder` holds sounds that wait; `driver` gives an open speaker driver; `post` publishes a state."""
        now = clock.now()
        self._horns = {
            speaker.id: _Horn(speaker, SpeakerState(id=speaker.id, at=now, actual="idle")) for speaker in speakers
        }
        self._voice = voice
        self._clock = clock
        self._recorder = recorder
        self._media = media
        self._database = database
        self._folder = folder
        self._sending: set[Path] = set()
        self._driver = driver
        self._post = post
        self._uploads: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read what each speaker said last, so that it can be heard again after a restart; drop old held sounds."""
        for left in self._folder.glob("*.wav"):
            left.unlink(missing_ok=True)
        rows = await self._database.read(
            lambda db: db.execute("SELECT key, value FROM meta WHERE key LIKE 'speaker/%'").fetchall()
        )
        for key, value in rows:
            horn = self._horns.get(key.removeprefix("speaker/"))
            if horn is None:
                continue
            try:
                horn.state = SpeakerState.model_validate({**json.loads(value), "id": horn.config.id, "actual": "idle"})
            except ValueError as error:
                log.warning("what speaker %s said last cannot be read: %s", horn.config.id, error)

    def report(self) -> None:
        """Publish the state of all speakers, with what their drivers say."""
        for horn in self._horns.values():
            self._say(horn, fault=self._fault_of(horn))

    async def stop(self) -> None:
        """Let go of what is still being sent."""
        for task in self._uploads:
            task.cancel()
        await asyncio.gather(*self._uploads, return_exceptions=True)

    async def render(self, text: str, manner: Manner) -> Speech:
        """Text to a sound file, from the cache when it was said before. Raises Refusal with the voice's code."""
        try:
            try:
                return await self._voice.say(text, timeout_s=_SYNTHESIS_LIMIT_S, manner=manner)
            except SpeechError as error:
                if error.code != WORKER_DIED:
                    raise
                log.warning("the voice died and is asked once more: %s", error)
                return await self._voice.say(text, timeout_s=_SYNTHESIS_LIMIT_S, manner=manner)
        except SpeechError as error:
            raise Refusal(error.code, detail=error.detail) from error
        except OSError as error:
            raise Refusal("speech.storage", detail=str(error)) from error

    async def check_reading(self, text: str, manner: Manner) -> None:
        """Refuse a text with open questions while the person who wrote it is still there to answer them.

        A voice that is busy or broken refuses nothing here: whether the sound gets ready is told later anyway.
        """
        try:
            await self._voice.read(text, timeout_s=_READING_LIMIT_S, manner=manner)
        except SpeechError as error:
            if error.code in _ABOUT_THE_TEXT:
                raise Refusal(error.code, detail=error.detail) from error
            log.warning("a text could not be checked beforehand: %s", error)

    async def speak(self, asked: Command, args: Speak) -> Act:
        """Handle `speak`: synthesise now, play when the speaker is free."""
        horn = self.horn(args.speaker)
        if horn.waiting >= _WAITING:
            raise Refusal("command.busy")

        async def run(begin: Begin) -> JsonObject:
            self._say(horn, actual="preparing" if horn.state.actual == "idle" else None)
            horn.waiting += 1
            try:
                speech = await self.render(args.text, Manner(args.readings, args.strict_reading))
                report = await self.play(
                    horn.config.id, speech, title=args.text[:80], of=asked.id, volume=args.volume, begin=begin
                )
            except Refusal as refusal:
                self._say(horn, fault=refusal.fault)
                raise
            finally:
                horn.waiting -= 1
                if horn.state.actual == "preparing" and not horn.waiting:
                    self._say(horn, actual="idle", fault=horn.state.fault)
            self._recorder.event(
                "spoken",
                f"speaker/{horn.config.id}",
                id=asked.id,
                by=asked.by,
                text=args.text[:500],
                **_heard(report, speech),
            )
            return _heard(report, speech)

        return Act(run=run)

    def horn(self, speaker: str | None) -> _Horn:
        """A speaker by its id, or the first. Raises Refusal."""
        if speaker is None and self._horns:
            return next(iter(self._horns.values()))
        horn = self._horns.get(speaker or "")
        if horn is None:
            known = ", ".join(self._horns) or "-"
            raise Refusal("command.unknown_thing", kind="speaker", id=speaker or "-", known=known)
        return horn

    async def play(
        self,
        speaker: str | None,
        speech: Speech,
        *,
        title: str,
        of: str,
        volume: float = 100,
        at: datetime | None = None,
        on_start: Callable[[PlayStart], None] | None = None,
        begin: Begin | None = None,
    ) -> PlayReport:
        """Play a sound when its turn has come, at an instant if one is given. Raises Refusal.

        `begin` is awaited right before, when the turn has come.
        """
        horn = self.horn(speaker)
        stops = horn.stops
        sound = self._hold(speech.path)
        try:
            async with horn.turn:
                if horn.stops != stops:
                    raise Refusal("speaker.stopped", by=horn.stopped_by)
                if begin is not None:
                    await begin()
                item = _Item(replace(speech, path=sound), title, of, volume, at, on_start)
                return await self._play_until_stopped(horn, item)
        finally:
            self._release(sound)

    async def stop_speaker(self, asked: Command, args: StopSpeaker) -> Act:
        """Handle `speaker.stop`: silence now."""
        horn = self.horn(args.speaker)
        horn.stops += 1
        horn.stopped_by = asked.by
        was_playing = horn.playing is not None
        if horn.playing is not None:
            horn.playing.cancel()
        return Act(result={"was_playing": was_playing})

    async def _play_until_stopped(self, horn: _Horn, item: "_Item") -> PlayReport:
        stops = horn.stops
        horn.playing = asyncio.create_task(self._play(horn, item), name="play")
        try:
            return await horn.playing
        except asyncio.CancelledError:
            if horn.stops == stops:
                horn.playing.cancel()  # we are cancelled ourselves: the sound ends with us
                await asyncio.wait([horn.playing], timeout=2)
                raise
            raise Refusal("speaker.stopped", by=horn.stopped_by) from None
        finally:
            horn.playing = None

    def _hold(self, sound: Path) -> Path:
        """A second name for a sound, so that the voice's cache cannot lose it while it waits for its turn."""
        self._folder.mkdir(parents=True, exist_ok=True)
        held = self._folder / f"{secrets.token_hex(8)}.wav"
        try:
            held.hardlink_to(sound)
        except FileNotFoundError as error:
            raise Refusal("speaker.bad_audio", detail="the sound is gone from the cache") from error
        except OSError:  # another file system
            shutil.copyfile(sound, held)
        return held

    def _release(self, sound: Path) -> None:
        """Forget a held sound, unless it is still being sent."""
        if sound not in self._sending:
            sound.unlink(missing_ok=True)

    async def _play(self, horn: _Horn, item: "_Item") -> PlayReport:
        speech = item.speech
        driver = self._driver(horn.config.driver)
        if driver is None:
            raise Refusal("speaker.no_device", detail=f"driver {horn.config.driver} is not working")

        def started(start: PlayStart) -> None:
            about = {"playing": item.of, "title": item.title, "volume": item.volume}
            self._say(horn, actual="playing", output=start.output, voice=speech.voice, **about)
            if item.on_start is not None:
                item.on_start(start)

        try:
            report = await driver.play(speech.path, at=item.at, volume=item.volume / 100, on_start=started)
        except DriverFault as fault:
            self._tell(horn, fault.code, fault.detail)
            raise Refusal(fault.code, detail=fault.detail) from fault
        except Exception as error:  # a driver is foreign code: whatever it raises is its own fault
            log.exception("the driver of speaker %s failed", horn.config.id)
            detail = f"{type(error).__name__}: {error}"[:200]
            self._tell(horn, "driver.failed", detail)
            raise Refusal("driver.failed", detail=detail) from error
        except asyncio.CancelledError:
            self._say(horn, actual="idle", playing=None, title=None)
            raise
        self._say(
            horn,
            actual="idle",
            playing=None,
            title=None,
            last_spoken=speech.spoken[:2000],
            last_at=report.started_at,
            fault=None,
        )
        self._keep(horn, speech.path)
        return report

    def _tell(self, horn: _Horn, code: str, detail: str) -> None:
        self._say(horn, actual="idle", playing=None, title=None, fault=Fault.of(code, detail=detail))
        self._recorder.event("fault", f"speaker/{horn.config.id}", code=code, detail=detail)

    def _keep(self, horn: _Horn, path: Path) -> None:
        """Send the sound to the hub, so that staff can hear what was said; the speaker does not wait for it."""

        async def send() -> None:
            try:
                content = await asyncio.to_thread(_read, path)
                if content is not None:
                    self._say(horn, last_sound=await self._media.put(content, "audio/wav"))
            except (OSError, Refusal) as error:
                log.warning("the sound could not be sent to the hub: %s", error)
            finally:
                self._sending.discard(path)
                self._release(path)
            await self._remember(horn)

        self._sending.add(path)
        task = asyncio.create_task(send(), name="keep-sound")
        self._uploads.add(task)
        task.add_done_callback(self._uploads.discard)

    async def _remember(self, horn: _Horn) -> None:
        said = horn.state.model_dump_json(include={"at", "voice", "last_sound", "last_spoken", "last_at"})
        try:
            await self._database.write(
                lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"speaker/{horn.config.id}", said))
            )
        except StoreError as error:
            log.warning("what was said last could not be written: %s", error)

    def _fault_of(self, horn: _Horn) -> Fault | None:
        if self._driver(horn.config.driver) is None:
            return Fault.of("speaker.no_device", detail=f"driver {horn.config.driver} is not working")
        return None

    def _say(self, horn: _Horn, **changes: object) -> None:
        news = {
            key: value for key, value in changes.items() if value is not None or key in ("playing", "title", "fault")
        }
        horn.state = horn.state.model_copy(update={**news, "at": self._clock.now()})
        self._post(horn.state)


def _read(path: Path) -> bytes | None:
    """The sound, if it is short enough to be sent; a long one is not even read."""
    return path.read_bytes() if path.stat().st_size <= _KEEP_SOUND else None


def _heard(report: PlayReport, speech: Speech) -> JsonObject:
    """What a person or the hub may want to know of a play."""
    heard: JsonObject = {
        "started": report.started_at.isoformat(timespec="milliseconds"),
        "seconds": round(report.seconds, 2),
        "volume": report.volume,
        "output": report.output,
        "engine": speech.engine,
        "voice": speech.voice,
        "spoken": speech.spoken[:2000],
        "sha256": speech.sha256,
    }
    if report.start_error_ms is not None:
        heard["start_error_ms"] = round(report.start_error_ms, 2)
    if speech.guessed:
        heard["guessed"] = list(speech.guessed)
    if speech.tried:
        heard["tried"] = [f"{attempt.engine}: {attempt.code}" for attempt in speech.tried]
    return heard


heard = _heard

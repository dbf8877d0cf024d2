"""Speaks what people say now: text becomes sound, goes on air, and what was heard is reported."""

import logging
import secrets
import shutil
from datetime import timedelta
from pathlib import Path

from drivers.contract import Piece
from edge_agent.broadcast.alarm import Alarm
from edge_agent.broadcast.item import Item
from edge_agent.broadcast.sounding import LONGEST
from edge_agent.broadcast.station import Station
from edge_agent.clock import Clock
from edge_agent.contract.airings import Airing
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command, Speak
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Text
from edge_agent.cutoff import tell_unheard
from edge_agent.desk.act import Act, Begin
from edge_agent.recorder import Recorder
from edge_agent.store.outbox import Entry
from edge_agent.words import cause
from tts.client import VoiceWorker
from tts.errors import EMPTY, TOO_LONG, UNCLEAR, WORKER_DIED, SpeechError
from tts.manner import Manner
from tts.speech import Speech

log = logging.getLogger(__name__)
_WAITING = 16
_TITLE = 200
"""Characters of the sentence that stand for it in the log and on the page."""
_SYNTHESIS_LIMIT_S = 120.0
_READING_LIMIT_S = 5.0
_ABOUT_THE_TEXT = {EMPTY, TOO_LONG, UNCLEAR}
_TOGETHER = timedelta(seconds=0.3)
"""An emergency without an instant begins so long after it was asked for, so that all nodes begin together."""


class Announcer:
    """The voice of the node, and the command `speak`."""

    def __init__(self, station: Station, voice: VoiceWorker, clock: Clock, recorder: Recorder, folder: Path) -> None:
        """`folder` holds sounds that wait for their turn."""
        self._station = station
        self._voice = voice
        self._clock = clock
        self._recorder = recorder
        self._folder = folder
        self._waiting: dict[str, int] = {}

    async def load(self) -> None:
        """Drop sounds that an earlier run held."""
        for left in self._folder.glob("*.wav"):
            left.unlink(missing_ok=True)

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
            raise Refusal(error.code, **cause(error)) from error
        except OSError as error:
            raise Refusal("speech.storage", detail=str(error)) from error

    async def check_reading(self, text: str, manner: Manner) -> None:
        """Refuse a text with open questions while the person who wrote it is still there to answer them.

        So is a text for a voice that is not there. A voice that is busy or broken refuses nothing here: whether the
        sound gets ready is told later anyway.
        """
        voices = [voice.id for voice in self._voice.voices]
        if manner.voice is not None and manner.voice not in voices:
            raise Refusal("voice.unknown", voice=manner.voice, known=", ".join(voices))
        try:
            await self._voice.read(text, timeout_s=_READING_LIMIT_S, manner=manner)
        except SpeechError as error:
            if error.code in _ABOUT_THE_TEXT:
                raise Refusal(error.code, **cause(error)) from error
            log.warning("a text could not be checked beforehand: %s", error)

    async def speak(self, asked: Command, args: Speak) -> Act:
        """Handle `speak`: synthesise now, on air when its turn has come; an emergency sounds at once."""
        speaker = self._station.speaker(args.speaker)
        if args.class_ == "emergency":
            return self._alarm(asked, args, speaker)
        self._station.check(args.class_, args.authority, speaker, args.at)
        if self._waiting.get(speaker, 0) >= _WAITING:
            raise Refusal("command.busy")
        return Act(run=lambda begin: self._speak(asked, args, speaker, begin))

    async def _speak(self, asked: Command, args: Speak, speaker: str, begin: Begin) -> JsonObject:
        board = self._station.board(speaker)
        self._waiting[speaker] = self._waiting.get(speaker, 0) + 1
        board.preparing(1)
        try:
            speech = await self.render(args.text, Manner(args.readings, args.strict_reading))
        except Refusal as refusal:
            board.fault("voice", refusal.fault)
            tell_unheard(asked, refusal.fault, self._station, self._recorder)
            self._waiting[speaker] -= 1
            raise
        finally:
            board.preparing(-1)
        sound = self._hold(speech.path)
        try:
            airing = await self._station.air(speaker).air(self._item(asked, args, speech, sound), begin)
            await self._station.told(speaker)
        except Refusal as refusal:
            tell_unheard(asked, refusal.fault, self._station, self._recorder)
            raise
        finally:
            self._waiting[speaker] -= 1
            sound.unlink(missing_ok=True)
        heard = _heard(airing, speech)
        self._recorder.event("aired", f"speaker/{speaker}", **{**heard, **airing.data(), "text": args.text[:500]})
        if airing.code is not None:
            raise Refusal(airing.code, detail=airing.reason or "", by=self._station.air(speaker).stopped_by)
        return heard

    def _item(self, asked: Command, args: Speak, speech: Speech, sound: Path) -> Item:
        at = args.at if args.at is not None and self._clock.trusted and args.at > self._clock.now() else None
        return Item(
            id=asked.id,
            title=args.text[:_TITLE].strip(),
            sources=(Piece(sound),),
            class_=args.class_,
            authority=args.authority,
            at=at,
            volume=args.volume,
            voice=speech.voice,
            sha256=(speech.sha256,),
            by=asked.by,
            spoken=speech.spoken,
        )

    def _alarm(self, asked: Command, args: Speak, speaker: str) -> Act:
        """On disk together with its command, then the siren; done when its words were heard once to the end."""
        emergencies = self._station.emergencies
        if emergencies.known(asked.id):  # after a restart
            return Act(run=lambda _begin: self._heard_once(asked.id))
        emergencies.check_room()
        now = self._clock.now()
        at = args.at or asked.at + _TOGETHER
        alarm = Alarm(
            id=asked.id,
            speaker=speaker,
            title=args.text[:_TITLE].strip(),
            segments=(Text(text=args.text, readings=args.readings),),
            authority=args.authority,
            by=asked.by,
            volume=args.volume,
            at=at if self._clock.trusted and at > now else None,
            until=min(asked.expires, max(now, at) + LONGEST),
        )
        data: JsonObject = {"id": asked.id, "state": "sounding", "by": asked.by, "text": args.text[:500]}
        entry = Entry.event(now, "emergency", f"emergency/{asked.id}", data)

        async def run(_begin: Begin) -> JsonObject:
            if not emergencies.known(asked.id):  # its row was lost with the database
                return _proof(await emergencies.sound(alarm))
            return await self._heard_once(asked.id)

        return Act(
            lambda db: emergencies.write(db, alarm),
            (entry,),
            run=run,
            settled=lambda written: emergencies.begin(alarm, unwritten=not written),
            anyhow=True,
        )

    async def _heard_once(self, id_: str) -> JsonObject:
        return _proof(await self._station.emergencies.first(id_))

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


def _proof(airing: Airing) -> JsonObject:
    """What is answered when an emergency was heard."""
    return airing.data()


def _heard(airing: Airing, speech: Speech) -> JsonObject:
    """What a person or the hub may want to know of what was spoken."""
    heard: JsonObject = {
        **_proof(airing),
        "engine": speech.engine,
        "voice": speech.voice,
        "spoken": speech.spoken[:2000],
    }
    if speech.guessed:
        heard["guessed"] = list(speech.guessed)
    if speech.tried:
        heard["tried"] = [f"{attempt.engine}: {attempt.code}" for attempt in speech.tried]
    return heard

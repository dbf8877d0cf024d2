"""Makes one segment ready: a WAV in the node's store, from whatever it takes."""

import asyncio
import logging
import secrets
import shutil
import tempfile
import wave
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Audio, Chime, Live, Pause, Relay, Segment, Sound, Text
from edge_agent.media.fetch import Fetcher
from edge_agent.media.store import SoundStore, disk_refusal
from edge_agent.media.turns import Turns
from edge_agent.prepare.plans import Kept
from edge_agent.words import cause
from tts.audio import RATE, seconds_of
from tts.cache import key_of
from tts.client import VoiceWorker
from tts.errors import STORAGE, WORKER_DIED, AudioError, SpeechError
from tts.manner import Manner
from tts.speech import Speech

log = logging.getLogger(__name__)
T = TypeVar("T")
_SPEECH_LIMIT_S = 120.0
_URGENT_FETCH_S = 6.0
"""Urgent words wait no longer for the hub's sound: the siren before them takes nine seconds."""
_AT_ONCE = 3


class Workshop:
    """Sounds by what they are made of; what is there already is not made again.

    Methods raise Refusal: `media.*` of the fetcher and the store, `audio.*`, `speech.*`.
    """

    def __init__(self, store: SoundStore, fetcher: Fetcher, voice: VoiceWorker) -> None:
        self._store = store
        self._fetcher = fetcher
        self._voice = voice
        self._turns = Turns()
        self._sounds_turn = asyncio.Semaphore(_AT_ONCE)
        self._speech_turn = asyncio.Semaphore(1)  # an announcement that must be made now waits for one text at most
        self._sounds_maker = self._maker = ""
        self._in_memory: dict[str, Path] = {}
        self._spare: tempfile.TemporaryDirectory[str] | None = None

    def load(self) -> None:
        """Learn what shapes the sounds. Blocking."""
        self._sounds_maker = self._voice.sounds_maker()
        self._maker = key_of(self._sounds_maker, self._voice.speech_maker())

    @property
    def maker(self) -> str:
        """Key of what shapes the sounds: voices, dictionaries, enhancement."""
        return self._maker

    def find(self, name: str) -> Path | None:
        """Return a sound by its name; None when it is gone or damaged. Blocking."""
        return self._in_memory.get(name) or self._store.named(name)

    async def stop(self) -> None:
        """Remove what is only in memory."""
        if self._spare is not None:
            await asyncio.to_thread(self._spare.cleanup)

    async def make(self, segment: Segment, manner: Manner, owner: str, *, urgent: bool = False) -> Kept:
        """Return the segment's sound, pinned for `owner`; of a relay, its stand-in.

        `urgent` texts are said before all others, and kept in a temporary folder where the disk refuses.
        """
        match segment:
            case Chime():
                return await self.chime(segment.name, owner)
            case Text():
                return await self._text(segment, manner, owner, urgent)
            case Audio():
                return await self._sound(segment.sound, owner, clean=segment.clean)
            case Pause():
                return Kept(seconds=segment.seconds)
            case Relay():
                stand_in = segment.stand_in
                kept = await self._sound(stand_in, owner, clean=False) if stand_in is not None else Kept()
                return replace(kept, seconds=None)
            case Live():
                return Kept()

    async def chime(self, name: str, owner: str) -> Kept:
        """Return a chime."""
        key = key_of("chime", name, self._sounds_maker)

        async def make(target: Path) -> None:
            async with self._sounds_turn:
                await self._voice.chime(name, target)

        return await self._kept(key, owner, make)

    async def _sound(self, sound: Sound, owner: str, *, clean: bool) -> Kept:
        key = key_of("sound", sound.sha256, clean, self._sounds_maker)

        async def make(target: Path) -> None:
            source = await self._fetcher.fetch(sound, owner)
            async with self._sounds_turn:
                await self._voice.sound(source, target, clean=clean)

        return await self._kept(key, owner, make)

    async def _approved(self, sound: Sound, owner: str) -> Kept:
        """What somebody heard and signed at the hub: byte for byte, where it is a finished sound of ours."""

        async def make(target: Path) -> None:
            source = await self._fetcher.fetch(sound, owner)
            if await self._store.threads.run(_is_finished, source):
                await self._store.threads.run(_link, source, target)
                return
            async with self._sounds_turn:
                await self._voice.sound(source, target, clean=False)

        return await self._kept(key_of("approved", sound.sha256, self._sounds_maker), owner, make)

    async def _text(self, text: Text, manner: Manner, owner: str, urgent: bool) -> Kept:
        """The hub's sound where it can be had; else the node says it itself."""
        if text.rendered is None:
            words = await self._said(text, manner, owner, urgent)
        else:
            try:
                async with asyncio.timeout(_URGENT_FETCH_S if urgent else None):
                    words = replace(await self._approved(text.rendered, owner), spoken=text.text)
            except TimeoutError:
                log.warning("the approved sound of urgent words comes too slowly, the node says them")
                words = replace(await self._said(text, manner, owner, urgent), own=True, again=True)
            except Refusal as refusal:
                log.warning("the approved sound of a text is not there, the node says it: %s", refusal)
                words = await self._said_instead(text, manner, owner, urgent, refusal)
        return words if text.bed is None else await self._over_music(words, text.bed, owner)

    async def _said_instead(self, text: Text, manner: Manner, owner: str, urgent: bool, refusal: Refusal) -> Kept:
        try:
            return replace(await self._said(text, manner, owner, urgent), own=True, again=True)
        except Refusal as second:
            log.warning("neither can the node say it: %s", second)
            raise refusal from second

    async def _said(self, text: Text, manner: Manner, owner: str, urgent: bool) -> Kept:
        how = replace(manner, readings={**manner.readings, **text.readings}, voice=text.voice)
        async with nullcontext() if urgent else self._speech_turn:
            speech = await _told(lambda: self._voice.say(text.text, _SPEECH_LIMIT_S, how, urgent=urgent))
            # Linked while no other text is asked for: the voice's own cache keeps it only so long.
            key = key_of("speech", speech.sha256)
            try:
                kept = await self._kept(key, owner, lambda target: self._store.threads.run(_link, speech.path, target))
            except Refusal as refusal:
                if not urgent or refusal.fault.code not in {"media.disk", "media.no_room"}:
                    raise
                kept = await self._kept_in_memory(speech, refusal)
        instead = text.voice if text.voice is not None and text.voice != speech.id else ""
        kept = replace(kept, voice=speech.voice, spoken=speech.spoken, guessed=speech.guessed, instead=instead)
        return replace(kept, again=bool(speech.tried))

    async def _kept_in_memory(self, speech: Speech, refusal: Refusal) -> Kept:
        """An emergency is said whether the disk takes it or not."""
        log.warning("urgent words are kept in a temporary folder: %s", refusal)
        try:
            if self._spare is None:
                self._spare = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="urgent-")
            path = Path(self._spare.name) / f"{key_of('urgent')}-{speech.sha256}.wav"
            await asyncio.to_thread(shutil.copyfile, speech.path, path)
        except OSError as error:
            raise refusal from error
        self._in_memory[path.name] = path
        return Kept(path.name, speech.seconds)

    async def _over_music(self, words: Kept, bed: Sound, owner: str) -> Kept:
        key = key_of("over_music", words.name, bed.sha256, self._sounds_maker)

        async def make(target: Path) -> None:
            music = await self._fetcher.fetch(bed, owner)
            source = await self._store.threads.run(self._store.named, words.name or "")
            if source is None:
                raise Refusal("media.disk", detail="the speech is gone")
            async with self._sounds_turn:
                await self._voice.over_music(source, music, target)

        mixed = await self._kept(key, owner, make)
        return replace(words, name=mixed.name, seconds=mixed.seconds)

    async def _kept(self, key: str, owner: str, make: Callable[[Path], Awaitable[object]]) -> Kept:
        """Return the sound of the recipe `key`; `make` writes it when it is not there."""
        async with self._turns.turn(key):
            known = await self._store.threads.run(self._store.made, key, owner)
            path = known or await self._made(key, owner, make)
            try:
                return Kept(path.name, await self._store.threads.run(seconds_of, path))
            except OSError as error:
                raise disk_refusal(error) from error

    async def _made(self, key: str, owner: str, make: Callable[[Path], Awaitable[object]]) -> Path:
        work = self._store.work / secrets.token_hex(8)
        target = work / "sound.wav"
        try:
            await self._store.threads.run(work.mkdir)
            await _told(lambda: make(target))
            return await self._store.threads.run(self._store.take, target, key, owner)
        except OSError as error:
            raise disk_refusal(error) from error
        except Refusal as refusal:
            if refusal.fault.code not in {STORAGE, "media.disk"}:
                raise
            await self._store.threads.run(self._store.shrink)  # perhaps there is room the next time
            raise Refusal("media.disk", detail=refusal.fault.params["detail"]) from refusal
        finally:
            await asyncio.shield(self._store.threads.run(shutil.rmtree, work, True))


async def _told(work: Callable[[], Awaitable[T]]) -> T:
    """Do it, once more when the worker died over it; its errors become refusals."""
    try:
        try:
            return await work()
        except SpeechError as error:
            if error.code != WORKER_DIED:
                raise
            log.warning("the voice died and is asked once more: %s", error)
            return await work()
    except (SpeechError, AudioError) as error:
        raise Refusal(error.code, **cause(error)) from error


def _is_finished(path: Path) -> bool:
    """Whether it is a WAV as our voices write it."""
    try:
        with wave.open(str(path)) as sound:
            return (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
    except (wave.Error, EOFError):
        return False


def _link(source: Path, target: Path) -> None:
    """Give finished speech a second name, so that it stays when the voice's cache drops the first."""
    with suppress(OSError):
        target.hardlink_to(source)
        return
    shutil.copyfile(source, target)

"""The sound of a bulletin is made once, at the hub, when it is handed in: what is heard and approved is what is aired.

One bulletin at a time, in the order in which they were handed in; the voice itself is a process of its own.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from edge_agent.contract.segments import MOST_AUDIO_BYTES, Segment, Sound, Text
from hub.bulletins import machine
from hub.bulletins.desk import Bulletins
from hub.bulletins.machine import NotNow
from hub.bulletins.model import Content, Heard, HubBulletin, State
from hub.bulletins.settings import Approval
from hub.clock import Clock
from hub.media import MediaStore
from hub.media_parts import MediaRefused
from hub.voice import Voice
from tts.errors import SpeechError
from tts.reading import passages
from tts.speech import Speech

logger = logging.getLogger(__name__)

LOOK_S = 30.0
"""Seconds after which what could not be made is tried again, if its fault may pass."""
CHUNK = 256 * 1024
LONGEST = 5000
"""Characters that the voice says in one breath; a longer text becomes several segments."""
NO_ROOM = "speech.storage"


class Rendering:
    """Makes the sounds of what was handed in, then lets go what the commune's rules want nobody to sign."""

    def __init__(self, desk: Bulletins, voice: Voice, media: MediaStore, rules: Approval, clock: Clock) -> None:
        self._desk = desk
        self._voice = voice
        self._media = media
        self._rules = rules
        self._clock = clock
        self._wake = asyncio.Event()
        desk.on_change.append(lambda _: self._wake.set())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            for bulletin in self._waiting():
                await self._make(bulletin)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def again(self, bulletin: HubBulletin) -> HubBulletin:
        """Try once more what could not be made; for `Bulletins.change`."""
        return bulletin.model_copy(update={"silent": ""})

    def _waiting(self) -> list[HubBulletin]:
        found = [b for b in self._desk.open.values() if b.state is State.SUBMITTED and self._is_due(b)]
        return sorted(found, key=lambda bulletin: bulletin.changed)

    def _is_due(self, bulletin: HubBulletin) -> bool:
        if bulletin.content.unrendered and not bulletin.silent:
            return True
        return not machine.needs_approval(bulletin, self._rules.required_for)

    async def _make(self, bulletin: HubBulletin) -> None:
        sounds: dict[str, Heard] = {}
        content, silent = bulletin.content, ""
        try:
            content = await self._rendered(bulletin.content, sounds)
        except SpeechError as error:
            silent = f"{error.code} {error.detail}"[:200]
        except MediaRefused as error:
            silent = error.reason
        except OSError as error:
            silent = f"{NO_ROOM} {error}"[:200]
        if silent:
            logger.warning("no sound of the bulletin %s: %s", bulletin.id, silent)
        free = not machine.needs_approval(bulletin, self._rules.required_for)

        def made(now: HubBulletin) -> HubBulletin:
            if now.number != bulletin.number or now.state is not State.SUBMITTED:
                return now  # somebody took it back meanwhile
            done = machine.with_sounds(now, content, sounds, silent)
            return machine.let_go(done, self._clock.now()) if free else done

        try:
            await self._desk.change(bulletin.id, made)
        except NotNow as no:
            logger.info("the bulletin %s went away while its sound was made: %s", bulletin.id, no)

    async def _rendered(self, content: Content, sounds: dict[str, Heard]) -> Content:
        versions = []
        for version in content.versions:
            segments: list[Segment] = []
            for segment in version.segments:
                if isinstance(segment, Text) and segment.rendered is None:
                    segments += [await self._text(segment, part, sounds) for part in _breaths(segment)]
                else:
                    segments.append(segment)
            versions.append(version.model_copy(update={"segments": tuple(segments)}))
        return content.model_copy(update={"versions": tuple(versions)})

    async def _text(self, segment: Text, words: str, sounds: dict[str, Heard]) -> Text:
        clear = await self._voice.say(words, segment.readings, plain=False, voice=segment.voice)
        sound = await self._kept(clear)
        plain = await self._voice.say(words, segment.readings, plain=True, voice=segment.voice)
        instead = self._voice.called(clear.id) if segment.voice and segment.voice != clear.id else ""
        sounds[sound.sha256] = Heard(
            seconds=clear.seconds, plain=(await self._kept(plain)).sha256, instead=instead[:80]
        )
        return segment.model_copy(update={"text": words, "rendered": sound})

    async def _kept(self, speech: Speech) -> Sound:
        """Into the media store, under what it holds. Raises OSError, MediaRefused."""
        data = await asyncio.to_thread(_read, speech.path)
        sha256 = hashlib.sha256(data).hexdigest()
        if self._media.hold(sha256) is None:
            await self._media.put(sha256, _chunks(data))
        return Sound(sha256=sha256, bytes=len(data))


def _breaths(segment: Text) -> list[str]:
    return list(passages(segment.text, LONGEST)) or [segment.text]


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_AUDIO_BYTES:
        raise OSError(f"a sound of {size} bytes")
    return path.read_bytes()


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]

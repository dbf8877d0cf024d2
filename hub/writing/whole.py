"""A whole bulletin as it will sound: chimes, voices, recordings, music and pauses in one file, made beside everything.

What it is made of is its name, so nothing is made twice. One is made at a time, by a child process with limits; who
waits asks how far it is.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.contract.errors import Fault
from edge_agent.contract.segments import Audio, Chime, Pause, Segment, Text
from edge_agent.contract.sentences import Language
from edge_agent.contract.sentences import sentences as known_codes
from hub.language import translator
from hub.media import MediaStore
from hub.voice import Voice
from tts.errors import SpeechError
from tts.model import VoiceSettings
from tts.reading import passages
from tts.sounds import SOUNDS_VERSION

logger = logging.getLogger(__name__)

MOST_KEPT, MOST_BYTES = 30, 150_000_000
WAITING = 4
"""Bulletins that are made or wait; more are refused."""
MAKE_S = 420.0
"""For all of it; an hour of speech takes less on a small machine."""
BREATH = 5000
"""Characters that the voice says in one breath, as when a bulletin is handed in."""
LONGEST_LINE = 10_000


class Busy(Exception):
    """Enough are being made already."""


class _Failed(Exception):
    """`code`: of a fault, or a key of hub/text."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(slots=True)
class Making:
    """One that is made, was made or could not be: `done` of `total` steps; `failed` is why not."""

    key: str
    total: int = 1
    done: int = 0
    seconds: float = 0.0
    ready: bool = False
    failed: str = ""
    detail: str = ""
    instead: tuple[str, str] | None = None
    """A voice that was wanted, and the one that spoke."""
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    def why(self, language: Language) -> str:
        """Why it could not be made, in a sentence."""
        if self.failed in known_codes(language):
            return Fault.of(self.failed, detail=self.detail).text(language)
        return translator(language)(self.failed)


class Wholes:
    """Makes them, keeps the last ones."""

    def __init__(self, folder: Path, voice: Voice, settings: VoiceSettings, media: MediaStore) -> None:
        """`folder`: of its own; what is in it is thrown away at the start."""
        self._folder = folder
        self._voice = voice
        self._settings = settings
        self._media = media
        self._turn = asyncio.Lock()
        self._known: dict[str, Making] = {}

    async def start(self) -> None:
        """Make the folder, empty. Raises OSError."""
        await asyncio.to_thread(shutil.rmtree, self._folder, True)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)

    async def stop(self) -> None:
        """End what is being made."""
        tasks = [making.task for making in self._known.values() if making.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def find(self, key: str) -> Making | None:
        """How far it is; None for one that nobody asked for, or that is gone."""
        making = self._known.get(key)
        if making is not None and making.ready and not self.path(key).is_file():
            del self._known[key]
            return None
        return making

    def path(self, key: str) -> Path:
        """Where its file is, once it is ready."""
        return self._folder / f"{key}.ogg"

    def begin(self, segments: Sequence[Segment], *, plain: bool) -> Making:
        """Have it made, if it is not there or on its way. `plain`: before it is made clear for horns. Raises Busy."""
        key = self._key(segments, plain)
        known = self.find(key)
        if known is not None and not known.failed:
            self._known[key] = self._known.pop(key)  # asked for last, thrown away last
            return known
        if sum(making.task is not None for making in self._known.values()) >= WAITING:
            raise Busy
        total = len(segments) + sum(len(_breaths(each)) for each in segments if isinstance(each, Text))
        making = self._known[key] = Making(key, total=max(1, total))
        making.task = asyncio.create_task(self._make(making, tuple(segments), plain), name=f"whole {key[:8]}")
        return making

    def _key(self, segments: Sequence[Segment], plain: bool) -> str:
        said = [segment.model_dump(mode="json") for segment in segments]
        maker = [SOUNDS_VERSION, self._settings.model_dump_json(), plain]
        return hashlib.sha256(json.dumps([said, maker], sort_keys=True).encode()).hexdigest()

    async def _make(self, making: Making, segments: tuple[Segment, ...], plain: bool) -> None:
        work = self._folder / f"work-{making.key[:16]}"
        try:
            async with self._turn, asyncio.timeout(MAKE_S):
                await asyncio.to_thread(work.mkdir, exist_ok=True)
                items = [item for each in segments for item in await self._items(making, each, work, plain)]
                making.total = making.done + len(items)
                making.seconds = await self._joined(making, items, work, plain)
                making.ready = True
        except _Failed as failed:
            making.failed, making.detail = failed.code, failed.detail
        except SpeechError as error:
            making.failed, making.detail = error.code, error.detail
        except TimeoutError:
            making.failed = "write.sound_slow"
        except OSError as error:
            making.failed, making.detail = "speech.storage", str(error.strerror)
        finally:
            making.task = None
            await asyncio.to_thread(shutil.rmtree, work, True)
            self._make_room()
        if making.failed:
            logger.warning("a whole bulletin could not be made: %s %s", making.failed, making.detail)

    async def _items(self, making: Making, segment: Segment, work: Path, plain: bool) -> list[dict[str, Any]]:
        """What the child makes of a segment. Raises SpeechError, OSError, _Failed."""
        match segment:
            case Chime():
                return [{"kind": "chime", "name": segment.name}]
            case Pause():
                return [{"kind": "pause", "seconds": segment.seconds}]
            case Audio():
                return [{"kind": "file", "path": self._file(segment.sound.sha256), "clean": segment.clean}]
            case Text():
                bed = self._file(segment.bed.sha256) if segment.bed else None
                return [
                    {"kind": "speech", "path": path, "bed": bed}
                    async for path in self._said(making, segment, work, plain)
                ]
        return []  # a relay, a live voice: nobody knows how that will sound

    async def _said(self, making: Making, segment: Text, work: Path, plain: bool) -> AsyncIterator[str]:
        for words in _breaths(segment):
            speech = await self._voice.say(words, segment.readings, plain=plain, voice=segment.voice)
            if segment.voice and speech.id != segment.voice:
                making.instead = segment.voice, speech.id
            path = work / f"said-{making.done}.wav"
            await asyncio.to_thread(_link, speech.path, path)
            making.done += 1
            yield str(path)

    def _file(self, sha256: str) -> str:
        medium = self._media.hold(sha256)
        if medium is None:
            raise _Failed("write.flaw_sound_gone")
        return str(medium.path)

    async def _joined(self, making: Making, items: list[dict[str, Any]], work: Path, plain: bool) -> float:
        """Let the child join them; returns the seconds. Raises _Failed, OSError."""
        draft, settings = work / "whole.ogg", self._settings.enhancement
        how = None if plain or not settings.enabled else settings.model_dump(mode="json")
        recipe = {"out": str(draft), "work": str(work), "enhancement": how, "items": items}
        before, seconds = making.done, 0.0
        async with contextlib.aclosing(_child(recipe)) as saying:
            async for said in saying:
                if "error" in said:
                    raise _Failed(str(said["error"]), str(said.get("detail", "")))
                making.done = before + int(said.get("done", len(items)))
                seconds = float(said.get("seconds", 0.0))
        if not seconds:
            raise _Failed("audio.damaged")
        await asyncio.to_thread(draft.replace, self.path(making.key))
        return seconds

    def _make_room(self) -> None:
        """The oldest go; the newest stays however large it is."""
        over = [key for key, making in self._known.items() if making.task is None]
        for key in over[:-1]:
            sizes = sum(
                self.path(k).stat().st_size for k, m in self._known.items() if m.ready and self.path(k).exists()
            )
            if len(self._known) <= MOST_KEPT and sizes <= MOST_BYTES:
                return
            self.path(key).unlink(missing_ok=True)
            del self._known[key]


def _breaths(segment: Text) -> list[str]:
    return list(passages(segment.text, BREATH)) or [segment.text]


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


async def _child(recipe: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """What the child says, line by line. Raises _Failed where it dies without a word, OSError."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "hub.writing.whole_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
        env={
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OPENBLAS_NUM_THREADS": "1",
        },
    )
    assert child.stdin is not None and child.stdout is not None  # noqa: S101 - asked for above
    try:
        child.stdin.write(json.dumps(recipe).encode())
        child.stdin.close()
        while line := await child.stdout.readline():
            yield json.loads(line)
        if await child.wait():
            raise _Failed("write.sound_slow" if child.returncode == -24 else "audio.damaged")
    except ValueError as error:
        raise _Failed("audio.damaged") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()

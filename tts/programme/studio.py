"""Makes the items of a programme: speech, recordings, chimes, music; each levelled, each kept by what made it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from tts import audio, finish, loudness
from tts.cache import SpeechCache, key_of
from tts.chain import Synthesiser
from tts.decode import Decoder
from tts.files import sha256_of
from tts.manner import Manner
from tts.model import Attempt, VoiceSettings
from tts.programme import chimes, sound
from tts.programme.lines import Line
from tts.programme.model import Recording, Script, is_file
from tts.recording import CLEANING_VERSION, clean_recording

if TYPE_CHECKING:
    from tts.programme.sound import Samples

ITEM_VERSION = 1  # part of cache keys: raise it when the same input gives other bytes
CACHE_BYTES = 600_000_000  # an hour and three quarters of items
_LONGEST_MUSIC_S = 3600.0
_SEAM_S = 2.0  # a piece of music that is repeated fades into its own beginning


@dataclass(frozen=True, slots=True)
class Made:
    """A finished item: a working file at the programme's loudness, and where it comes from."""

    path: Path
    cached: bool
    voice: str = ""
    engine: str = ""
    written: str = ""
    spoken: str = ""
    tried: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()


class Studio:
    """Makes items; use it as a context manager. Files that it has given stay until its end."""

    def __init__(self, script: Script, target_lufs: float, cache_dir: Path) -> None:
        self._script = script
        self._target = target_lufs
        self._cache_dir = cache_dir
        self._cache = SpeechCache(cache_dir / "programme", CACHE_BYTES)
        self._enhancement = script.enhancement if script.enhancement.enabled else None
        self._voices: dict[str, Synthesiser] = {}
        self._open = contextlib.ExitStack()
        self._work = Path()

    def __enter__(self) -> Self:
        self._work = self._open.enter_context(self._cache.session())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def speech(self, line: Line) -> Made:
        """Return a line, spoken.

        Raises:
            SpeechError, OSError: as `Synthesiser.say`.
        """
        manner = Manner(readings=self._script.choices, strict=False, plain=self._enhancement is None)
        speech = self._voice(line.voice).say(line.text, manner)
        path, cached = self._levelled(("speech", speech.sha256), lambda: sound.blocks(speech.path))
        return Made(path, cached and speech.cached, line.voice, speech.engine, line.text, speech.spoken, speech.tried)

    def recording(self, segment: Recording) -> Made:
        """Return a recording, cleaned and enhanced like speech.

        Raises:
            AudioError, SpeechError, OSError: as `clean_recording` and `finish`.
        """
        maker = ("recording", sha256_of(segment.recording), CLEANING_VERSION, finish.maker(self._enhancement))
        note = f"warnings-{key_of(*maker)[:40]}"
        shaped = self._work / "shaped.wav"

        def shape() -> "Iterator[Samples]":
            if not shaped.exists():
                cleaned = self._work / "cleaned.wav"
                warnings = clean_recording(segment.recording, cleaned, segment.longest_s).warnings
                self._cache.remember(note, " ".join(warnings))
                finish.finish(cleaned, shaped, self._enhancement)
                cleaned.unlink()
            return sound.blocks(shaped)

        path, cached = self._levelled(maker, shape)
        shaped.unlink(missing_ok=True)
        warnings = tuple((self._cache.recall(note) or "").split())
        return Made(path, cached, segment.by, "recording", str(segment.recording.name), warnings=warnings)

    def chime(self, name: str) -> Made:
        """Return a signal."""
        path, cached = self._levelled(("chime", name, chimes.CHIMES_VERSION), lambda: iter([chimes.chime(name)]))
        return Made(path, cached, engine="chime", written=name)

    def loop(self, music: str) -> Made:
        """Return music, ready to be repeated without a seam.

        Raises:
            AudioError, OSError: a file cannot be used.
        """
        if not is_file(music):
            maker = ("pad", music, chimes.CHIMES_VERSION)
            path, cached = self._levelled(maker, lambda: iter([chimes.pad(music)]))
            return Made(path, cached, engine="pad", written=music)
        looped = self._work / "looped.wav"

        def loop() -> "Iterator[Samples]":
            if not looped.exists():
                straight = self._work / "straight.wav"
                with Path(music).open("rb") as file:
                    sound.write(straight, Decoder(file, _LONGEST_MUSIC_S).blocks())
                sound.write(looped, _seamless(straight))
                straight.unlink()
            return sound.blocks(looped)

        path, cached = self._levelled(("music", sha256_of(Path(music))), loop)
        looped.unlink(missing_ok=True)
        return Made(path, cached, engine="music", written=Path(music).name)

    def _voice(self, name: str) -> Synthesiser:
        if name not in self._voices:
            settings = VoiceSettings(
                chain=self._script.voices[name],
                cache_dir=self._cache_dir,
                cache_bytes=CACHE_BYTES,
                reading=self._script.reading,
                enhancement=self._script.enhancement,
            )
            self._voices[name] = self._open.enter_context(Synthesiser(settings))
        return self._voices[name]

    def _levelled(self, maker: tuple[object, ...], source: "Callable[[], Iterator[Samples]]") -> tuple[Path, bool]:
        """Return the levelled sound of `source`, and whether it was there already."""
        key = key_of("item", ITEM_VERSION, audio.FORMAT_VERSION, self._target, *maker)
        if found := self._cache.get(key):
            return found.path, True
        self._cache.require_writable()
        level = loudness.plan(source, audio.RATE, self._target)
        item = self._work / "item.wav"
        sound.write(item, loudness.apply(source(), audio.RATE, level))
        return self._cache.put(key, item).path, False


def _seamless(path: Path) -> "Iterator[Samples]":
    """Give the sound of a working file so that its end leads into its beginning."""
    count = sound.length(path)
    seam = min(round(_SEAM_S * audio.RATE), count // 4)
    ramp = np.sin(np.linspace(0, np.pi / 2, seam, dtype=np.float32))
    yield sound.part(path, 0, seam) * ramp + sound.part(path, count - seam, seam) * ramp[::-1]
    yield from sound.blocks(path, seam, count - 2 * seam)

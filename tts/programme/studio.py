"""Makes the items of a programme: speech, recordings, chimes, music; each levelled, each kept by what made it."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tts import audio, finish, loudness
from tts.cache import SpeechCache, key_of
from tts.chain import Synthesiser
from tts.decode import Decoder
from tts.errors import AudioError
from tts.files import sha256_of
from tts.manner import Manner
from tts.model import VoiceSettings
from tts.programme import chimes, sound
from tts.programme.lines import Line
from tts.programme.model import Recording, Script, is_file
from tts.recording import CLEANING_VERSION, clean_recording
from tts.speech import Attempt

if TYPE_CHECKING:
    from tts.programme.sound import Samples

    Make = Callable[[Path], None]

ITEM_VERSION = 1  # part of cache keys: raise it when the same input gives other bytes
CACHE_BYTES = 600_000_000  # an hour and three quarters of items
_LONGEST_MUSIC_S = 3600.0


@dataclass(frozen=True, slots=True)
class Made:
    """A finished item: a working file, its loudness in LUFS (no more than was wanted), and where it comes from."""

    path: Path
    lufs: float
    cached: bool
    voice: str = ""
    engine: str = ""
    written: str = ""
    spoken: str = ""
    tried: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()


class Studio:
    """Makes items; use it as a context manager. Files that it has given stay until its end.

    Speech and recordings come from the chain as loud as bulletins are; only a louder programme treats them again.
    """

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

        def make(item: Path) -> None:
            _link(speech.path, item)

        path, cached = self._kept(("speech", speech.sha256), self._louder(make))
        return Made(
            path,
            _lufs(path),
            cached and speech.cached,
            line.voice,
            speech.engine,
            line.text,
            speech.spoken,
            speech.tried,
        )

    def recording(self, segment: Recording) -> Made:
        """Return a recording, cleaned and enhanced like speech.

        Raises:
            AudioError, SpeechError, OSError: as `clean_recording` and `finish`.
        """
        maker = ("recording", sha256_of(segment.recording), CLEANING_VERSION, finish.maker(self._enhancement))
        note = f"warnings-{key_of(*maker)[:40]}"

        def make(item: Path) -> None:
            cleaned = self._work / "cleaned.wav"
            warnings = clean_recording(segment.recording, cleaned, segment.longest_s).warnings
            self._cache.remember(note, " ".join(warnings))
            finish.finish(cleaned, item, self._enhancement)
            cleaned.unlink()

        path, cached = self._kept(maker, self._louder(make))
        warnings = tuple((self._cache.recall(note) or "").split())
        name = segment.recording.name
        return Made(path, _lufs(path), cached, segment.by, "recording", name, warnings=warnings)

    def chime(self, name: str) -> Made:
        """Return a signal."""
        path, cached = self._kept(
            ("chime", name, chimes.CHIMES_VERSION), lambda item: self._level(item, lambda: iter([chimes.chime(name)]))
        )
        return Made(path, _lufs(path), cached, engine="chime", written=name)

    def loop(self, music: str) -> Made:
        """Return music, ready to be repeated without a seam.

        Raises:
            AudioError, OSError: a file cannot be used.
        """
        if not is_file(music):
            path, cached = self._kept(
                ("pad", music, chimes.CHIMES_VERSION), lambda item: self._level(item, lambda: iter([chimes.pad(music)]))
            )
            return Made(path, _lufs(path), cached, engine="pad", written=music)

        def make(item: Path) -> None:
            straight, looped = self._work / "straight.wav", self._work / "looped.wav"
            with Path(music).open("rb") as file:
                sound.write(straight, Decoder(file, _LONGEST_MUSIC_S).blocks())
            if not isfinite(_lufs(straight)):
                raise AudioError("the music is silent", "audio.silent")
            sound.write(looped, sound.seamless(straight))
            self._level(item, lambda: sound.blocks(looped))
            straight.unlink()
            looped.unlink()

        path, cached = self._kept(("music", sha256_of(Path(music))), make)
        return Made(path, _lufs(path), cached, engine="music", written=Path(music).name)

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

    def _kept(self, maker: tuple[object, ...], make: "Make") -> tuple[Path, bool]:
        """Return the item of `maker`, and whether it was there already."""
        key = key_of("item", ITEM_VERSION, audio.FORMAT_VERSION, self._target, *maker)
        if found := self._cache.get(key):
            return found.path, True
        self._cache.require_writable()
        item = self._work / "item.wav"
        item.unlink(missing_ok=True)
        make(item)
        return self._cache.put(key, item).path, False

    def _louder(self, make: "Make") -> "Make":
        """Return how to make an item of finished speech: again through the limiter only if it must be louder."""
        if self._target <= finish.target_lufs(self._enhancement):
            return make

        def again(item: Path) -> None:
            usual = self._work / "usual.wav"
            usual.unlink(missing_ok=True)
            make(usual)
            self._level(item, lambda: sound.blocks(usual))

        return again

    def _level(self, item: Path, source: "Callable[[], Iterator[Samples]]") -> None:
        level = loudness.plan(source, audio.RATE, self._target)
        sound.write(item, loudness.apply(source(), audio.RATE, level))


def _lufs(path: Path) -> float:
    return loudness.measure(sound.blocks(path), audio.RATE).integrated()


def _link(source: Path, target: Path) -> None:
    """Give a file of the speech cache a second name, so that it stays when the cache drops the first."""
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)

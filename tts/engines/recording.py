"""Phrases that a person of the commune has recorded: the right sentence in a known voice, without any machine."""

import hashlib
import unicodedata
from pathlib import Path
from typing import Any

from tts.engines import About
from tts.engines.settings import RecordingSettings
from tts.errors import AudioError, EngineError
from tts.recording import CLEANING_VERSION, clean_recording

PHRASES = "phrases.yaml"
_LONGEST_S = 120.0
_MOST_BYTES = 1_000_000


class RecordingEngine:
    """Answers with a person's recording of the sentence; see `Engine`.

    `phrases.yaml` maps each sentence, as it is spoken (numbers as words), to the file that holds it. Capitals,
    punctuation and the way accents are coded make no difference.
    """

    name = "recording"
    rate = "recorded"

    def __init__(self, settings: RecordingSettings) -> None:
        self._folder = settings.folder
        self.voice = settings.folder.name
        self._read: tuple[tuple[int, int], dict[str, str]] | None = None

    def about(self) -> About:
        """See `Engine.about`."""
        return About("of the recordings", "free", ("recordings",), sends_text=False)

    def version(self) -> str | None:
        """Return a hash of the phrases and of the size and time of each file, None when the phrases cannot be read."""
        try:
            phrases = self._phrases()
        except EngineError:
            return None
        digest = hashlib.sha256(str(CLEANING_VERSION).encode())
        for key, name in sorted(phrases.items()):
            try:
                status = (self._folder / name).stat()
                digest.update(f"{key}\0{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
            except OSError:
                digest.update(f"{key}\0{name}\0missing\n".encode())
        return digest.hexdigest()[:16]

    def check(self) -> None:
        """Look whether each phrase has its file; see `Engine.check`."""
        missing = [name for name in self._phrases().values() if not (self._folder / name).is_file()]
        if missing:
            shown = ", ".join(sorted(missing)[:5])
            raise EngineError("engine.missing", f"{len(missing)} files of {self._file()} are missing: {shown}")

    def synthesise(self, text: str, out: Path) -> None:
        """Write the recording of `text` to `out`. See `Engine.synthesise`."""
        name = self._phrases().get(_key(text))
        if name is None:
            raise EngineError("engine.missing", f"nobody has recorded {text[:60]!r}")
        source = self._folder / name
        try:
            clean_recording(source, out, _LONGEST_S)
        except FileNotFoundError:
            raise EngineError("engine.missing", f"there is no recording {source}") from None
        except AudioError as error:
            raise AudioError(f"{source}: {error.detail}", error.code) from error

    def close(self) -> None:
        """Nothing was started."""

    def _file(self) -> Path:
        return self._folder / PHRASES

    def _phrases(self) -> dict[str, str]:
        """Return the phrases (key -> file name), read again when the file has changed."""
        try:
            status = self._file().stat()
            state = (status.st_mtime_ns, status.st_size)
            if self._read is None or self._read[0] != state:
                if status.st_size > _MOST_BYTES:
                    raise EngineError("engine.bad_phrases", f"{self._file()} is longer than {_MOST_BYTES} bytes")
                self._read = (state, _checked(self._file(), self._file().read_text(encoding="utf-8")))
        except UnicodeDecodeError as error:
            raise EngineError("engine.bad_phrases", f"{self._file()} is no UTF-8 text: {error}") from error
        except OSError as error:
            raise EngineError("engine.missing", f"{self._file()}: {error.strerror}") from error
        return self._read[1]


def _checked(path: Path, text: str) -> dict[str, str]:
    import yaml

    try:
        # Every scalar as text: a phrase may be "không" or "yes".
        entries: Any = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds texts, lists and maps only
    except yaml.YAMLError as error:
        raise EngineError("engine.bad_phrases", f"{path}: {error}") from error
    if not isinstance(entries, dict):
        raise EngineError("engine.bad_phrases", f"{path}: lines such as `Xin chào bà con: xin-chao.wav` are expected")
    phrases: dict[str, str] = {}
    for phrase, name in entries.items():
        key = _key(phrase) if isinstance(phrase, str) else ""
        if not key or not isinstance(name, str) or not _inside(name):
            raise EngineError("engine.bad_phrases", f"{path}: {phrase!r} needs the name of a file in this folder")
        if any(char.isdigit() for char in key):
            raise EngineError("engine.bad_phrases", f"{path}: write the numbers in {phrase!r} as words, as spoken")
        if phrases.setdefault(key, name) != name:
            raise EngineError("engine.bad_phrases", f"{path}: {phrase!r} is there twice")
    return phrases


def _inside(name: str) -> bool:
    path = Path(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _key(text: str) -> str:
    """Return what is left of a phrase when only its words matter."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return " ".join(
        "".join(char if char.isalnum() or unicodedata.combining(char) else " " for char in composed).split()
    )

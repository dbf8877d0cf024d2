"""What was said before, found by what was asked: neither an engine nor the reading library has to be loaded.

A note is a small JSON file in `<cache>/said`, named after everything that shapes the sound: text, manner, settings,
the files that the settings name, and this package's own code. It points to a file of the speech cache, which proves
itself by its hash. A lost note costs time, never a wrong sound.
"""

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tts import wire
from tts.cache import key_of
from tts.files import sha256_of
from tts.manner import Manner
from tts.model import Speech, VoiceSettings

logger = logging.getLogger(__name__)
_MOST_NOTES = 2_000
_PACKAGE = Path(__file__).parent


class Recall:
    """The notes of one cache folder. Used by the worker, which writes them, and by its parent, which reads them."""

    def __init__(self, settings: VoiceSettings) -> None:
        self._root = settings.cache_dir / "said" if settings.cache_dir is not None else None
        self._files = list(_files(settings))
        self._settings = settings.model_dump(mode="json", exclude={"cache_dir", "cache_bytes", "idle_s"})

    def get(self, text: str, manner: Manner) -> Speech | None:
        """Return the finished speech of `text`, or None when it must be made (again)."""
        if self._root is None:
            return None
        note = self._root / self._name(text, manner)
        try:
            speech = wire.spoken(json.loads(note.read_text(encoding="utf-8")))
            if sha256_of(speech.path) != speech.sha256:
                return None
            os.utime(speech.path)  # used: the cache drops the longest unused
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("speech cache: the note %s is of no use: %s", note.name, error)
            return None
        return speech

    def put(self, text: str, manner: Manner, speech: Speech) -> None:
        """Remember `speech`, unless a better voice was away: that one is asked again next time."""
        if self._root is None or speech.tried or self._root.parent not in speech.path.parents:
            return
        with contextlib.suppress(OSError):  # only a hint
            self._root.mkdir(exist_ok=True)
            note = self._root / self._name(text, manner)
            draft = note.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(wire.speech(speech)), encoding="utf-8")
            draft.replace(note)
            self._trim()

    def _name(self, text: str, manner: Manner) -> str:
        stamps = [_stamp(path) for path in (*self._files, *_code())]
        return f"{key_of(text, manner.as_json(), self._settings, stamps)}.json"

    def _trim(self) -> None:
        notes = list(self._root.iterdir()) if self._root is not None else []
        if len(notes) > _MOST_NOTES:
            for note in sorted(notes, key=lambda path: path.stat().st_mtime)[: _MOST_NOTES // 2]:
                note.unlink(missing_ok=True)


def _files(settings: VoiceSettings) -> Iterator[Path]:
    """The files whose change gives another sound: dictionaries, models, programs."""
    yield from settings.reading.dictionaries
    for engine in settings.chain:
        for name in ("model", "config", "folder"):
            if (path := getattr(engine, name, None)) is not None:
                yield Path(path)
        if (program := getattr(engine, "program", None)) is not None:
            yield Path(shutil.which(program) or program)
    if settings.enhancement.horn.endswith((".yaml", ".yml")):
        yield Path(settings.enhancement.horn)


def _code() -> Iterator[Path]:
    for folder, _, names in os.walk(_PACKAGE):
        for name in sorted(names):
            if name.endswith((".py", ".yaml")):
                yield Path(folder, name)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_size, status.st_mtime_ns

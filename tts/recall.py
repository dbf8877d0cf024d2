"""What was said before, found by what was asked: neither an engine nor the reading library has to be loaded.

A note is a small JSON file in `<cache>/said`, named after what was asked. It points to a file of the speech cache,
which proves itself by its hash, and lists the files that shaped the sound (dictionaries, models, programs, this
package's own code) as they were. A lost note costs time, never a wrong sound.
"""

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.cache import key_of
from tts.files import sha256_of
from tts.manner import Manner
from tts.speech import Speech

if TYPE_CHECKING:
    from tts.model import VoiceSettings

logger = logging.getLogger(__name__)
_MOST_NOTES = 2_000
_PACKAGE = Path(__file__).parent

Stamp = tuple[str, int, int]


class Notes:
    """The notes beside one cache. Light to import and to use."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache = cache_dir
        self._root = cache_dir / "said"

    def get(self, *asked: object) -> Speech | None:
        """Return the finished speech for what is asked (JSON-able), or None when it must be made (again)."""
        path = self._path(asked)
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            speech = Speech.from_json(note["speech"])
            fresh = all(_stamp(Path(stamp[0])) == tuple(stamp) for stamp in note["stamps"])
            if not fresh or sha256_of(speech.path) != speech.sha256:
                return None
            os.utime(speech.path)  # used: the cache drops the longest unused
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("speech cache: the note %s is of no use: %s", path.name, error)
            return None
        return speech

    def put(self, speech: Speech, files: Iterable[Path], *asked: object) -> None:
        """Remember `speech`, which `files` have shaped, unless a better voice was away: that one is asked next time."""
        if speech.tried or self._cache not in speech.path.parents:
            return
        note = {"speech": speech.as_json(), "stamps": [_stamp(path) for path in (*files, *_code())]}
        with contextlib.suppress(OSError):  # only a hint
            self._root.mkdir(exist_ok=True)
            path = self._path(asked)
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(note), encoding="utf-8")
            draft.replace(path)
            self._trim()

    def _path(self, asked: tuple[object, ...]) -> Path:
        return self._root / f"{key_of(*asked)}.json"

    def _trim(self) -> None:
        notes = list(self._root.iterdir())
        if len(notes) > _MOST_NOTES:
            for note in sorted(notes, key=lambda path: path.stat().st_mtime)[: _MOST_NOTES // 2]:
                note.unlink(missing_ok=True)


class Recall:
    """The notes of what was said with some settings: written by the worker, read by its parent."""

    def __init__(self, settings: "VoiceSettings") -> None:
        self._notes = Notes(settings.cache_dir) if settings.cache_dir is not None else None
        self._files = list(files_of(settings))
        self._settings = shape_of(settings)

    def get(self, text: str, manner: Manner) -> Speech | None:
        """Return the finished speech of `text`, or None."""
        return self._notes.get(text, manner.as_json(), self._settings) if self._notes is not None else None

    def put(self, text: str, manner: Manner, speech: Speech) -> None:
        """Remember the speech of `text`."""
        if self._notes is not None:
            self._notes.put(speech, self._files, text, manner.as_json(), self._settings)


def shape_of(settings: "VoiceSettings") -> dict[str, Any]:
    """What of the settings shapes the sound, as JSON can carry it; ids count where a text may have named them."""
    shape = settings.model_dump(mode="json", exclude={"cache_dir", "cache_bytes", "idle_s"})
    for entry in shape["chain"]:
        del entry["name"]
        if entry["id"] is None:
            del entry["id"]
    return shape


def files_of(settings: "VoiceSettings") -> Iterator[Path]:
    """Return the files whose change gives another sound: dictionaries, models, programs, a loudspeaker's profile."""
    yield from settings.reading.dictionaries
    for engine in settings.chain:
        for name in ("model", "config"):
            if (path := getattr(engine, name, None)) is not None:
                yield Path(path)
        if (folder := getattr(engine, "folder", None)) is not None:
            yield Path(folder)
            yield from sorted(Path(folder).glob("*"))
        if (program := getattr(engine, "program", None)) is not None:
            yield Path(shutil.which(program) or program)
    if settings.enhancement.horn.endswith((".yaml", ".yml")):
        yield Path(settings.enhancement.horn)


def stamps(settings: "VoiceSettings") -> list[Stamp]:
    """Return name, size and time of all files of `files_of`."""
    return [_stamp(path) for path in files_of(settings)]


def _code() -> Iterator[Path]:
    for folder, _, names in os.walk(_PACKAGE):
        yield from (Path(folder, name) for name in names if name.endswith((".py", ".yaml")))


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_size, status.st_mtime_ns

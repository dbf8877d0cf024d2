"""The voices of a chain as people choose among them: an id that a text may name, and what people call it."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tts.engines.settings import EngineSettings, EspeakSettings, GttsSettings, PiperSettings

_LONGEST = 40


@dataclass(frozen=True, slots=True)
class VoiceName:
    """One voice. `sends_text`: it speaks over the Internet, and the text leaves the house."""

    id: str
    name: str
    engine: str
    sends_text: bool


def voices_of(chain: Iterable[EngineSettings]) -> tuple[VoiceName, ...]:
    """The voices of a chain in its order, each with an id of its own.

    An id that is not configured is made of what shapes the voice, so that the same voice file is called the same on
    every machine: `piper-vi-vais1000-medium`, `gtts`, `espeak-ng`.
    """
    return tuple(_named(list(chain)))


def _named(chain: list[EngineSettings]) -> Iterator[VoiceName]:
    used = {entry.id for entry in chain if entry.id is not None}
    for entry in chain:
        id_ = entry.id
        if id_ is None:
            first, number = slug(f"{entry.engine} {_mark(entry)}"), 1
            id_ = first
            while id_ in used:
                number += 1
                id_ = f"{first[: _LONGEST - 4]}-{number}"
            used.add(id_)
        name = entry.name or f"{entry.engine} {_mark(entry)}".strip()[:80]
        yield VoiceName(id_, name, entry.engine, isinstance(entry, GttsSettings))


def slug(text: str) -> str:
    """Small letters, digits and hyphens, at most 40."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-") or "voice"


def _mark(entry: EngineSettings) -> str:
    """By what this voice is another one than the engine's usual; empty: it is the usual one."""
    match entry:
        case GttsSettings():
            return "" if entry.lang == "vi" else entry.lang
        case EspeakSettings():
            return "" if entry.voice == "vi" else entry.voice
        case PiperSettings():
            speaker = "" if entry.speaker is None else f" {entry.speaker}"
            return f"{Path(entry.model).stem}{speaker}"
        case _:
            return Path(entry.folder).name

"""Sound files on this machine, before they are sent: looked at, not decoded."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from edge_agent.contract.segments import MOST_AUDIO_BYTES

_BLOCK = 1 << 20


class NoSound(Exception):
    """A file that cannot be sent. `code` and `params` are a sentence of the terminal's catalogue."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class LocalSound:
    """A file under the name that the hub's media store gives it."""

    path: Path
    sha256: str
    bytes: int
    media_type: str


def look(path: Path) -> LocalSound:
    """Hash a file that begins like a sound that nodes can play.

    Only its first bytes are judged: whether it can be decoded is found out by the node, long before air. Raises
    NoSound: `plan.sound_empty`, `plan.sound_too_large` or `plan.no_sound`; OSError where it cannot be read.
    """
    digest = hashlib.sha256()
    size, head = 0, b""
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise NoSound("plan.no_sound", path=str(path))
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            head = head or block[:12]
            size += len(block)
            if size > MOST_AUDIO_BYTES:
                raise NoSound("plan.sound_too_large", path=str(path), limit=MOST_AUDIO_BYTES >> 20)
            digest.update(block)
    if not size:
        raise NoSound("plan.sound_empty", path=str(path))
    kind = sound_type(head)
    if kind is None:
        raise NoSound("plan.no_sound", path=str(path))
    return LocalSound(path, digest.hexdigest(), size, kind)


def sound_type(head: bytes) -> str | None:
    """The media type by the first 12 bytes; None for anything but WAV, FLAC, Ogg, M4A and MP3."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] in {b"fLaC", b"OggS"}:
        return "audio/flac" if head[:1] == b"f" else "audio/ogg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):  # MPEG audio, layer III
        return "audio/mpeg"
    return None

"""Reads and writes WAV files: PCM of 16, 24 or 32 bits, mono or stereo, any rate.

The chunks are read here and not by the standard library's `wave`, because up to Python 3.11 that refuses the
WAVE_FORMAT_EXTENSIBLE header that ffmpeg writes for 24 bits, and it takes a truncated file without a word.
Format: Microsoft, "Multiple channel audio data and WAVE files".
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from drivers.contract import DriverFault

_PCM = 1
_EXTENSIBLE = 0xFFFE
_UNKNOWN_LENGTH = 0x7FFFF000  # writers into a pipe (ffmpeg, espeak-ng) put about this or more where a size belongs


@dataclass(frozen=True, slots=True)
class WavInfo:
    """What a header says: Hz, channels, bytes per sample, frames, and where in the file the samples begin."""

    rate: int
    channels: int
    width: int
    frames: int
    offset: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame (a sample of each channel)."""
        return self.width * self.channels

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.frames / self.rate


def read_info(path: Path) -> WavInfo:
    """Read and check the header. Raises DriverFault `speaker.bad_audio` for anything that cannot be played whole."""
    try:
        with path.open("rb") as file:
            return _parse(file, path.stat().st_size, path.name)
    except OSError as error:
        raise _bad(path.name, f"cannot be read: {error.strerror or error}") from error


def header(rate: int, channels: int, width: int, data_bytes: int) -> bytes:
    """Return the 44 bytes before the samples of a plain PCM file."""
    block = channels * width
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, _PCM, channels, rate, rate * block, block, width * 8),
        *(b"data", data_bytes),
    )


def _parse(file: BinaryIO, size: int, name: str) -> WavInfo:
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise _bad(name, "is not a WAV file")
    form: tuple[int, int, int] | None = None
    while True:
        chunk = file.read(8)
        if len(chunk) < 8:
            raise _bad(name, "has no samples")
        kind, length = struct.unpack("<4sI", chunk)
        if kind == b"data":
            return _data(form, file.tell(), length, size, name)
        if kind == b"fmt ":
            form = _format(file.read(length + length % 2), name)
        else:
            file.seek(length + length % 2, 1)


def _format(body: bytes, name: str) -> tuple[int, int, int]:
    if len(body) < 16:
        raise _bad(name, "has a truncated header")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
    if tag != _PCM or bits not in (16, 24, 32):
        raise _bad(name, f"is not PCM of 16, 24 or 32 bits (format {tag}, {bits} bits)")
    if channels not in (1, 2):
        raise _bad(name, f"has {channels} channels; 1 or 2 can be played")
    if not 1 <= rate <= 768_000:
        raise _bad(name, f"has a sample rate of {rate} Hz")
    return rate, channels, bits // 8


def _data(form: tuple[int, int, int] | None, offset: int, length: int, size: int, name: str) -> WavInfo:
    if form is None:
        raise _bad(name, "has samples before its format")
    rate, channels, width = form
    there = size - offset
    block = channels * width
    if length >= _UNKNOWN_LENGTH:
        length = there - there % block
    if length > there:
        raise _bad(name, f"is truncated: {there} of {length} bytes of sound are there")
    if length == 0:
        raise _bad(name, "has a length of zero")
    if length % block:
        raise _bad(name, "ends within a sample")
    return WavInfo(rate, channels, width, length // block, offset)


def _bad(name: str, why: str) -> DriverFault:
    return DriverFault("speaker.bad_audio", f"{name} {why}")

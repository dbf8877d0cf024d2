"""Pieces copied one behind the other into a recording, as far as they were heard. Without numpy: for the agent itself.

One file, or files of one form with silence between them, keep their form; anything else becomes mono, 16 bits, 48 kHz.
Blocking, for one thread.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drivers.audio import pcm
from drivers.audio.pieces import Item
from drivers.audio.recording import Recording
from drivers.audio.wav import WavInfo
from drivers.contract import DriverFault

LIVE = WavInfo(48_000, 1, 2, 0, 0)
_GAIN_BLOCK_S = 0.01
_OPEN_S = 0.5
"""A FIFO is opened so long before its piece begins: it holds 0.68 s."""


class Gain:
    """The volume over time, in frames: steps and ramps. Set from the event loop, read by the copying thread."""

    def __init__(self, volume: float) -> None:
        self._turns: list[tuple[int, int, float, float]] = [(0, 0, volume, volume)]

    def turn(self, start: int, frames: int, to: float) -> None:
        """Go from what it is at `start` to `to` within so many frames."""
        self._turns = [*self._turns, (start, frames, self.at(start), to)]

    def at(self, frame: int) -> float:
        """The gain at a frame."""
        start, frames, begin, end = next((t for t in reversed(self._turns) if t[0] <= frame), self._turns[0])
        done = 1.0 if frame >= start + frames else (frame - start) / frames
        return begin + (end - begin) * done

    def steady(self, start: int, end: int) -> bool:
        """Whether it is the same from `start` to `end`."""
        return all(first >= end or first + frames <= start for first, frames, _, _ in self._turns)


class Reel:
    """Copies into a recording up to wherever it is told. Raises OSError, and DriverFault `speaker.bad_audio`."""

    def __init__(self, items: Sequence[Item], infos: Sequence[WavInfo | None], skip_s: float) -> None:
        self.form = _form(items, infos)
        self._parts = [_part(item, info, self.form) for item, info in zip(items, infos, strict=True)]
        self._place = 0  # of the part that is copied
        self._begin = 0  # the frame of the reel on which it begins
        self.frames = 0  # copied
        self._skip(round(skip_s * self.form.rate))
        self._open_next()

    @property
    def live(self) -> bool:
        """Whether a stream is among the pieces that are left."""
        return any(isinstance(part, _Live) for part in self._parts[self._place :])

    @property
    def length(self) -> int | None:
        """Frames in all; None as long as a live piece without an end is to come."""
        left = [part.length for part in self._parts[self._place :]]
        return None if any(one is None for one in left) else max(0, self._begin + sum(one or 0 for one in left))

    def up_to(self, frame: int, recording: Recording, gain: Gain) -> None:
        """Copy so that `frame` frames are there in all; what is there already is not copied again."""
        while self.frames < frame and self._place < len(self._parts):
            part = self._parts[self._place]
            count = min(frame - self.frames, self.form.rate)
            data = part.read(self.frames - self._begin, count)
            if data:
                self._write(data, recording, gain)
            if part.length is not None and self.frames - self._begin >= part.length:
                self._next()
            self._open_next()

    def close(self) -> None:
        """Close what is open."""
        for part in self._parts:
            part.close()

    def _open_next(self) -> None:
        """Open what begins soon."""
        begin = self._begin
        for part in self._parts[self._place :]:
            if begin - self.frames > _OPEN_S * self.form.rate:
                return
            if isinstance(part, _Live):
                part.open()
            if part.length is None:
                return
            begin += part.length

    def _next(self) -> None:
        self._begin, self._place = self.frames, self._place + 1

    def _write(self, data: bytes, recording: Recording, gain: Gain) -> None:
        form, start = self.form, self.frames
        self.frames += len(data) // form.frame_bytes
        if gain.steady(start, self.frames):
            recording.write(pcm.scale(data, form.width, gain.at(start)))
            return
        block = max(1, int(form.rate * _GAIN_BLOCK_S))
        for first in range(start, self.frames, block):
            part = data[(first - start) * form.frame_bytes : (first - start + block) * form.frame_bytes]
            ends = gain.at(first), gain.at(first + len(part) // form.frame_bytes)
            recording.write(pcm.ramp(part, form.width, form.channels, *ends))

    def _skip(self, frames: int) -> None:
        """Leave out the beginning: frame 0 of what is copied is that frame of the pieces."""
        self._begin = -frames
        while self._place < len(self._parts):
            length = self._parts[self._place].length
            if length is None or self._begin + length > 0:
                return
            self._begin, self._place = self._begin + length, self._place + 1


class _Part(Protocol):
    length: int | None

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` frames from `start` on."""

    def close(self) -> None: ...


@dataclass(slots=True)
class _Silence:
    length: int | None
    form: WavInfo

    def read(self, start: int, count: int) -> bytes:
        return bytes(min(count, (self.length or 0) - start) * self.form.frame_bytes)

    def close(self) -> None:
        return


class _Wav:
    def __init__(self, path: Path, info: WavInfo, form: WavInfo) -> None:
        self._path, self._info, self._form = path, info, form
        self.length: int | None = -(-info.frames * form.rate // info.rate)
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise _bad(path, error) from error

    def read(self, start: int, count: int) -> bytes:
        info, form = self._info, self._form
        count = min(count, (self.length or 0) - start)
        if _same(info, form):
            return self._frames(start, count)
        # From a whole frame of the file to a whole one: nothing is lost, at most a part of a frame is heard twice.
        first = start * info.rate // form.rate
        last = max(first + 1, min(info.frames, -(-(start + count) * info.rate // form.rate)))
        data = pcm.convert(self._frames(first, last - first), info.width, info.channels, 2, 1)
        samples = pcm.unpack(data, 2)
        return pcm.pack(pcm.stretch(samples, samples[-1], count), 2)

    def close(self) -> None:
        self._file.close()

    def _frames(self, first: int, count: int) -> bytes:
        size = self._info.frame_bytes
        try:
            self._file.seek(self._info.offset + first * size)
            data = self._file.read(count * size)
        except OSError as error:
            raise _bad(self._path, error) from error
        if len(data) < count * size:
            raise _bad(self._path, "it became shorter while it was played")
        return data


class _Live:
    """A FIFO by the rules of `Piece`: what is there when its time is over is copied, what comes later is not."""

    def __init__(self, path: Path, seconds: float | None, *, at_most: bool) -> None:
        self._most = None if seconds is None else round(seconds * LIVE.rate)
        self.length = None if at_most else self._most
        self._path = path
        self._fd: int | None = None
        self._came = 0  # frames
        self._rest = b""
        self._writer = False  # whether one ever came
        self._closed = False

    def open(self) -> int:
        """Open it, once: who writes into it begins then."""
        if self._fd is None:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError as error:
                raise _bad(self._path, error) from error
        return self._fd

    def read(self, start: int, count: int) -> bytes:
        if self._most is not None:
            count = max(0, min(count, self._most - start))
        end = start + count
        heard = b""
        while self._came < end:
            data = self._receive(end - self._came)
            if not data:
                break
            late = min(len(data), max(0, start - self._came) * 2)
            self._came += len(data) // 2
            heard += data[late:]
        if self.length is None and self._writer and self._closed:
            self.length = start + len(heard) // 2
            return heard
        if self._most is not None and start + count >= self._most:
            self.length = max(start, self._most) if self.length is None else self.length
        return heard + bytes(count * 2 - len(heard))

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def _receive(self, frames: int) -> bytes:
        self._closed = False
        try:
            data = os.read(self.open(), frames * 2 - len(self._rest))
        except BlockingIOError:
            self._writer = True
            return b""
        self._closed = not data
        self._writer = self._writer or bool(data)
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        return data[:whole]


def _part(item: Item, info: WavInfo | None, form: WavInfo) -> _Part:
    if item.kind == "live":
        return _Live(item.file, item.seconds, at_most=item.at_most)
    if info is None:
        return _Silence(round((item.seconds or 0.0) * form.rate), form)
    return _Wav(item.file, info, form)


def _form(items: Sequence[Item], infos: Sequence[WavInfo | None]) -> WavInfo:
    known = [info for info in infos if info is not None]
    one = bool(known) and all(_same(info, known[0]) for info in known)
    return known[0] if one and all(item.kind != "live" for item in items) else LIVE


def _same(one: WavInfo, other: WavInfo) -> bool:
    return (one.rate, one.channels, one.width) == (other.rate, other.channels, other.width)


def _bad(path: Path, why: object) -> DriverFault:
    return DriverFault("speaker.bad_audio", f"{path.name} cannot be played on: {why}")

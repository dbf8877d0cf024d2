"""Recorded files opened for reading picture by picture."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from camera.recordings.boxes import BadFile, Entry, Fragment, Head, fragments, read_head

if TYPE_CHECKING:
    from camera.recordings.library import Stored


class Piece(NamedTuple):
    """A picture and its time, ms since 1970, UTC."""

    entry: Entry
    at: int
    until: int


@dataclass(eq=False, slots=True)
class Footage:
    """One file."""

    fd: int
    begin: int
    end: int
    """As the index has it, where the file is whole: a camera's clock that runs slow makes the pictures end sooner."""
    head: Head
    fragments: tuple[Fragment, ...]

    @property
    def time_base(self) -> Fraction:
        """The unit of its times, in seconds."""
        return Fraction(1, self.head.timescale)

    @property
    def format(self) -> bytes:
        """Equal for files that can be one clip."""
        return self.head.init

    def pieces(self) -> Iterator[Piece]:
        """Yield its pictures in order of decoding."""
        zero, scale = self.fragments[0].begin, self.head.timescale
        for fragment in self.fragments:
            for entry in fragment.entries:
                at = self.begin + (entry.dts - zero) * 1000 // scale
                yield Piece(entry, at, at + entry.duration * 1000 // scale)

    def read(self, entry: Entry) -> bytes:
        """Return a compressed picture. Raises `OSError`."""
        return os.pread(self.fd, entry.size, entry.place)

    def sample(self) -> io.BytesIO:
        """Return a small file of the same format, for libav to look at."""
        first = self.fragments[0]
        return io.BytesIO(self.head.init + os.pread(self.fd, first.size, first.place))

    def description(self) -> tuple[str, bytes | None, int, int]:
        """Return codec, extradata, width and height as libav names them."""
        import av

        with av.open(self.sample()) as container:
            context = container.streams.video[0].codec_context
            return context.name, context.extradata, context.width, context.height


@contextlib.contextmanager
def open_footage(files: Iterable[Stored]) -> Iterator[list[Footage]]:
    """Open files in their order; those that are gone or spoiled meanwhile are left out."""
    opened: list[Footage] = []
    try:
        for one in files:
            try:
                fd = os.open(one.path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                head = read_head(fd)
                size = os.fstat(fd).st_size
                whole = tuple(fragments(fd, head, min(size, one.bytes)))
            except (BadFile, OSError):
                whole = ()
            if whole:
                torn = size < one.bytes
                opened.append(Footage(fd, one.begin, one.begin if torn else one.end, head, whole))
            else:
                os.close(fd)
        yield opened
    finally:
        for file in opened:
            os.close(file.fd)

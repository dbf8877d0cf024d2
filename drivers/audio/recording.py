"""A WAV file that grows out of sight and appears, whole and durable, when it is finished."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from drivers.audio.wav import WavInfo, header

_NAME = re.compile(r"^(\d{8}T\d{6}\.\d{3}Z)(?:-(\d+))?\.wav$")


class Recording:
    """Written under a hidden name; `finish` renames it. Blocking: use it in a thread. Raises OSError."""

    def __init__(self, directory: Path, started_at: datetime, like: WavInfo) -> None:
        self._like = like
        self._bytes = 0
        self.path = _free(directory, started_at)
        self._part = self.path.with_name(f".{self.path.name}.part")
        self._file = self._part.open("xb")
        self._file.write(header(like.rate, like.channels, like.width, 0))

    def write(self, data: bytes) -> None:
        """Append samples."""
        self._file.write(data)
        self._bytes += len(data)

    def finish(self) -> None:
        """Put the right sizes into the header, make it durable, and let the file appear."""
        with self._file as file:
            file.seek(0)
            file.write(header(self._like.rate, self._like.channels, self._like.width, self._bytes))
            file.flush()
            os.fsync(file.fileno())
        self._part.replace(self.path)
        _sync_directory(self.path.parent)

    def discard(self) -> None:
        """Give up: nothing appears."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def sweep(directory: Path) -> None:
    """Remove what a power cut left half written."""
    for file in directory.iterdir():
        if file.name.startswith(".") and file.suffix == ".part" and _NAME.match(file.stem[1:]):
            file.unlink(missing_ok=True)


def prune(directory: Path, keep: int) -> None:
    """Remove the oldest of our own recordings beyond `keep`; other files are left alone."""
    ours = sorted((_age(file), file) for file in directory.iterdir() if _NAME.match(file.name))
    for _, file in ours[: max(0, len(ours) - keep)]:
        file.unlink(missing_ok=True)


def _free(directory: Path, started_at: datetime) -> Path:
    moment = started_at.astimezone(UTC)
    stem = f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
    # Beyond the highest number, not in the first gap: the number tells the age of files of one millisecond.
    taken = [_age(file)[1] for file in directory.iterdir() if file.name.lstrip(".").startswith(stem)]
    return directory / (f"{stem}-{max(taken) + 1}.wav" if taken else f"{stem}.wav")


def _age(file: Path) -> tuple[str, int]:
    match = _NAME.match(file.name.removeprefix(".").removesuffix(".part"))
    return (match[1], int(match[2] or 0)) if match else ("", 0)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

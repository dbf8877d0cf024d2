"""The installer's memory through power cuts: one file while something is under way, one with what became of it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.contract.base import Instant
from edge_agent.contract.errors import Fault
from edge_agent.store.files import sync_folder, write_atomically
from edge_agent.update.bundle import Custom

Step = Literal["verified", "unpacked", "switching", "switched", "going_back"]
"""verified: the archive is the installer's own and proven. unpacked: the slot is whole, on disk, tried, and reads the
configuration. switching: link and configuration may be either. switched: the new version is on trial. going_back: link
and configuration may be either, and will be the old ones."""


_M = TypeVar("_M", bound=BaseModel)


class Journal(BaseModel):
    """An update under way; there is none when the file is not there."""

    model_config = ConfigDict(extra="ignore")

    step: Step
    version: str
    custom: Custom | None = Field(default=None, description="The signed words beside the archive")
    slot: str = Field(pattern=r"^(base|slots/[ab])$", description="Where the new version is")
    before: str = Field(pattern=r"^(base|slots/[ab])$", description="What `current` was")
    version_before: str
    needs: tuple[str, ...] = Field(default=(), description="What must be well again: what was well before")
    migrated: bool = Field(default=False, description="Whether the new version has a configuration of its own form")
    fault: Fault | None = None
    by: str = ""


class Last(BaseModel):
    """What became of the last update."""

    model_config = ConfigDict(extra="ignore")

    result: Literal["healthy", "back", "refused"]
    version: str
    version_before: str
    slot_before: str | None = None
    at: Instant
    fault: Fault | None = None
    by: str = ""


class Books:
    """Journal, last result, and the count of starts, in the installer's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = folder / "journal.json"
        self._last = folder / "last.json"
        self._starts = folder / "starts"

    def journal(self) -> Journal | None:
        """What is under way; a journal that cannot be read counts as none (it is written whole or not at all)."""
        return _read(Journal, self._journal)

    def tidy(self) -> None:
        """Put a journal away that nobody can read, or systemd would start the installer for it for ever."""
        if self._journal.exists() and self.journal() is None:
            self._journal.unlink()

    def write(self, journal: Journal) -> None:
        """Note a step, durably. Raises OSError."""
        write_atomically(self._journal, journal.model_dump_json(exclude_none=True).encode(), 0o644)

    def last(self) -> Last | None:
        """What became of the last one."""
        return _read(Last, self._last)

    def close(self, last: Last) -> None:
        """Note the end, then forget what was under way. A full disk keeps nobody from ending."""
        with contextlib.suppress(OSError):
            write_atomically(self._last, last.model_dump_json(exclude_none=True).encode(), 0o644)
        self._journal.unlink(missing_ok=True)
        self._starts.unlink(missing_ok=True)
        sync_folder(self.folder)

    def count_start(self) -> int:
        """One start more of a version on trial; how many there were. Raises OSError."""
        try:
            before = int(self._starts.read_text())
        except (OSError, ValueError):
            before = 0
        write_atomically(self._starts, str(before + 1).encode())
        return before + 1

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else switches meanwhile; held for moments only."""
        with self._locked("turn", fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """The only installer. Raises BlockingIOError while there is another."""
        with self._locked("busy", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)


def _read(kind: type[_M], path: Path) -> _M | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None

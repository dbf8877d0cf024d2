"""The index of all recordings under a directory, in SQLite: shared by group processes and the agent."""

from __future__ import annotations

from pathlib import Path

from camera.model import MotionEvent


class Catalogue:
    """One for each directory and process: get it by `Catalogue.of`. Thread-safe, blocking."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of(cls, directory: Path) -> Catalogue:
        """Return this process's catalogue of `directory`. Opens nothing yet."""
        return cls(directory)

    def note_event(self, event: MotionEvent, jpeg: bytes | None) -> None:
        """Keep an event (again when it has ended), and its picture if there is one. Raises `CameraFault`."""
        raise NotImplementedError

"""The node's own sounds: a folder of bounded size that never loses what is planned."""

from pathlib import Path


class SoundStore:
    """A folder of at most `limit` bytes: the least recently used goes first, what an owner has pinned never."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

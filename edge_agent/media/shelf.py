"""Files that wait for their way to the hub: a folder that survives restarts and is its own index.

`<sha256>.mp4` is a file, and one `<id>.json` stands for each who asked for it.
"""

import contextlib
import logging
import threading
from pathlib import Path

from pydantic import Field, ValidationError

from edge_agent.contract.base import Instant, JsonObject, Strict
from edge_agent.store.files import write_atomically
from tts.files import durable_replace

log = logging.getLogger(__name__)


class Parcel(Strict):
    """A file that somebody asked for; `note` is for who sends it off and hears of its arrival."""

    id: str = Field(pattern=r"^[0-9a-zA-Z-]{1,64}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    media_type: str = "video/mp4"
    made: Instant
    note: JsonObject = Field(default_factory=dict)


class Shelf:
    """Blocking, for any thread; all methods may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parcels: dict[str, Parcel] = {}
        """By id, first to last asked for. Never changed but replaced: others go through it meanwhile."""
        self._lock = threading.Lock()

    def open(self) -> list[Parcel]:
        """Look through the folder; returns what was asked for and whose file is gone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = [parcel for path in self.folder.glob("*.json") if (parcel := _read(path)) is not None]
        lost = []
        for parcel in sorted(found, key=lambda parcel: (parcel.made, parcel.id)):
            path = self.path(parcel)
            if path.is_file() and path.stat().st_size == parcel.bytes:
                self.parcels = {**self.parcels, parcel.id: parcel}
            else:
                lost.append(parcel)
        wanted = {self.path(parcel) for parcel in self.parcels.values()}
        wanted |= {self._note(parcel) for parcel in (*self.parcels.values(), *lost)}
        for path in self.folder.iterdir():
            if path not in wanted and path.is_file():
                path.unlink(missing_ok=True)  # a draft, or a file that nobody waits for
        return lost

    def path(self, parcel: Parcel) -> Path:
        """Where its file is."""
        return self.folder / f"{parcel.sha256}.mp4"

    def draft(self, name: str) -> Path:
        """Where a file may be made, to be handed to `add` then; gone after a restart."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f".{name}.draft.mp4"

    def add(self, parcel: Parcel, draft: Path) -> None:
        """Take a file that was made in `draft`, durably."""
        with self._lock:
            durable_replace(draft, self.path(parcel))
            write_atomically(self._note(parcel), parcel.model_dump_json().encode())
            self.parcels = {**self.parcels, parcel.id: parcel}

    def remove(self, parcel: Parcel) -> None:
        """Forget who asked; the file goes with the last of them."""
        with self._lock:  # the same clip may be asked for again at this moment
            self.parcels = {name: other for name, other in self.parcels.items() if name != parcel.id}
            self._note(parcel).unlink(missing_ok=True)
            if all(other.sha256 != parcel.sha256 for other in self.parcels.values()):
                self.path(parcel).unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum({parcel.sha256: parcel.bytes for parcel in self.parcels.values()}.values())

    def _note(self, parcel: Parcel) -> Path:
        return self.folder / f"{parcel.id}.json"


def _read(path: Path) -> Parcel | None:
    with contextlib.suppress(OSError, ValidationError):
        return Parcel.model_validate_json(path.read_bytes())
    log.error("%s is not understood and is let go", path.name)
    return None

"""The slots of programs and the two links to them: `current`, which runs, and `good`, which has proven itself."""

import contextlib
import os
import re
import shutil
from pathlib import Path

from edge_agent.store.files import sync_folder
from edge_agent.update.bundle import VERSION_PATTERN
from edge_agent.update.places import BASE, SLOTS, Places


class Slots:
    """The folder of programs."""

    def __init__(self, places: Places) -> None:
        self._opt = places.opt

    def current(self) -> str:
        """Which one runs; `base` where the link is missing or leads elsewhere."""
        return self._link("current")

    def good(self) -> str:
        """Which one was healthy last; `base` where nobody has said so yet."""
        return self._link("good")

    def free(self) -> str:
        """The slot that neither runs nor is needed to go back to."""
        taken = {self.current(), self.good()}
        return next(slot for slot in SLOTS if slot not in taken)

    def path(self, slot: str) -> Path:
        """Folder of a slot."""
        return self._opt / slot

    def whole(self, slot: str) -> bool:
        """Whether there is anything in it that could run."""
        return os.access(self.path(slot) / "bin/python", os.X_OK)

    def version(self, slot: str) -> str | None:
        """Which version is in it; None where nobody wrote it down."""
        try:
            said = (self.path(slot) / "VERSION").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return said if re.fullmatch(VERSION_PATTERN, said) else None

    def switch(self, slot: str) -> None:
        """Let `current` lead to a slot: before a power cut to the one, after it to the other. Raises OSError."""
        self._point("current", slot)

    def trust(self, slot: str) -> None:
        """Remember that a slot was healthy. Raises OSError."""
        self._point("good", slot)

    def clear(self, slot: str) -> None:
        """Empty a slot. Raises OSError."""
        folder = self.path(slot)
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)

    def _link(self, name: str) -> str:
        with contextlib.suppress(OSError):
            target = str((self._opt / name).readlink())
            if target in (BASE, *SLOTS):
                return target
        return BASE

    def _point(self, name: str, slot: str) -> None:
        new = self._opt / f".{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(slot)
        new.replace(self._opt / name)
        sync_folder(self._opt)

"""Where a card's files are written: its mounted folder, or the FAT partition of an image or a device.

Both keep the old files until all new ones are on the card and were read back: `write` says how.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from edge_agent.card.faults import CardFault

BESIDE = ".new"
"""New files stand beside the old ones under this ending until all are there."""


class Target(Protocol):
    """Files of a card by their path from the root of the partition (`edge-agent/node.yaml`)."""

    def read(self, path: str) -> bytes | None:
        """What a file holds; None if there is no such file. Raises CardFault if it cannot be read."""

    def listed(self, folder: str) -> Sequence[str]:
        """Paths of the files in a folder; none if there is no such folder."""

    def put(self, path: str, data: bytes) -> None:
        """Write a file and have it on the card. Raises CardFault, for one if the card is full."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file over another one."""

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def settle(self) -> None:
        """Have all of it on the card."""


def write(target: Target, files: Mapping[str, bytes | None]) -> None:
    """Write the files (None: remove it) in their order: all beside, all read back, then renamed, then read again.

    Raises CardFault if it fails; what was on the card before is there then.
    """
    wanted = {path: data for path, data in files.items() if data is not None}
    try:
        for path, new in wanted.items():
            target.put(path + BESIDE, new)
        target.settle()
        _compare(target, {path + BESIDE: data for path, data in wanted.items()})
        before = {path: target.read(path) for path in files}
    except (CardFault, OSError, KeyboardInterrupt):
        _clear(target, wanted)
        raise
    try:
        for path, data in files.items():
            if data is None:
                target.remove(path)
            else:
                target.rename(path + BESIDE, path)
        target.settle()
        _compare(target, files)
    except (CardFault, OSError, KeyboardInterrupt):
        _restore(target, before)
        raise


def _compare(target: Target, files: Mapping[str, bytes | None]) -> None:
    for path, data in files.items():
        if target.read(path) != data:
            raise CardFault("card.unlike", path=path)


def _clear(target: Target, paths: Mapping[str, bytes]) -> None:
    """Leaves nothing beside; a card that was pulled out must not hide why it failed."""
    with contextlib.suppress(CardFault, OSError):
        for path in paths:
            target.remove(path + BESIDE)
        target.settle()


def _restore(target: Target, before: Mapping[str, bytes | None]) -> None:
    with contextlib.suppress(CardFault, OSError):
        for path, data in before.items():
            target.remove(path + BESIDE)
            if target.read(path) != data:
                target.remove(path)
                if data is not None:
                    target.put(path, data)
        target.settle()

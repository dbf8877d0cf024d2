"""What is written to the card, and how worn it says it is."""

import os
from pathlib import Path

_BLOCK = Path("/sys/block")
_IO = Path("/proc/self/io")
_SECTOR = 512
"""Bytes; /sys/block/*/stat counts in these whatever the disk's own are."""
_DAY_S = 86_400.0
_LEAST_S = 600.0
"""Of less, a day is not to be told."""


class Wear:
    """Bytes written since it was made, per day, of this process and of the whole disk that holds a folder."""

    def __init__(self, storage: Path, monotonic: float, *, block: Path = _BLOCK, io: Path = _IO) -> None:
        self._storage, self._block, self._io = storage, block, io
        self._began = monotonic
        self._own, self._disk = self._written()

    def values(self, monotonic: float) -> dict[str, float]:
        """Megabytes a day, and the card's own word; what this machine does not tell is left out."""
        passed = monotonic - self._began
        own, disk = self._written()
        found: dict[str, float] = {}
        if passed >= _LEAST_S:
            for name, now, then in (("written_agent", own, self._own), ("written_disk", disk, self._disk)):
                if now is not None and then is not None and now >= then:
                    found[name] = round((now - then) / 1e6 * _DAY_S / passed, 2)
        worn = life_used(self._block)
        return found if worn is None else {**found, "card_worn": worn}

    def _written(self) -> tuple[int | None, int | None]:
        return _of_process(self._io), _of_disk(self._block, self._storage)


def life_used(block: Path = _BLOCK) -> float | None:
    """Per cent of the card's life that is used, as the card itself reckons (eMMC 5.0, JESD84-B51); None: it does not.

    Registers in steps of 10 %: 1 is 0 to 10 %, 11 is beyond what was promised. The worse of the two counts.
    """
    worst: float | None = None
    for file in block.glob("mmcblk*/device/life_time"):
        try:
            steps = [int(word, 16) for word in file.read_text().split()]
        except (OSError, ValueError):
            continue
        for step in steps:
            if 1 <= step <= 11:
                worst = max(worst or 0.0, step * 10.0)
    return worst


def spare_is_low(block: Path = _BLOCK) -> bool:
    """Whether a card says that its spare blocks are nearly used up (pre_eol_info 2: 80 %, 3: 90 %)."""
    for file in block.glob("mmcblk*/device/pre_eol_info"):
        try:
            if int(file.read_text().strip(), 16) >= 2:
                return True
        except (OSError, ValueError):
            continue
    return False


def _of_process(io: Path) -> int | None:
    try:
        lines = dict(line.split(": ") for line in io.read_text().splitlines())
        return int(lines["write_bytes"])
    except (OSError, KeyError, ValueError):
        return None


def _of_disk(block: Path, storage: Path) -> int | None:
    """Of the disk, partitions included. Source: Documentation/block/stat.rst, seventh field."""
    try:
        device = storage.stat().st_dev
        link = (block.parent / "dev/block" / f"{os.major(device)}:{os.minor(device)}").resolve()
        disk = link if (link / "device").exists() else link.parent
        return int((disk / "stat").read_text().split()[6]) * _SECTOR
    except (OSError, IndexError, ValueError):
        return None

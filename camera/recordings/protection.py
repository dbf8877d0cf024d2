"""What may be kept by hand: not so much that nothing new fits."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from camera.model import CameraFault

MOST = 0.8
"""Part of what is allowed that may be kept by hand; the rest goes on being recorded over."""


def refuse_too_much(index: sqlite3.Connection, directory: Path, camera: str) -> None:
    """Raise `CameraFault` (camera.protected_full) when more is kept than may be, of this camera or of all."""
    limit = index.execute("SELECT bytes FROM camera WHERE id = ?", (camera,)).fetchone()
    kept = index.execute("SELECT kept FROM usage WHERE camera = ?", (camera,)).fetchone()
    if limit and kept and kept[0] > MOST * limit[0]:
        raise _full(kept[0], limit[0])
    kept_of_all, used = index.execute("SELECT coalesce(sum(kept), 0), coalesce(sum(bytes), 0) FROM usage").fetchone()
    allowed = _allowed(index, directory, used)
    if kept_of_all > MOST * allowed:
        raise _full(kept_of_all, allowed)


def _allowed(index: sqlite3.Connection, directory: Path, used: int) -> int:
    """Return what all recordings together may take."""
    facts = dict(index.execute("SELECT name, value FROM fact").fetchall())
    room = max(0, used + shutil.disk_usage(directory).free - int(facts.get("free_bytes", 0)))
    return min(room, int(facts.get("disk_bytes", 0)) or room)


def _full(kept: int, limit: int) -> CameraFault:
    words = f"{kept / 1e6:.0f} MB would be kept by hand, {MOST * limit / 1e6:.0f} MB may be; let go of older ones first"
    return CameraFault("camera.protected_full", words, retry=False)

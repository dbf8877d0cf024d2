"""How far back the recording of a camera reaches, and for how many days the limits have room."""

from __future__ import annotations

import shutil
from datetime import datetime

from camera.recordings.catalogue import Catalogue, from_ms
from camera.recordings.schema import DONE

_LOOK_BACK = 360
"""Segments whose rate is taken for the rate of the days to come: six hours of files of a minute."""
_DAY_MS = 86_400_000


def outlook(catalogue: Catalogue, camera: str) -> tuple[datetime | None, float | None]:
    """Return where the recording begins, and the days of video for which there is room. Raises `OSError`.

    Takes some ten milliseconds: for about once a minute.
    """
    rows = catalogue.read("SELECT begin FROM segment WHERE camera = ? AND state <= ? ORDER BY id LIMIT 1", camera, DONE)
    oldest = from_ms(rows[0][0]) if rows else None
    rates = {one: rate for one in list(catalogue.retention) if (rate := _bytes_per_day(catalogue, one))}
    if camera not in rates:
        return oldest, None
    limits = catalogue.retention[camera]
    share = rates[camera] / sum(rates.values())
    room = min(limits.most_bytes, share * _room_for_all(catalogue))
    return oldest, round(min(limits.days, room / rates[camera]), 2)


def _bytes_per_day(catalogue: Catalogue, camera: str) -> float | None:
    """Return the rate of the newest video, as it lies on the disk: where only events stay that is less than comes."""
    count, size, begin, end = catalogue.read(
        "SELECT count(*), sum(bytes), min(begin), max(end) FROM (SELECT bytes, begin, end FROM segment"
        " WHERE camera = ? AND state = ? ORDER BY id DESC LIMIT ?)",
        camera,
        DONE,
        _LOOK_BACK,
    )[0]
    return size * _DAY_MS / (end - begin) if count and end > begin else None


def _room_for_all(catalogue: Catalogue) -> int:
    used = catalogue.read("SELECT coalesce(sum(bytes), 0) FROM usage")[0][0]
    free = shutil.disk_usage(catalogue.directory).free
    room = max(0, used + free - catalogue.disk.free_bytes)
    return int(room if catalogue.disk.bytes is None else min(room, catalogue.disk.bytes))

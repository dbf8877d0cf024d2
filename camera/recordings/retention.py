"""What may stay how long. Video that is kept by hand is never deleted; oldest is what was recorded first.

The order is that of recording (the number of a segment), not of the wall clock, which may have jumped.
"""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from camera.model import Deleted
from camera.recordings import pictures
from camera.recordings.catalogue import Catalogue, from_ms
from camera.recordings.clockwatch import ClockWatch
from camera.recordings.schema import DONE, OPEN
from camera.recordings.segments import is_recorded
from camera.recordings.telling import Batches
from camera.settings import Retention

Reason = Literal["camera_bytes", "disk_bytes", "free_bytes"]
FreeBytes = Callable[[Path], int]

EVENTLESS_MS = 600_000
"""Video without motion stays so long where only events are wanted: one may yet be told."""
_MARGIN_MS = 5000
_LONGEST_EVENT_MS = 3_600_000
_AHEAD_MS = 3_600_000
"""What ended so far in the future was recorded while the clock was wrong."""
_DAY_MS = 86_400_000
_BATCH = 500

_EVENTLESS = (
    " AND NOT EXISTS (SELECT 1 FROM event e WHERE e.camera = s.camera AND e.begin > s.begin - :longest - :margin"
    " AND e.begin < s.end + :margin AND coalesce(e.end, s.begin) > s.begin - :margin)"
)


def free_bytes(path: Path) -> int:
    """Return how many bytes of the disk under `path` a normal user may still fill."""
    return shutil.disk_usage(path).free


_keepers: dict[Path, Keeper] = {}
_keepers_lock = threading.Lock()


class Keeper:
    """Holds the limits of one directory, for all cameras of this process. Thread-safe; methods raise `OSError`."""

    def __init__(self, catalogue: Catalogue, clock: ClockWatch | None = None, free: FreeBytes = free_bytes) -> None:
        self._catalogue, self._clock, self._free = catalogue, clock or ClockWatch(catalogue), free
        self._lock = threading.Lock()
        self._batches = Batches()
        self.deleted: Counter[str] = Counter()
        """Segments removed since the process began, by camera."""

    def tidy(self, camera: str) -> list[Deleted]:
        """Delete what is too old or too much; return what had to go before its days were over."""
        retention = self._catalogue.retention[camera]
        with self._lock:
            if self._clock.believed():
                self._by_age(camera, retention)
                self._left_behind()
            if camera in self._catalogue.events_only:
                self._eventless(camera)
            gone = self._camera_bytes(camera, retention.most_bytes)
            return gone + self._disk_bytes()

    def full(self, camera: str) -> bool:
        """Whether a segment that is being written has passed its camera's bytes. Cheap; no disk is asked."""
        rows = self._catalogue.read("SELECT bytes FROM usage WHERE camera = ?", camera)
        return (rows[0][0] if rows else 0) + self._written(camera) > self._catalogue.retention[camera].most_bytes

    def too_big(self, camera: str, size: int) -> bool:
        """Whether a file takes so much alone that nothing but itself could make room."""
        return size > self._catalogue.retention[camera].most_bytes // 2

    def to_tell(self, gone: list[Deleted]) -> list[Deleted]:
        """Put what went to what went before; return what is to be told now."""
        with self._lock:
            return self._batches.add(gone)

    def make_room(self) -> tuple[bool, list[Deleted]]:
        """See to the free floor of the disk; return whether it holds now, and what had to go for it."""
        floor = self._catalogue.disk.free_bytes
        gone: list[Deleted] = []
        with self._lock:
            while (free := self._free(self._catalogue.directory)) < floor:
                numbers = self._oldest(floor - free)
                if not numbers:
                    return False, gone
                gone += self._delete(numbers, "free_bytes")
        return True, gone

    def give_up_oldest(self) -> list[Deleted]:
        """Delete the oldest segment, unless it is the only one: the disk is full although its floor seems to hold."""
        with self._lock:
            newest = self._catalogue.read("SELECT max(id) FROM segment WHERE state = ?", DONE)[0][0]
            return self._delete([number for number in self._oldest(1) if number != newest], "free_bytes")

    def _by_age(self, camera: str, retention: Retention) -> None:
        now = self._clock.now()
        longest = max(retention.days, retention.event_days)
        for days, extra in ((retention.days, _EVENTLESS), (longest, "")):
            cutoff = now - round(days * _DAY_MS)
            while numbers := self._older(camera, cutoff, now, extra):
                self._remove(camera, numbers)
        self._forget_events(camera, now - round(longest * _DAY_MS))

    def _left_behind(self) -> None:
        """See to the age of video whose camera nobody records any more: it was taken out of the configuration."""
        for camera, days, event_days in self._catalogue.read("SELECT id, days, event_days FROM camera"):
            if camera not in self._catalogue.retention and not is_recorded(self._catalogue.directory / camera):
                self._by_age(camera, Retention(days=days, event_days=event_days))

    def _eventless(self, camera: str) -> None:
        now = self._clock.now()
        while numbers := self._older(camera, now - EVENTLESS_MS, now, _EVENTLESS):
            self._remove(camera, numbers)

    def _remove(self, camera: str, numbers: Sequence[int]) -> None:
        self._catalogue.delete_segments(numbers)
        self.deleted[camera] += len(numbers)

    def _older(self, camera: str, cutoff: int, now: int, extra: str) -> list[int]:
        """Return segments recorded before the first one that is not too old.

        A time in the future says nothing of a segment's age; then what was recorded next does.
        """
        values = {"camera": camera, "cutoff": cutoff, "ahead": now + _AHEAD_MS, "done": DONE}
        values |= {"longest": _LONGEST_EVENT_MS, "margin": self._catalogue.margin_ms.get(camera, _MARGIN_MS)}
        fresh = self._ids(
            "SELECT id FROM segment s WHERE camera = :camera AND state = :done AND end >= :cutoff AND end <= :ahead"
            " ORDER BY id LIMIT 1",
            values,
        )
        too_late = " OR end > :ahead" if fresh else ""
        return self._ids(
            "SELECT id FROM segment s WHERE camera = :camera AND state = :done AND NOT kept AND id < :fresh"  # noqa: S608
            f" AND (end < :cutoff{too_late}){extra} ORDER BY id LIMIT {_BATCH}",
            {**values, "fresh": fresh[0] if fresh else 1 << 62},
        )

    def _camera_bytes(self, camera: str, limit: int) -> list[Deleted]:
        used = self._catalogue.read("SELECT bytes FROM usage WHERE camera = ?", camera)
        over = (used[0][0] if used else 0) + self._written(camera) - limit
        gone = self._delete(self._oldest(over, camera), "camera_bytes")
        if gone:
            self._forget_events_without_video(camera)
        return gone

    def _disk_bytes(self) -> list[Deleted]:
        limit = self._catalogue.disk.bytes
        if limit is None:
            return []
        used = self._catalogue.read("SELECT coalesce(sum(bytes), 0) FROM usage")[0][0]
        gone = self._delete(self._oldest(used + self._written() - limit), "disk_bytes")
        for camera in {one.camera for one in gone}:
            self._forget_events_without_video(camera)
        return gone

    def _written(self, camera: str | None = None) -> int:
        """Return the bytes of segments that are being written now, in this process and in others."""
        total = 0
        for _id, path in self._catalogue.read("SELECT id, path FROM segment WHERE state = ?", OPEN):
            name = str(path)
            if camera is not None and not name.startswith(f"{camera}/"):
                continue
            ours = self._catalogue.writing.get(name)
            try:
                total += ours if ours is not None else (self._catalogue.directory / name).stat().st_size
            except OSError:
                continue
        return total

    def _oldest(self, wanted: int, camera: str | None = None) -> list[int]:
        """Return the oldest segments, kept ones left out, until they make up `wanted` bytes."""
        numbers: list[int] = []
        whose, values = ("camera = ? AND ", (camera,)) if camera is not None else ("", ())
        rows = (
            self._catalogue.read(
                f"SELECT id, bytes FROM segment WHERE {whose}state = ? AND NOT kept ORDER BY id LIMIT {_BATCH}",  # noqa: S608
                *values,
                DONE,
            )
            if wanted > 0
            else []
        )
        for number, size in rows:
            if wanted <= 0:
                break
            numbers.append(number)
            wanted -= size
        return numbers

    def _delete(self, numbers: Sequence[int], reason: Reason) -> list[Deleted]:
        """Delete, and say it once for each camera."""
        if not numbers:
            return []
        gaps = ", ".join("?" * len(numbers))
        rows = self._catalogue.read(
            "SELECT camera, min(begin), max(end), sum(bytes), count(*) FROM segment"  # noqa: S608 - gaps alone
            f" WHERE id IN ({gaps}) GROUP BY camera",
            *numbers,
        )
        self._catalogue.delete_segments(numbers)
        for camera, *_sums, count in rows:
            self.deleted[str(camera)] += count
        return [Deleted(camera, from_ms(begin), from_ms(end), size, reason) for camera, begin, end, size, _ in rows]

    def _forget_events_without_video(self, camera: str) -> None:
        """Where bytes are short an event's picture goes with its video."""
        rows = self._catalogue.read(
            "SELECT begin FROM segment WHERE camera = ? AND state <= ? ORDER BY id LIMIT 1", camera, DONE
        )
        if rows:
            self._forget_events(camera, rows[0][0])

    def _forget_events(self, camera: str, cutoff: int) -> None:
        rows = self._catalogue.read(
            "SELECT id, picture FROM event WHERE camera = ? AND NOT kept AND end < ? LIMIT ?", camera, cutoff, _BATCH
        )
        for name, picture in rows:
            if picture:
                pictures.path_of(self._catalogue.directory, camera, str(name)).unlink(missing_ok=True)
        with self._catalogue.write() as index:
            index.executemany("DELETE FROM event WHERE id = ?", [(name,) for name, _picture in rows])

    def _ids(self, sql: str, values: dict[str, object]) -> list[int]:
        return [row[0] for row in self._catalogue.read(sql, values)]


def keeper_of(catalogue: Catalogue) -> Keeper:
    """Return this process's keeper of a catalogue: one, also when many recorders ask at once."""
    with _keepers_lock:
        return _keepers.setdefault(catalogue.directory, Keeper(catalogue))

"""Make files and index agree again: after a crash, after a power cut, after the index was lost.

The files are right. A file without a row is entered, a row without a file goes, a torn end is cut off. Files that are
not ours are left alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from camera.recordings import pictures
from camera.recordings.boxes import BadFile, Fragment, Head, fragments, is_sound, last_mark, read_head
from camera.recordings.catalogue import Catalogue, to_ms
from camera.recordings.schema import DONE, OPEN

logger = logging.getLogger(__name__)

_NAME = re.compile(r"^\d{9}\.mp4$")
_DAY = re.compile(r"^\d{4}-\d\d-\d\d$")
KEPT_MODE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What a file turned out to hold; times in ms, UTC."""

    path: str
    serial: int | None
    begin: int
    end: int
    bytes: int
    kept: bool


def inspect(file: Path, path: str, mend: bool = False) -> Found | None:
    """Look into a file; None when nothing in it plays. `mend` cuts a torn end off. Raises `OSError`."""
    mend = mend and os.access(file, os.W_OK)
    fd = os.open(file, (os.O_RDWR if mend else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        info = os.fstat(fd)
        kept = not info.st_mode & KEPT_MODE
        head = read_head(fd)
        mark = last_mark(fd, info.st_size)
        if mark is not None and head.mark is not None and mark.serial == head.mark.serial:
            return Found(path, mark.serial, mark.begin, mark.end, info.st_size, kept)
        last, whole = _last_whole(fd, head, info.st_size)
        if last is None:
            return None
        if mend and whole < info.st_size:
            os.ftruncate(fd, whole)
            os.fsync(fd)
        begin = head.mark.begin if head.mark else _begin_by_name(path)
        end = begin + max(1, last.end * 1000 // head.timescale)
        return Found(path, head.mark.serial if head.mark else None, begin, end, whole if mend else info.st_size, kept)
    except (BadFile, ValueError, OverflowError):
        return None
    finally:
        os.close(fd)


def _last_whole(fd: int, head: Head, size: int) -> tuple[Fragment | None, int]:
    """Return the last sound fragment and where it ends; a power cut tears one at most, a bad card more."""
    whole = list(fragments(fd, head, size))
    if b"avcC" in head.init or b"hvcC" in head.init:
        while whole and not is_sound(fd, whole[-1]):
            whole.pop()
    if not whole:
        return None, 0
    return whole[-1], whole[-1].place + whole[-1].size


def _begin_by_name(path: str) -> int:
    day, name = path.split("/")[-2:]
    return to_ms(datetime.strptime(f"{day} {name[:9]}000+0000", "%Y-%m-%d %H%M%S%f%z"))


def recover(catalogue: Catalogue, camera: str) -> None:
    """Finish what an earlier process of this camera left half done: quick, to be called before recording.

    Raises `OSError`.
    """
    catalogue.close_events(camera)
    catalogue.remove_garbage(camera)
    for number, path in catalogue.read("SELECT id, path FROM segment WHERE camera = ? AND state = ?", camera, OPEN):
        if path not in catalogue.writing:
            _settle(catalogue, camera, int(number), str(path))


def _settle(catalogue: Catalogue, camera: str, number: int, path: str) -> None:
    """Give the row of an unfinished or changed file what the file says."""
    file = catalogue.directory / path
    try:
        found = inspect(file, path, mend=True)
    except FileNotFoundError:
        catalogue.forget_segment(number, path)
        return
    if found is None:
        if _is_stump(file):
            file.unlink(missing_ok=True)
        else:
            logger.warning("%s holds nothing that can be played; it is left as it is", path)
        catalogue.forget_segment(number, path)
        return
    catalogue.finish_segment(camera, path, found.begin, found.end, found.bytes)


def audit(catalogue: Catalogue, camera: str) -> None:
    """Compare all files of a camera with the index, and make the index right. May take minutes on a slow card.

    Raises `OSError`.
    """
    listed = dict(_files(catalogue.directory, camera))
    rows = catalogue.read("SELECT path, id, bytes, kept FROM segment WHERE camera = ? AND state = ?", camera, DONE)
    for path, number, size, kept in rows:
        info = listed.get(path)
        if info is None or info.st_size != size:
            _settle_changed(catalogue, camera, number, path, size)
        elif kept != (not info.st_mode & KEPT_MODE):
            protect(catalogue.directory / path, kept)
    known = {row[0] for row in catalogue.read("SELECT path FROM segment WHERE camera = ?", camera)}
    strangers = sorted(path for path in listed if path not in known)
    for place in range(0, len(strangers), _BATCH):
        _adopt(catalogue, camera, strangers[place : place + _BATCH])
    _events(catalogue, camera)


def _settle_changed(catalogue: Catalogue, camera: str, number: int, path: str, size: int) -> None:
    """Look again at a row that did not fit its file when they were compared: it may have been deleted meanwhile."""
    still = catalogue.read("SELECT bytes FROM segment WHERE id = ? AND state = ?", number, DONE)
    file = catalogue.directory / path
    if still and not (file.is_file() and file.stat().st_size == size):
        logger.warning("%s is not as it was recorded", path)
        _settle(catalogue, camera, number, path)


def protect(file: Path, kept: bool) -> None:
    """Show by a file's rights that it is kept by hand, so that an index made anew knows it. Raises `OSError`."""
    with contextlib.suppress(FileNotFoundError):
        file.chmod(0o440 if kept else 0o640)


def _files(directory: Path, camera: str) -> Iterator[tuple[str, os.stat_result]]:
    root = directory / camera
    for day in sorted(root.iterdir()) if root.is_dir() else []:
        if not _DAY.match(day.name) or not day.is_dir():
            continue
        with os.scandir(day) as entries:
            for entry in entries:
                if _NAME.match(entry.name) and entry.is_file(follow_symlinks=False):
                    yield f"{camera}/{day.name}/{entry.name}", entry.stat()


def _adopt(catalogue: Catalogue, camera: str, paths: list[str]) -> None:
    """Enter files that no row knows; remove what a power cut left of ours without a picture."""
    found: list[Found] = []
    for path in paths:
        if path in catalogue.writing:
            continue  # the index was lost while it is being written; it gets its row at its end
        file = catalogue.directory / path
        try:
            one = inspect(file, path, mend=True)
            if one is not None:
                found.append(one)
            elif _is_stump(file):
                file.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("%s cannot be read (%s)", path, error.strerror)
    with catalogue.write() as index:
        for one in found:
            free = (
                one.serial is not None
                and not index.execute("SELECT 1 FROM segment WHERE id = ?", (one.serial,)).fetchone()
            )
            index.execute(
                "INSERT OR IGNORE INTO segment (id, camera, path, begin, end, bytes, state, kept)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (one.serial if free else None, camera, one.path, one.begin, one.end, one.bytes, DONE, one.kept),
            )
    if found:
        logger.info("%d files of %s were entered into the index", len(found), camera)


def _is_stump(file: Path) -> bool:
    """Whether a file holds nothing but what a power cut leaves of ours: nothing, zeros, or a head with our mark."""
    with file.open("rb") as opened:
        head = opened.read(4096)
        if not head.strip(b"\x00"):
            return not any(chunk.strip(b"\x00") for chunk in iter(lambda: opened.read(65536), b""))
        try:
            return read_head(opened.fileno()).mark is not None
        except BadFile:
            return False


def _events(catalogue: Catalogue, camera: str) -> None:
    """Enter events that only their pictures still tell; correct rows whose picture is gone."""
    root = catalogue.directory / camera / "events"
    listed = {path.stem: path for path in root.glob("*.jpg")} if root.is_dir() else {}
    rows = catalogue.read("SELECT id, picture FROM event WHERE camera = ?", camera)
    known = {str(name): size for name, size in rows}
    lost = [name for name, size in known.items() if size and name not in listed]
    fresh = [
        (event, path.stat().st_size)
        for name, path in listed.items()
        if name not in known and (event := pictures.event_in(path)) is not None
    ]
    with catalogue.write() as index:
        for name in lost:
            if not pictures.path_of(catalogue.directory, camera, name).is_file():
                index.execute("UPDATE event SET picture = 0 WHERE id = ?", (name,))
        for event, size in fresh:
            index.execute(pictures.UPSERT, pictures.row_of(event, size))

"""Files and index stay in step: killed at every step of recording and deleting, rows lost, index lost or spoiled."""

import contextlib
import dataclasses
import os
import shutil
import signal
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from camera_footage import START, START_MS, Rig, in_step, later, pictures_of
from camera_rig import pictures_in

from camera.model import MotionEvent
from camera.recordings import catalogue, pictures, segments
from camera.recordings.audit import audit
from camera.recordings.library import Library

JPEG = b"\xff\xd8\xff\xd9"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def frames(clip):
    return pictures_of(clip)


def event(number=1, end=2.0, **changes):
    begin = START + timedelta(seconds=number)
    until = begin + timedelta(seconds=end) if end is not None else None
    made = MotionEvent(f"e{number}", "gate", begin, until, ("road",), 0.25, "person", (0.1, 0.2, 0.3, 0.4))
    return dataclasses.replace(made, **changes)


def work(directory, frames):
    """Record six files of two seconds where three have room, with an event each time, and let the rest go."""
    rig = Rig(directory, segment_seconds=2, bytes=30_000)
    for number, frame in enumerate(frames):
        rig.writer.take(frame)
        if number in {25, 65}:
            rig.catalogue.note_event(event(number, None), JPEG)
            rig.catalogue.note_event(event(number), None)
        if number == 45:
            Library(directory).keep("gate", START + timedelta(seconds=2), START + timedelta(seconds=3), True)
    rig.close()


class Trap:
    """Kills this process before or after the step with a number: a transaction, a call that changes the disk."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def step(self):
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def around(self, function):
        def trapped(*args, **options):
            self.step()
            result = function(*args, **options)
            self.step()
            return result

        return trapped

    def set(self):
        real = catalogue.Catalogue.write

        @contextlib.contextmanager
        def write(itself):
            self.step()
            with real(itself) as index:
                yield index
                self.step()
            self.step()

        catalogue.Catalogue.write = write
        for name in ("open", "write", "fdatasync", "fsync"):
            setattr(segments.os, name, self.around(getattr(os, name)))
        for name in ("unlink", "replace", "mkdir", "rmdir", "chmod"):
            setattr(Path, name, self.around(getattr(Path, name)))


def killed_at(step, directory, frames):
    """Work in a process of its own that is killed at a step; return whether there was such a step."""
    pid = os.fork()
    if pid == 0:
        code = 70
        with contextlib.suppress(BaseException):
            Trap(step).set()
            work(directory, frames)
            code = 0
        os._exit(code)
    _pid, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work itself fails"
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("rows_lost", [False, True], ids=["killed", "newest rows lost as well"])
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_every_step(tmp_path, frames, rows_lost, stride):
    step = 3 if rows_lost else 0
    while killed_at(step, tmp_path / "video", frames):
        if rows_lost:
            for name in ("index.sqlite3-wal", "index.sqlite3-shm"):
                (tmp_path / "video" / name).unlink(missing_ok=True)
        rig = Rig(tmp_path / "video", bytes=10**9)
        audit(rig.catalogue, "gate")
        in_step(rig)
        assert all(pictures_in(path) for path in rig.files()), f"every file plays after step {step}"
        assert all(state == 1 for (state,) in rig.rows("state"))
        for (name,) in rig.catalogue.read("SELECT id FROM event WHERE picture > 0"):
            assert pictures.path_of(rig.directory, "gate", name).is_file()
        kept = {path for path, kept in rig.rows("path, kept") if kept}
        assert kept == {str(p.relative_to(rig.directory)) for p in rig.files() if not p.stat().st_mode & 0o222}
        rig.write([later(frame, 3600) for frame in frames[:30]])
        rig.close()
        assert rig.board.read().code is None, "it records again"
        shutil.rmtree(tmp_path / "video")
        step += stride
    assert step > 100, "the trap knows the steps"


def test_index_lost_is_made_again_from_the_files(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames)
    rig.catalogue.note_event(event(), JPEG)
    Library(tmp_path).keep("gate", START, START + timedelta(seconds=1), True)
    rig.close()
    columns = "id, path, begin, end, bytes, state, kept"
    rows, events = rig.rows(columns), Library(tmp_path).events("gate", START - DAY, START + DAY, 10)
    rig.catalogue.close()
    for path in tmp_path.glob("index.sqlite3*"):
        path.unlink()
    again = Rig(tmp_path)
    assert again.rows() == []
    audit(again.catalogue, "gate")
    assert again.rows(columns) == rows
    found = Library(tmp_path).events("gate", START - DAY, START + DAY, 10)
    assert [dataclasses.replace(one, kept=False) for one in found] == [
        dataclasses.replace(one, kept=False) for one in events
    ]
    again.write([later(frame, 60) for frame in frames])
    again.writer.cut()
    in_step(again)
    assert again.rows("path")[-1][0].endswith("000106250.mp4"), "what comes is newer than all that was found"


def test_unfinished_files_are_measured_when_the_index_is_lost(tmp_path, frames):
    rig = Rig(tmp_path, segment_seconds=60)
    rig.write(frames)
    rig.catalogue.close()
    for path in tmp_path.glob("index.sqlite3*"):
        path.unlink()
    os.close(rig.shelf._lock)  # as when its process died
    again = Rig(tmp_path)
    audit(again.catalogue, "gate")
    assert again.rows("begin, end, state") == [(START_MS, START_MS + 10_000, 1)]
    in_step(again)


def test_index_lost_while_recording(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames[:70])
    for path in tmp_path.glob("index.sqlite3*"):
        path.unlink()
    audit(rig.catalogue, "gate")
    rig.write(frames[70:])
    rig.writer.cut()
    audit(rig.catalogue, "gate")
    assert len(rig.rows()) == 3 and rig.board.read().code is None
    in_step(rig)


@pytest.mark.parametrize("damage", ["garbage", "header", "page", "empty", "text"])
def test_spoiled_index_is_made_again(tmp_path, frames, damage):
    rig = Rig(tmp_path)
    rig.write(frames)
    rig.catalogue.note_event(event(), None)
    rig.close()
    index = tmp_path / "index.sqlite3"
    data = bytearray(index.read_bytes())
    if damage == "garbage":
        data[:] = os.urandom(len(data))
    elif damage == "header":
        data[:100] = bytes(100)
    elif damage == "page":
        data[4096:8192] = os.urandom(4096)
    elif damage == "text":
        data = b"hello"
    else:
        data = b""
    index.write_bytes(data)
    again = Rig(tmp_path)
    audit(again.catalogue, "gate")
    assert len(again.rows()) == 3
    in_step(again)
    assert Library(tmp_path).spans("gate", START, START + timedelta(hours=1))


def test_files_without_rows_rows_without_files_truncated_and_foreign_files(tmp_path, frames):
    rig = Rig(tmp_path, segment_seconds=2)
    rig.write(frames)
    rig.writer.cut()
    lost, orphan, torn, *_rest = rig.files()
    lost.unlink()
    with rig.catalogue.write() as index:
        index.execute("DELETE FROM segment WHERE path = ?", (str(orphan.relative_to(tmp_path)),))
    size = torn.stat().st_size
    os.truncate(torn, size - 100)
    folder = torn.parent
    strangers = [folder / "note.txt", folder / "000000000.mp4", folder / "holiday.mp4", tmp_path / "gate" / "x.mp4"]
    for path in strangers:
        path.write_bytes(b"a stranger's")
    audit(rig.catalogue, "gate")
    assert all(path.read_bytes() == b"a stranger's" for path in strangers)
    paths = {path for (path,) in rig.rows("path")}
    assert str(orphan.relative_to(tmp_path)) in paths
    assert str(lost.relative_to(tmp_path)) not in paths
    assert len(paths) == 4, "of the torn one nothing is left: it was one fragment"
    for path in strangers[:2]:
        path.unlink()
    in_step_without = [path for path in rig.files() if str(path.relative_to(tmp_path)) in paths]
    assert len(in_step_without) == 4


def test_stumps_of_a_power_cut_are_removed(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames)
    rig.writer.cut()
    whole = rig.files()[0].read_bytes()
    folder = tmp_path / "gate" / "2026-01-01"
    folder.mkdir()
    (folder / "000000001.mp4").touch()
    (folder / "000000002.mp4").write_bytes(bytes(5000))
    (folder / "000000003.mp4").write_bytes(whole[:2000])
    audit(rig.catalogue, "gate")
    assert list(folder.iterdir()) == []


def test_end_that_was_never_written_is_cut_off(tmp_path, frames):
    """Some file systems show zeros, or what lay there before, where the size grew before the data."""
    rig = Rig(tmp_path, segment_seconds=60)
    rig.write(frames)
    (path,) = rig.files()
    data = bytearray(path.read_bytes())
    data[-3000:] = bytes(3000)
    path.write_bytes(data)
    os.close(rig.shelf._lock)
    rig.catalogue.close()
    again = Rig(tmp_path)
    assert again.rows("begin, end") == [(START_MS, START_MS + 8000)]
    assert pictures_in(path) == 80
    in_step(again)


def test_pictures_tell_their_events(tmp_path):
    made = event(7)
    size = pictures.store(tmp_path, made, b"\xff\xd8\xff\xe0rest")
    path = pictures.path_of(tmp_path, "gate", "e7")
    assert path.stat().st_size == size and pictures.event_in(path) == made
    ended = dataclasses.replace(made, score=0.5)
    pictures.store(tmp_path, ended, None)
    assert pictures.event_in(path) == ended
    assert path.read_bytes().endswith(b"\xff\xe0rest") and path.read_bytes().count(b"\xff\xfe") == 1
    path.write_bytes(JPEG)
    assert pictures.event_in(path) is None
    with pytest.raises(ValueError, match="no id"):
        pictures.path_of(tmp_path, "gate", "../../etc/passwd")


def test_events_of_a_camera_that_is_not_recorded_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "MOST_EVENTS", 3)
    index = catalogue.Catalogue(tmp_path)
    for number in range(6):
        index.note_event(event(number), JPEG)
    assert index.read("SELECT id FROM event ORDER BY id") == [("e3",), ("e4",), ("e5",)]
    assert sorted(path.stem for path in (tmp_path / "gate" / "events").iterdir()) == ["e3", "e4", "e5"]


def test_event_that_a_crash_left_open_is_closed(tmp_path):
    rig = Rig(tmp_path)
    rig.catalogue.note_event(event(3, None), JPEG)
    rig.close()
    Rig(tmp_path).close()
    (stored,) = Library(tmp_path).events("gate", START - DAY, START + DAY, 10)
    assert stored.end == stored.begin and stored.picture


def test_two_processes_share_the_index(tmp_path, frames):
    """Writers in other processes, a reader in this one."""
    pids = []
    for camera in ("one", "two", "three"):
        if (pid := os.fork()) == 0:
            code = 70
            with contextlib.suppress(BaseException):
                for lap in range(5):
                    rig = Rig(tmp_path, camera, segment_seconds=2)
                    rig.write([later(frame, lap * 20) for frame in frames])
                    rig.close()
                    code = 0 if rig.board.read().code is None else 71
            os._exit(code)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]
    for camera in ("one", "two", "three"):
        rig = Rig(tmp_path, camera)
        assert len(rig.rows()) == 30
        in_step(rig)
    serials = sqlite3.connect(tmp_path / "index.sqlite3").execute("SELECT count(DISTINCT id) FROM segment").fetchone()
    assert serials == (90,)

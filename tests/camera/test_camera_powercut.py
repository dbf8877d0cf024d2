"""The power goes while we record onto a real ext4: what had reached the device is mounted and counted."""

import contextlib
import os
import shutil
import stat
import subprocess

import pytest
from camera_footage import Rig, in_step, later, pictures_of
from camera_rig import pictures_in

from camera.model import MotionEvent
from camera.recordings import segments
from camera.recordings.audit import audit

IMAGE_BYTES = 48 * 1024 * 1024


@contextlib.contextmanager
def mounted(image, folder):
    folder.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def frames(clip):
    """Half a minute at ten pictures a second, a group each two seconds."""
    laps = [pictures_of(clip)]
    laps += [[later(frame, 12 * lap) for frame in laps[0]] for lap in (1, 2)]
    return [frame for lap in laps for frame in lap]


class Device:
    """Knows of every file what was synced: the rest is lost when the power goes."""

    def __init__(self, monkeypatch):
        self._synced = {}
        for name in ("fdatasync", "fsync"):
            monkeypatch.setattr(segments.os, name, self._noting(getattr(os, name)))

    def _noting(self, sync):
        def noted(fd):
            sync(fd)
            info = os.fstat(fd)
            self._synced[info.st_ino] = None if stat.S_ISDIR(info.st_mode) else info.st_size

        return noted

    def lose(self, directory, after):
        """Copy what was synced; ends of files, names in folders, the newest rows of the index are lost."""
        shutil.copytree(directory, after, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
        for path in directory.glob("gate/*/*.mp4"):
            copy = after / path.relative_to(directory)
            if path.parent.stat().st_ino in self._synced:
                os.truncate(copy, self._synced.get(path.stat().st_ino, 0))
            else:
                copy.unlink()


def opened_again(directory, number, frames):
    """Assert what is there after so many pictures, and that recording goes on."""
    rig = Rig(directory)
    audit(rig.catalogue, "gate")
    assert sum(pictures_in(path) for path in rig.files()) == number // 20 * 20
    in_step(rig)
    assert all(state == 1 for (state,) in rig.rows("state"))
    rig.write([later(frame, 100) for frame in frames[:30]])
    rig.close()
    assert rig.board.read().code is None


@pytest.mark.parametrize("number", [13, 20, 45, 61, 199, 240, 241])
def test_what_was_not_synced_is_one_group_at_most(tmp_path, frames, monkeypatch, number):
    device = Device(monkeypatch)
    rig = Rig(tmp_path / "before", segment_seconds=10)
    rig.write(frames[: number + 1])
    device.lose(tmp_path / "before", tmp_path / "after")
    opened_again(tmp_path / "after", number, frames)


@pytest.mark.long
@pytest.mark.parametrize("number", [13, 45, 61, 199, 240])
def test_power_cut_on_a_real_file_system(tmp_path, frames, number):
    """Needs root: it mounts."""
    image, copy = tmp_path / "disk.img", tmp_path / "copy.img"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    with mounted(image, tmp_path / "before") as before:
        rig = Rig(before, segment_seconds=10)
        rig.write(frames[: number + 1])
        begin = frames[number].at
        rig.catalogue.note_event(MotionEvent("e1", "gate", begin, begin, (), 0.5), b"\xff\xd8\xff\xd9")
        shutil.copyfile(image, copy)
        rig.close()
    with mounted(copy, tmp_path / "after") as after:
        opened_again(after, number, frames)

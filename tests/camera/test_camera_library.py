"""Look into recordings: spans, events, and files that somebody mutilated."""

import os
from datetime import timedelta

import pytest
from camera_footage import START, START_MS, Rig, in_step, later, pictures_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from camera.model import CameraFault, MotionEvent
from camera.recordings.audit import audit, inspect
from camera.recordings.boxes import BadFile, Mark, fragments, is_sound, read_head
from camera.recordings.library import Library

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def frames(clip):
    return pictures_of(clip)


def test_nothing_recorded_yet(tmp_path):
    library = Library(tmp_path / "nowhere")
    assert library.spans("gate", START, START + HOUR) == []
    assert library.events("gate", START, START + HOUR, 10) == []
    assert library.picture("e1") is None and library.oldest("gate") is None
    with pytest.raises(CameraFault, match="not_recorded"):
        library.keep("gate", START, START + HOUR, True)
    assert not (tmp_path / "nowhere").exists(), "a reader makes nothing"


def test_files_that_follow_each_other_are_one_span(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames)
    rig.writer.cut()
    rig.write([later(frame, 60) for frame in frames])
    library = Library(tmp_path)
    first, second = library.spans("gate", START, START + HOUR)
    assert (first.begin, first.end) == (START, START + timedelta(seconds=12))
    assert (second.begin, second.end) == (START + timedelta(seconds=60), START + timedelta(seconds=70)), (
        "as far as it is on the disk: the last group still waits"
    )
    rig.writer.cut()
    assert first.bytes == sum(size for (size,) in rig.rows("bytes")[:3])
    assert len(library.spans("gate", START + timedelta(seconds=61), START + HOUR)) == 1
    assert library.spans("gate", START + timedelta(seconds=13), START + timedelta(seconds=59)) == []
    assert library.oldest("gate") == START
    assert library.spans("other", START, START + HOUR) == []


def test_events_are_listed_in_order_and_bounded(tmp_path):
    rig = Rig(tmp_path)
    for number in (3, 1, 2):
        begin = START + timedelta(minutes=number)
        made = MotionEvent(f"e{number}", "gate", begin, begin + timedelta(seconds=5), ("road", "gate"), 0.5)
        rig.catalogue.note_event(made, b"\xff\xd8\xff\xd9" if number == 2 else None)
    library = Library(tmp_path)
    assert [one.id for one in library.events("gate", START, START + HOUR, 10)] == ["e1", "e2", "e3"]
    assert [one.id for one in library.events("gate", START, START + HOUR, 2)] == ["e1", "e2"]
    touching = library.events("gate", START + timedelta(seconds=64), START + timedelta(seconds=120), 10)
    assert [one.id for one in touching] == ["e1"]
    assert touching[0].zones == ("road", "gate") and touching[0].box is None and not touching[0].picture
    assert library.picture("e2").read_bytes().startswith(b"\xff\xd8")
    assert library.picture("e1") is None and library.picture("../../etc/passwd") is None
    library.picture("e2").unlink()
    assert library.picture("e2") is None


def test_kept_events_and_video_are_marked(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames)
    rig.writer.cut()
    begin = START + timedelta(seconds=1)
    rig.catalogue.note_event(MotionEvent("e1", "gate", begin, begin, (), 0.5), None)
    library = Library(tmp_path)
    library.keep("gate", START, START + timedelta(seconds=2), True)
    assert library.events("gate", START, START + HOUR, 1)[0].kept
    assert [span.kept for span in library.spans("gate", START, START + HOUR)] == [True, False]
    assert [oct(path.stat().st_mode & 0o777) for path in rig.files()] == ["0o440", "0o640", "0o640"]
    library.keep("gate", START, START + HOUR, False)
    assert [span.kept for span in library.spans("gate", START, START + HOUR)] == [False]
    in_step(rig)


def test_what_is_being_recorded_can_be_kept(tmp_path, frames):
    rig = Rig(tmp_path, segment_seconds=60)
    rig.write(frames[:70])
    Library(tmp_path).keep("gate", START, START + HOUR, True)
    rig.write(frames[70:])
    rig.writer.cut()
    assert rig.board.read().code is None
    assert rig.rows("kept") == [(1,)]
    assert rig.catalogue.read("SELECT bytes, kept FROM usage") == [(rig.files()[0].stat().st_size,) * 2]
    in_step(rig)


def test_spoiled_index_is_told_to_readers(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames)
    rig.close()
    (tmp_path / "index.sqlite3").write_bytes(b"SQLite format 3\x00" + os.urandom(8192))
    with pytest.raises(CameraFault, match="disk_error"):
        Library(tmp_path).spans("gate", START, START + HOUR)


@pytest.fixture(scope="module")
def whole(frames, tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("whole"), segment_seconds=60)
    rig.write(frames)
    rig.writer.cut()
    return rig.files()[0].read_bytes()


def read_all(path):
    """Read a file to its end as all readers do."""
    fd = os.open(path, os.O_RDONLY)
    try:
        head = read_head(fd)
        found = list(fragments(fd, head, os.fstat(fd).st_size))
        return [is_sound(fd, fragment) for fragment in found]
    except BadFile:
        return None
    finally:
        os.close(fd)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_mutilated_files_are_read_as_far_as_they_are_whole(tmp_path, whole, data):
    """Cut off at any byte, with garbage anywhere: no crash, and never more video than there was."""
    spoiled = bytearray(whole[: data.draw(st.integers(0, len(whole)), label="cut")])
    for _patch in range(data.draw(st.integers(0, 3), label="patches")):
        at = data.draw(st.integers(0, len(whole)), label="at")
        garbage = data.draw(st.one_of(st.binary(max_size=64), st.just(bytes(4096))), label="garbage")
        spoiled[at : at + len(garbage)] = garbage
    path = tmp_path / "gate" / "2026-02-28" / "235958250.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(spoiled)
    sound = read_all(path)
    assert sound is None or len(sound) <= 6
    found = inspect(path, "gate/2026-02-28/235958250.mp4", mend=True)
    if found is not None:
        assert found.end - found.begin >= 0
        assert path.stat().st_size == found.bytes
        assert inspect(path, "gate/2026-02-28/235958250.mp4") == found, "mending once is enough"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(max_size=300), st.integers(0, 3))
def test_folder_of_garbage_is_audited(tmp_path_factory, whole, garbage, kind):
    directory = tmp_path_factory.mktemp("garbage")
    rig = Rig(directory)
    folder = directory / "gate" / "2026-02-28"
    folder.mkdir(parents=True)
    (folder / "235958250.mp4").write_bytes([garbage, whole + garbage, garbage + whole, whole[:900] + garbage][kind])
    audit(rig.catalogue, "gate")
    audit(rig.catalogue, "gate")
    assert len(rig.rows()) == (1 if kind == 1 else len(rig.rows()))
    for path, size in rig.rows("path, bytes"):
        assert (directory / path).stat().st_size == size
    rig.close()


@given(st.binary(min_size=52, max_size=52))
def test_marks_that_are_none(box):
    assert Mark.parse(box) is None


def test_marks_say_what_was_put_in():
    mark = Mark(7, START_MS, START_MS + 5)
    assert Mark.parse(mark.pack()) == mark
    flipped = bytearray(mark.pack())
    flipped[30] ^= 1
    assert Mark.parse(bytes(flipped)) is None
    assert Mark.parse(Mark(1 << 60, START_MS).pack()) is None, "a number that would use all numbers up"

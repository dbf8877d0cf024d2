"""What goes when: days, bytes, the whole disk, video kept by hand, clocks that lie."""

import errno
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from camera_footage import DAY_MS, START_MS, Rig, in_step

from camera.model import CameraFault, Deleted, MotionEvent
from camera.recordings.catalogue import Catalogue, from_ms
from camera.recordings.library import Library
from camera.recordings.outlook import outlook
from camera.recordings.retention import EVENTLESS_MS
from camera.recordings.telling import BATCH_S, Batches
from camera.settings import Disk

MINUTE_MS = 60_000
YEAR_MS = 365 * DAY_MS


def fill(rig, begin, count, size=1000, step=MINUTE_MS):
    """Enter `count` files of a minute from `begin` on; return their begins."""
    begins = [begin + number * step for number in range(count)]
    for at in begins:
        rig.put(at, at + MINUTE_MS, size)
    return begins


def begins(rig):
    return [begin for (begin,) in rig.rows("begin")]


def note(rig, begin, end, jpeg=None, name="e1"):
    at = from_ms(end) if end is not None else None
    rig.catalogue.note_event(MotionEvent(name, rig.camera, from_ms(begin), at, (), 0.1), jpeg)


@pytest.fixture
def rig(tmp_path):
    """A camera whose clock is believed."""
    rig = Rig(tmp_path)
    believed(rig)
    return rig


def believed(rig):
    """Let a day pass in which nothing is doubted."""
    for _hour in range(25):
        rig.writer.tidy()
        rig.clocks.passes(3_600_000)
    rig.writer.tidy()


def test_old_video_goes_and_event_video_stays_longer(rig):
    now = rig.clocks.now
    old = fill(rig, now - 15 * DAY_MS, 3)
    fresh = fill(rig, now - 13 * DAY_MS, 2)
    note(rig, old[1] + 10_000, old[1] + 20_000, b"\xff\xd8\xff\xd9")
    rig.writer.tidy()
    assert begins(rig) == [old[1], *fresh]
    assert rig.told == [], "what goes in its time is not told"
    rig.clocks.passes(3_000_000)
    for _half_hour in range(16 * 48):
        rig.clocks.passes(1_800_000)
        rig.keeper._clock.believed()
    rig.writer.tidy()
    assert begins(rig) == []
    assert rig.catalogue.read("SELECT * FROM event") == []
    assert list((rig.directory / "gate" / "events").iterdir()) == []
    in_step(rig)


def test_video_of_a_camera_that_was_taken_out_goes_too(rig):
    other = Rig(rig.directory, "road", days=1, event_days=1)
    begun = fill(other, rig.clocks.now - 2 * DAY_MS, 2)
    rig.writer.tidy()
    assert begins(other) == begun, "it is still recorded: its own process sees to it"
    other.shelf.release()
    rig.writer.tidy()
    assert begins(other) == []


def test_events_only_keeps_what_moved(tmp_path):
    rig = Rig(tmp_path, keep="events")
    now = rig.clocks.now
    minutes = fill(rig, now - 30 * MINUTE_MS, 30)
    note(rig, minutes[5] + 10_000, minutes[5] + 20_000)
    note(rig, minutes[8] + 58_000, minutes[8] + 59_000, name="e2")  # five seconds after it lie in the next file
    note(rig, now - 29 * MINUTE_MS - 2000, now - 29 * MINUTE_MS - 1000, name="e3")  # the same before it
    rig.writer.tidy()
    stay = {minutes[0], minutes[1], minutes[5], minutes[8], minutes[9]}
    young = {begin for begin in minutes if begin + MINUTE_MS >= now - EVENTLESS_MS}
    assert set(begins(rig)) == stay | young
    in_step(rig)


def test_event_that_lasts_holds_its_video(tmp_path):
    rig = Rig(tmp_path, keep="events")
    minutes = fill(rig, rig.clocks.now - 30 * MINUTE_MS, 3)
    note(rig, minutes[1] + 10_000, None)
    rig.writer.tidy()
    assert minutes[1] in begins(rig) and minutes[0] not in begins(rig)


def test_camera_keeps_its_bytes(tmp_path):
    rig = Rig(tmp_path, bytes=5500)
    minutes = fill(rig, START_MS, 10)
    rig.writer.tidy()
    assert begins(rig) == minutes[5:]
    (told,) = rig.told
    assert told == Deleted("gate", from_ms(minutes[0]), from_ms(minutes[5]), 5000, "camera_bytes")
    in_step(rig)


def test_pictures_of_events_count_and_go_with_their_video(tmp_path):
    rig = Rig(tmp_path, bytes=6000)
    minutes = fill(rig, START_MS, 5)
    note(rig, minutes[0] + 1000, minutes[0] + 2000, b"\xff\xd8" + bytes(1500))
    note(rig, minutes[4] + 1000, minutes[4] + 2000, b"\xff\xd8" + bytes(1500), "e2")
    rig.writer.tidy()
    assert rig.catalogue.read("SELECT id FROM event") == [("e2",)]
    assert [path.stem for path in (tmp_path / "gate" / "events").iterdir()] == ["e2"]
    in_step(rig)


def test_whole_disk_takes_the_oldest_of_all_cameras(tmp_path):
    disk = Disk.model_construct(bytes=6500, free_bytes=0, segment_seconds=60)
    gate, road = Rig(tmp_path, "gate", disk), Rig(tmp_path, "road", disk)
    for number in range(5):
        gate.put(START_MS + number * MINUTE_MS, START_MS + number * MINUTE_MS + MINUTE_MS)
        road.put(START_MS + number * MINUTE_MS, START_MS + number * MINUTE_MS + MINUTE_MS)
    gate.writer.tidy()
    assert [len(gate.rows()), len(road.rows())] == [3, 3]
    assert {one.camera for one in gate.told} == {"gate", "road"}
    assert {one.reason for one in gate.told} == {"disk_bytes"}


def test_open_files_of_other_processes_count(tmp_path):
    disk = Disk.model_construct(bytes=6500, free_bytes=0, segment_seconds=60)
    gate, road = Rig(tmp_path, "gate", disk), Rig(tmp_path, "road", disk)
    fill(gate, START_MS, 4)
    path = "road/2026-01-01/000000001.mp4"
    road.catalogue.begin_segment("road", path, START_MS)
    (tmp_path / "road" / "2026-01-01").mkdir()
    (tmp_path / path).write_bytes(bytes(4000))
    gate.writer.tidy()
    assert len(gate.rows()) == 2 and (tmp_path / path).exists()


def test_floor_of_free_bytes_takes_from_all(tmp_path):
    disk = Disk(free_bytes=10_000)
    gate, road = Rig(tmp_path, "gate", disk), Rig(tmp_path, "road", disk)
    fill(gate, START_MS, 3)
    fill(road, START_MS, 3)

    def free(_path):
        files = [*gate.files(), *road.files()]
        return 14_000 - sum(path.stat().st_size for path in files)

    gate.keeper._free = free
    holds, gone = gate.keeper.make_room()
    assert holds and [len(gate.rows()), len(road.rows())] == [1, 3]
    assert [one.reason for one in gone] == ["free_bytes"]


def test_kept_video_is_never_deleted(rig):
    now = rig.clocks.now
    old = fill(rig, now - 40 * DAY_MS, 3)
    rig.put(now - 39 * DAY_MS, now - 39 * DAY_MS + 1, 1000, kept=1)
    rig.writer.tidy()
    assert begins(rig) == [now - 39 * DAY_MS]
    rig.free, rig.catalogue.disk = 0, Disk(free_bytes=1)
    assert rig.keeper.make_room() == (False, [])
    assert len(rig.rows()) == 1 and old


def test_too_much_kept_is_refused(tmp_path):
    rig = Rig(tmp_path, bytes=10_000)
    minutes = fill(rig, START_MS, 9)
    library = Library(tmp_path)
    library.keep("gate", from_ms(minutes[0]), from_ms(minutes[7] + 1), True)
    with pytest.raises(CameraFault, match=r"camera\.protected_full"):
        library.keep("gate", from_ms(minutes[8]), from_ms(minutes[8] + 1), True)
    spans = library.spans("gate", from_ms(START_MS), from_ms(START_MS + DAY_MS))
    assert [span.kept for span in spans] == [True, False]
    library.keep("gate", from_ms(minutes[0]), from_ms(minutes[3]), False)
    library.keep("gate", from_ms(minutes[8]), from_ms(minutes[8] + 1), True)
    with pytest.raises(CameraFault, match=r"camera\.not_recorded"):
        library.keep("gate", from_ms(START_MS + DAY_MS), from_ms(START_MS + 2 * DAY_MS), True)


def test_too_much_kept_of_the_whole_disk_is_refused(tmp_path):
    disk = Disk.model_construct(bytes=10_000, free_bytes=0, segment_seconds=60)
    gate, road = Rig(tmp_path, "gate", disk), Rig(tmp_path, "road", disk)
    fill(gate, START_MS, 5)
    fill(road, START_MS, 5)
    library, until = Library(tmp_path), from_ms(START_MS + DAY_MS)
    library.keep("gate", from_ms(START_MS), until, True)
    with pytest.raises(CameraFault, match=r"camera\.protected_full"):
        library.keep("road", from_ms(START_MS), until, True)


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_clock_that_jumps_a_year_ahead_deletes_nothing_for_a_day(rig, restart):
    minutes = fill(rig, rig.clocks.now - 100 * MINUTE_MS, 100)
    rig.writer.tidy()
    rig.clocks.passes(MINUTE_MS)
    rig.clocks.now += YEAR_MS
    if restart:
        rig.close()
        again = Rig(rig.directory)
        again.clocks.now, rig = rig.clocks.now, again
    for _minute in range(5):
        rig.writer.tidy()
        rig.clocks.passes(MINUTE_MS)
    if restart:  # once more: the doubt is remembered
        rig.close()
        again = Rig(rig.directory)
        again.clocks.now, rig = rig.clocks.now, again
        rig.writer.tidy()
    assert begins(rig) == minutes
    rig.clocks.now -= YEAR_MS  # the mistake is found
    rig.writer.tidy()
    assert begins(rig) == minutes


def test_clock_that_stays_is_believed_after_a_day(rig):
    fill(rig, rig.clocks.now - 100 * MINUTE_MS, 10)
    rig.clocks.now += YEAR_MS
    believed(rig)
    assert begins(rig) == []


def test_what_a_wrong_clock_recorded_goes_in_its_turn(rig):
    """A time in the future or long ago says nothing of a file's age; what was recorded next does."""
    now = rig.clocks.now
    first = fill(rig, now - 13 * DAY_MS, 2)
    ahead = fill(rig, now + YEAR_MS, 2)
    behind = fill(rig, now - YEAR_MS, 2)
    last = fill(rig, now - 12 * DAY_MS, 2)
    rig.writer.tidy()
    assert begins(rig) == [*first, *ahead, *behind, *last], "nothing goes before what was recorded earlier"
    for _hour in range(36):
        rig.clocks.passes(3_600_000)
        rig.keeper._clock.believed()
    rig.writer.tidy()
    assert begins(rig) == last


def test_clock_set_back_leaves_what_seems_to_come_from_the_future(rig):
    ahead = fill(rig, rig.clocks.now + YEAR_MS, 5)
    rig.writer.tidy()
    assert begins(rig) == ahead


def test_new_index_deletes_nothing_by_age_for_a_day(tmp_path):
    rig = Rig(tmp_path)
    old = fill(rig, rig.clocks.now - 100 * DAY_MS, 3)
    rig.writer.tidy()
    assert begins(rig) == old
    believed(rig)
    assert begins(rig) == []


def test_deletions_are_told_in_batches():
    now = [0.0]
    batches = Batches(lambda: now[0])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    minute = timedelta(minutes=1)
    files = [Deleted("gate", begin + n * minute, begin + (n + 1) * minute, 10, "disk_bytes") for n in range(60)]
    told = []
    for file in files:
        told += batches.add([file])
        now[0] += 60
    assert told == files[:1]
    assert batches.add([]) == [Deleted("gate", files[1].begin, files[-1].end, 590, "disk_bytes")]
    now[0] += BATCH_S
    assert batches.add([]) == []


def test_outlook_tells_days_and_where_the_recording_begins(tmp_path):
    rig = Rig(tmp_path, bytes=10_000_000)
    assert outlook(rig.catalogue, "gate") == (None, None)
    size = 10_000
    minutes = fill(rig, START_MS, 20, size)
    oldest, days = outlook(rig.catalogue, "gate")
    assert oldest == from_ms(minutes[0])
    assert days == pytest.approx(10_000_000 / (size * 1440), abs=0.01)
    room = shutil.disk_usage(tmp_path).free
    rig.catalogue.disk = Disk(free_bytes=room - 1_000_000 if room > 1_000_000 else 0)
    assert outlook(rig.catalogue, "gate")[1] < days


def test_disk_that_others_filled_to_the_last_byte_is_made_room_on(rig, monkeypatch):
    """The index itself cannot be written any more: then a file goes before its row says so."""
    first, *rest = fill(rig, rig.clocks.now - 60 * MINUTE_MS, 3)
    (oldest,) = [rig.directory / path for (path,) in rig.rows("path")][:1]
    condemn = Catalogue._condemn

    def full_until_something_is_gone(catalogue, numbers):
        if oldest.exists():
            raise OSError(errno.ENOSPC, "the index of recordings: database or disk is full")
        condemn(catalogue, numbers)

    monkeypatch.setattr(Catalogue, "_condemn", full_until_something_is_gone)
    gone = rig.keeper.give_up_oldest()
    assert [deleted.begin for deleted in gone] == [from_ms(first)]
    assert begins(rig) == rest
    in_step(rig)

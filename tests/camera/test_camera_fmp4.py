"""Fragments, times and units: what goes into a file, bit by bit."""

import dataclasses
import io
import itertools
import os

import av
import pytest
from camera_footage import later, pictures_of
from camera_rig import FPS, GOP, slices_of
from hypothesis import given
from hypothesis import strategies as st

from camera.fmp4 import Fragmenter, Sample, fragment, length_prefixed
from camera.frames import VideoFormat
from camera.recordings.boxes import fragments, read_head
from camera.timeline import TICKS_PER_S, Timeline

START_CODE = b"\x00\x00\x00\x01"


@pytest.fixture(scope="module")
def frames(clip):
    return pictures_of(clip)


def annex_b(frame):
    """A picture as RTP brings it."""
    data, units = frame.data, []
    while data:
        size = int.from_bytes(data[:4], "big")
        units.append(START_CODE + data[4 : 4 + size])
        data = data[4 + size :]
    return b"".join(units)


def test_units_of_a_byte_stream_become_length_prefixed(frames):
    for frame in frames:
        assert length_prefixed(annex_b(frame)) == frame.data
    short = b"\x00\x00\x01\x67ab\x00\x00\x01\x68cd\x00\x00\x00\x00\x01\x65ef\x00\x00\x00"
    assert length_prefixed(short) == b"\x00\x00\x00\x03\x67ab\x00\x00\x00\x03\x68cd\x00\x00\x00\x03\x65ef"
    for nothing in (b"", b"\x00\x00\x00", b"no start code", b"\x00\x00\x01"):
        with pytest.raises(ValueError, match="no unit"):
            length_prefixed(nothing)


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=5))
def test_units_come_out_as_they_went_in(bodies):
    units = [b"\x65" + body.replace(b"\x00", b"\x03") + b"\x80" for body in bodies]
    made = length_prefixed(b"".join(START_CODE + unit for unit in units))
    assert made == b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def test_camera_in_annex_b_gives_the_same_file(clip, frames, tmp_path):
    stream = tmp_path / "clip.h264"
    stream.write_bytes(b"".join(annex_b(frame) for frame in frames))
    with av.open(str(clip)) as container:
        sets = av.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        first = bytes(sets.filter(next(container.demux(video=0)))[0])
    stream.write_bytes(first + b"".join(annex_b(frame) for frame in frames[1:]))
    with av.open(str(stream), format="h264") as container:
        video = VideoFormat(container.streams.video[0])
        assert video.extradata[:1] == b"\x00"
    raw = [dataclasses.replace(frame, data=annex_b(frame), format=video) for frame in frames]
    fragmenter = Fragmenter(video)
    data = fragmenter.header + b"".join(fragmenter.push(frame) for frame in raw) + fragmenter.finish()
    with av.open(io.BytesIO(data)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [slices_of(packet) for packet in packets] == [slices_of(frame.data) for frame in frames]
        container.seek(0)
        assert sum(1 for _ in container.decode(video=0)) == len(frames)


def test_what_is_written_is_what_is_read(tmp_path):
    samples = [Sample(b"key" * 10, 1000, 300, True), Sample(b"b", 1400, -200, False), Sample(b"c" * 70, 2000, 0, False)]
    path = tmp_path / "one.mp4"
    mdhd = (32).to_bytes(4, "big") + b"mdhd" + bytes(12) + (90_000).to_bytes(4, "big") + bytes(8)
    box = mdhd
    for name in (b"mdia", b"trak", b"moov"):
        box = (len(box) + 8).to_bytes(4, "big") + name + box
    path.write_bytes(b"\x00\x00\x00\x08ftyp" + box + fragment(7, samples, 2500))
    fd = os.open(path, os.O_RDONLY)
    (read,) = fragments(fd, read_head(fd), path.stat().st_size)
    assert [(one.dts, one.offset, one.duration, one.is_key) for one in read.entries] == [
        (1000, 300, 400, True),
        (1400, -200, 600, False),
        (2000, 0, 500, False),
    ]
    assert [os.pread(fd, one.size, one.place) for one in read.entries] == [one.data for one in samples]
    os.close(fd)


def places(frames):
    timeline = Timeline()
    return [timeline.place(frame).dts / TICKS_PER_S for frame in frames]


def test_steady_camera_keeps_its_times(frames):
    assert places(frames) == pytest.approx([number / FPS for number in range(len(frames))])


@pytest.mark.parametrize(
    "clock",
    [
        lambda ticks: ticks - 60 * 12_800,
        lambda ticks: ticks + 3600 * 12_800,
        lambda ticks: 0,
        lambda ticks: -ticks,
        lambda ticks: ticks // 3,
        lambda ticks: ticks * 3,
        lambda ticks: (ticks * 7919) % 100_003,
    ],
    ids=["back a minute", "an hour ahead", "stands still", "runs backwards", "slow", "fast", "random"],
)
def test_camera_clock_that_misbehaves_from_the_middle_on(frames, clock):
    minute = [
        later(frame, 12 * lap, dts=frame.dts + lap * 12 * frame.format.time_base.denominator)
        for lap in range(5)
        for frame in frames
    ]
    half = len(minute) // 2
    bad = [*minute[:half], *(dataclasses.replace(one, dts=clock(one.dts), pts=clock(one.dts)) for one in minute[half:])]
    times = places(bad)
    assert all(after > before for before, after in itertools.pairwise(times)), "only forwards"
    apart = [abs(time - frame.arrived_s) for time, frame in zip(times, bad, strict=True)]
    assert max(apart) < 5.5


def test_pictures_without_times_follow_each_other(frames):
    times = places([dataclasses.replace(frame, dts=None, pts=None, duration=0) for frame in frames])
    assert all(after > before for before, after in itertools.pairwise(times))


def test_fragment_ends_at_each_key_frame(frames):
    fragmenter = Fragmenter(frames[0].format)
    done = [number for number, frame in enumerate(frames) if fragmenter.push(frame)]
    assert done == list(range(GOP, len(frames), GOP))
    assert fragmenter.finish() and fragmenter.ticks == len(frames) / FPS * TICKS_PER_S
    assert fragmenter.finish() == b""

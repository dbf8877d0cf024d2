"""What the tap makes of pictures can be decoded, whoever joins when, whatever the camera's clock does."""

import dataclasses
import shutil
import subprocess
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from camera_live_rig import FPS, Receiver, decode_time, decoded, encode, film, frames_of, timed
from hypothesis import given, settings
from hypothesis import strategies as st

from camera.frames import EncodedFrame
from camera.live.clock import TICKS_PER_S
from camera.live.tap import GROUP_BYTES, LiveTap


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def h264(folder: Path) -> list[EncodedFrame]:
    """Pictures behind start codes, as RTSP gives them; parameter sets, delimiters and SEI in band."""
    return frames_of(
        encode(folder, "plain.h264", "-c:v", "libx264", "-bf", "0", "-x264-params", "aud=1:repeat-headers=1")
    )


def tap_of(frames: list[EncodedFrame], receiver: Receiver) -> LiveTap:
    tap = LiveTap("gate", "sub", receiver)
    tap.begin()
    for frame in frames:
        tap.feed(frame)
    return tap


FILMS = [
    ("one.h264", ("-c:v", "libx264", "-bf", "0"), "avc1"),
    ("counted.mp4", ("-c:v", "libx264", "-bf", "0"), "avc1"),
    ("turned.mp4", ("-c:v", "libx264", "-bf", "2"), "avc1"),
    ("base.mp4", ("-c:v", "libx264", "-profile:v", "baseline"), "avc1.42"),
    ("fields.h264", ("-c:v", "libx264", "-bf", "0", "-flags", "+ildct+ilme", "-x264-params", "tff=1"), "avc1"),
    ("five.mp4", ("-c:v", "libx265", "-x265-params", "log-level=error:bframes=0", "-tag:v", "hvc1"), "hvc1.1.6.L"),
    ("five.hevc", ("-c:v", "libx265", "-x265-params", "log-level=error:bframes=0"), "hvc1.1.6.L"),
    ("ten.mp4", ("-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le"), "hvc1.2.4.L"),
]


@pytest.mark.parametrize(("name", "options", "codec"), FILMS, ids=[name for name, _, _ in FILMS])
def test_every_picture_is_decoded(folder: Path, name: str, options: tuple[str, ...], codec: str) -> None:
    frames = frames_of(encode(folder, name, *options, size="322x184"))
    receiver = Receiver()
    tap_of(frames, receiver)
    pictures = decoded(film(receiver.pieces))
    assert len(pictures) == len(frames) == len(receiver.pictures)
    assert {(width, height) for _, width, height in pictures} == {(322, 184)}
    assert {(piece.width, piece.height) for piece in receiver.pieces} == {(322, 184)}
    assert all(piece.codec.startswith(codec) for piece in receiver.pieces)
    times = [time for time, _, _ in pictures]
    assert all(90 <= later - time <= 110 for time, later in pairwise(times))


def test_ffprobe_finds_nothing_wrong(folder: Path, h264: list[EncodedFrame]) -> None:
    assert shutil.which("ffprobe")
    receiver = Receiver()
    tap_of(h264, receiver)
    path = folder / "film.mp4"
    path.write_bytes(film(receiver.pieces))
    probe = ["ffprobe", "-v", "warning", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    told = subprocess.run(
        [*probe, str(path)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False
    )
    assert (told.stdout.strip(" ,\n"), told.stderr) == (str(len(h264)), "")


def test_an_init_stands_before_every_key_frame(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap_of(h264, receiver)
    assert receiver.kinds == (["init", "key"] + ["delta"] * (FPS - 1)) * 4
    assert [piece.number for piece in receiver.pictures] == list(range(1, len(h264) + 1))
    assert {piece.epoch for piece in receiver.pieces} == {receiver.pieces[0].epoch}


def test_only_the_picture_itself_is_in_a_piece(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap_of(h264, receiver)
    for piece in receiver.pictures:
        data = piece.data[piece.data.index(b"mdat") + 4 :]
        while data:
            size = int.from_bytes(data[:4], "big")
            assert data[4] & 0x1F in {1, 5}
            data = data[4 + size :]


def test_nothing_is_sent_while_nobody_looks(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap = LiveTap("gate", "main", receiver)
    for frame in h264[:15]:
        tap.feed(frame)
    assert receiver.pieces == []
    tap.begin()
    assert receiver.kinds == ["init", "key", *["delta"] * 4]
    tap.feed(h264[15])
    tap.end()
    for frame in h264[16:]:
        tap.feed(frame)
    assert receiver.kinds == ["init", "key", *["delta"] * 5]
    assert len(decoded(film(receiver.pieces))) == 6


def test_a_second_viewer_gets_the_same_pieces_again(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap = tap_of(h264[:13], receiver)
    before = list(receiver.pieces)
    tap.begin()
    assert receiver.pieces[len(before) :] == before[11:]


def test_who_begins_in_the_middle_of_a_group_that_is_not_kept_waits_for_a_key_frame(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap = LiveTap("gate", "main", receiver)
    tap.begin()
    for frame in h264[5:12]:
        tap.feed(frame)
    assert receiver.kinds == ["init", "key", "delta"]


def test_what_found_no_room_is_not_followed_by_pictures_that_need_it(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap = tap_of(h264[:3], receiver)
    receiver.has_room = False
    tap.feed(h264[3])
    receiver.has_room = True
    for frame in h264[4:12]:
        tap.feed(frame)
    assert [piece.number for piece in receiver.pictures] == [1, 2, 3, 11, 12]
    assert len(decoded(film(receiver.pieces))) == 5


def test_a_long_group_takes_no_more_memory_than_allowed(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap = LiveTap("gate", "main", receiver)
    big = dataclasses.replace(h264[1], data=h264[1].data + bytes(GROUP_BYTES // 4))
    for frame in [h264[0], *[big] * 8]:
        tap.feed(frame)
    tap.begin()
    assert receiver.pieces == []
    tap.feed(h264[10])
    assert receiver.kinds == ["init", "key"]


def test_a_new_size_is_a_new_epoch(folder: Path, h264: list[EncodedFrame]) -> None:
    """As a camera does it that is set to another resolution: in band, the stream goes on."""
    larger = frames_of(encode(folder, "larger.h264", "-c:v", "libx264", "-bf", "0", size="640x360", seconds=2))
    same_stream = [dataclasses.replace(frame, format=h264[0].format) for frame in larger]
    receiver = Receiver()
    tap_of(h264[:10] + same_stream + h264[:10], receiver)
    epochs = sorted({piece.epoch for piece in receiver.pieces})
    assert len(epochs) == 3
    for epoch, size, count in zip(epochs, [(320, 180), (640, 360), (320, 180)], [10, 20, 10], strict=True):
        pieces = [piece for piece in receiver.pieces if piece.epoch == epoch]
        assert pieces[0].kind == "init"
        assert [piece.number for piece in pieces if piece.kind != "init"] == list(range(1, count + 1))
        assert {(piece.width, piece.height) for piece in pieces} == {size}
        assert len(decoded(film(pieces))) == count


def test_the_same_camera_after_a_break_goes_on_without_a_hole(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    tap = tap_of(h264[:10], receiver)
    tap.cut()
    for frame in h264[12:]:
        tap.feed(dataclasses.replace(frame, arrived_s=frame.arrived_s + 100))
    assert receiver.kinds == ["init", "key", *["delta"] * 9, *(["init", "key"] + ["delta"] * 9) * 2]
    times = [decode_time(piece) / TICKS_PER_S for piece in receiver.pictures]
    assert all(0 < later - time < 0.3 for time, later in pairwise(times))


CLOCKS = {
    "still": lambda place: 0,
    "backwards": lambda place: -place / FPS,
    "restarting": lambda place: place % 7 / FPS,
    "jumping": lambda place: place / FPS + place // 10 * 3600,
    "half as fast": lambda place: place / FPS / 2,
    "twice as fast": lambda place: place / FPS * 2,
    "missing": lambda place: None,
}


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_times_keep_to_the_arrivals_whatever_the_cameras_clock_does(
    h264: list[EncodedFrame], clock: Callable[[int], float | None]
) -> None:
    receiver = Receiver()
    minute = [timed(h264[place % len(h264)], clock(place), place / FPS) for place in range(60 * FPS)]
    tap_of(minute, receiver)
    times = [decode_time(piece) / TICKS_PER_S for piece in receiver.pictures]
    assert all(0 < later - time < 0.3 for time, later in pairwise(times))
    ahead = [time - frame.arrived_s for time, frame in zip(times, minute, strict=True)]
    assert max(ahead) - min(ahead) < 2.5


def test_an_even_camera_stays_even_when_its_packets_come_in_bursts(h264: list[EncodedFrame]) -> None:
    receiver = Receiver()
    frames = [
        timed(frame, place / FPS, place // 5 * 5 / FPS + place % 5 * 0.001) for place, frame in enumerate(h264 * 5)
    ]
    tap_of(frames, receiver)
    times = [decode_time(piece) / TICKS_PER_S for piece in receiver.pictures]
    assert all(0.07 < later - time < 0.14 for time, later in pairwise(times))


def test_pictures_no_browser_shows_are_not_sent(folder: Path) -> None:
    receiver = Receiver()
    tap_of(frames_of(encode(folder, "old.avi", "-c:v", "mjpeg", seconds=1)), receiver)
    assert receiver.pieces == []


def test_viewers_come_and_go_while_pictures_come(h264: list[EncodedFrame]) -> None:
    """From another thread, as in the cameras' process."""
    receiver = Receiver()
    tap = LiveTap("gate", "main", receiver)
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            tap.begin()
            tap.begin()
            tap.end()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    for place, frame in enumerate(h264 * 20):
        tap.feed(timed(frame, place / FPS, place / FPS))
    done.set()
    thread.join()
    for before, after in pairwise(receiver.pieces):
        assert after.kind == "init" or after.number == before.number + 1 or before.kind == "init"
        assert before.kind != "init" or after.kind == "key"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.integers(0, 255)), max_size=8))
def test_garbage_from_a_camera_does_no_harm(h264: list[EncodedFrame], garbage: list[tuple[bytes, bool, int]]) -> None:
    receiver = Receiver()
    tap = LiveTap("gate", "main", receiver)
    tap.begin()
    for data, is_key, kind in garbage:
        unit = b"\0\0\1" + bytes([kind]) + data
        tap.feed(dataclasses.replace(h264[0], data=h264[0].data[:40] + unit, is_key=is_key))
        tap.feed(dataclasses.replace(h264[0], data=unit, is_key=is_key))
    count = len(receiver.pieces)
    for frame in h264[:10]:
        tap.feed(frame)
    assert len(decoded(film([p for p in receiver.pieces[count:] if p.kind in {"init", "key", "delta"}]))) == 10


def test_noise_in_the_parameter_sets_is_logged_once(h264: list[EncodedFrame], caplog: pytest.LogCaptureFixture) -> None:
    tap = LiveTap("gate", "main", Receiver())
    noise = [dataclasses.replace(h264[0], data=b"\0\0\1\x67" + bytes([1, n]) * 9, is_key=True) for n in range(1, 20)]
    tap.feed(noise[0])
    assert "cannot be shown" not in caplog.text, "nobody wants to see it"
    tap.begin()
    for frame in noise:
        tap.feed(frame)
    assert caplog.text.count("gate cannot be shown live") == 1

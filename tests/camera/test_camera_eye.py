"""The eye's process over its pipes: really encoded scenes, snapshots, masks, garbage, a model that fails."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.camera_scenes import Passage, Scene
from camera.eye.decode import decode_key
from camera.eye.words import (
    Ask,
    Coded,
    Look,
    Moved,
    Seen,
    answer_in,
    ask_in,
    ask_message,
    cut_message,
    look_in,
    look_message,
    moved_in,
    run_message,
    seen_in,
)
from camera.model import CameraFault, Snapshot
from camera.settings import Detector, Motion, Zone
from camera.wire import Message, WireError, read_message

NOON = datetime(2026, 5, 1, 5, tzinfo=UTC)
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def encode(planes: list[Any], codec: str = "libx264", gop: int = 1) -> list[Coded]:
    """Encode luma planes as a camera would, at a camera's bit rate."""
    encoder: Any = av.CodecContext.create(codec, "w")
    height, width = planes[0].shape
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.gop_size, encoder.max_b_frames = Fraction(1, 10), gop, 0
    encoder.options = {"preset": "ultrafast", "crf": "30", "x265-params": "log-level=none"}
    coded = []
    for number, plane in enumerate([*planes, None]):
        picture = None
        if plane is not None:
            grey = np.full((height // 2, width), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.vstack([plane, grey]), format="yuv420p")
            picture.pts = number
        coded += [bytes(packet) for packet in encoder.encode(picture)]
    name = {"libx264": "h264", "libx265": "hevc"}[codec]
    return [Coded(name, encoder.extradata, width, height, data) for data in coded]


class EyeProcess:
    def __init__(self, work: dict[str, Motion | None]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "camera.eye"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.number = 0
        self.send(run_message(work))

    def send(self, message: Message) -> None:
        self.process.stdin.write(message.pack())
        self.process.stdin.flush()

    def look(self, coded: Coded, at_s: float, key: bool = True) -> tuple[list[Moved], Seen]:
        self.number += 1
        self.send(look_message(Look("gate", self.number, NOON + timedelta(seconds=at_s), key, coded)))
        told = []
        while (message := read_message(self.process.stdout)).header["is"] == "motion":
            told.append(moved_in(message))
        seen = seen_in(message)
        assert (seen.camera, seen.number) == ("gate", self.number)
        return told, seen

    def ask(self, coded: Coded, camera: str = "gate") -> Snapshot | CameraFault:
        self.send(ask_message(Ask(7, camera, NOON, coded)))
        message = read_message(self.process.stdout)
        assert message.header["id"] == 7
        return answer_in(message)

    def close(self) -> list[Moved]:
        """Close its input; return what it still tells."""
        self.process.stdin.close()
        told = []
        while (message := read_message(self.process.stdout)) is not None:
            told.append(moved_in(message))
        assert self.process.wait(10) == 0
        return told


@pytest.fixture
def eye() -> Iterator[EyeProcess]:
    process = EyeProcess(
        {"gate": Motion(zones=(Zone(id="all", points=(*LEFT[:1], (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))),)), "yard": None}
    )
    yield process
    process.process.kill()
    process.process.wait(5)
    process.process.stdout.close()


@pytest.fixture(scope="module")
def street() -> list[Coded]:
    """Forty key frames, two seconds apart; somebody crosses from second 40 to 50."""
    scene = Scene(301, passages=[Passage(40, 50, "person", 0.2, True, 0.35)])
    return encode([scene.draw(2 * number + 0.5) for number in range(40)])


def jpeg_luma(jpeg: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_somebody_crosses(eye, street):
    answers = [eye.look(coded, 2 * number + 0.5) for number, coded in enumerate(street)]
    begun, ended = [moved for told, _ in answers for moved in told]
    assert 36 <= (begun.event.begin - NOON).total_seconds() <= 43
    assert begun.event.end is None
    assert (ended.event.id, ended.event.zones, ended.event.camera) == (begun.event.id, ("all",), "gate")
    assert 48 <= (ended.event.end - NOON).total_seconds() <= 55
    assert jpeg_luma(ended.jpeg).shape == (360, 640)
    box = ended.event.box
    picture = cv2.imdecode(np.frombuffer(ended.jpeg, np.uint8), cv2.IMREAD_COLOR)
    middle = round((box[0] + box[2]) / 2 * 640)
    frame = picture[max(0, round(box[1] * 359) - 2) : round(box[1] * 359) + 3, middle].astype(int)
    assert (frame[:, 2] - frame[:, 0]).max() > 60, "a yellow frame around it"
    seen = [seen for _, seen in answers]
    assert seen[0].moving is None
    assert seen[15].moving is False
    assert any(one.moving for one in seen[20:26])
    assert (seen[-1].moving, seen[-1].picture) == (False, "good")
    assert seen[-1].since == NOON + timedelta(seconds=0.5)


def test_an_event_that_goes_on_is_ended_when_the_eye_is(eye, street):
    answers = [eye.look(coded, 2 * number + 0.5) for number, coded in enumerate(street[:24])]
    assert sum(len(told) for told, _ in answers) == 1
    (ended,) = eye.close()
    assert ended.event.end is not None
    assert ended.jpeg


def test_pictures_that_break_off_end_the_event(eye, street):
    for number, coded in enumerate(street[:24]):
        eye.look(coded, 2 * number + 0.5)
    told, _ = eye.look(street[0], 400)
    assert [(moved.event.end - NOON).total_seconds() < 60 for moved in told] == [True]


def test_a_stream_that_is_cut_ends_the_event_at_once_and_where_it_was_last_seen(eye, street):
    for number, coded in enumerate(street[:24]):
        eye.look(coded, 2 * number + 0.5)
    eye.send(cut_message("yard"))
    eye.send(cut_message("gate"))
    ended = moved_in(read_message(eye.process.stdout)).event
    assert ended.camera == "gate" and (ended.end - NOON).total_seconds() <= 2 * 23 + 0.5


def test_every_picture_of_a_stream(street):
    scene = Scene(302, passages=[Passage(12, 14.5, "person", 0.2, True, 0.35)])
    pictures = encode([scene.draw(number / 5) for number in range(100)], gop=50)
    process = EyeProcess({"gate": Motion(frames="all", quiet_s=2)})
    answers = [process.look(coded, number / 5, key=number % 50 == 0) for number, coded in enumerate(pictures)]
    events = [moved.event for told, _ in answers for moved in told]
    process.close()
    assert len(events) == 2
    assert 11.5 <= (events[1].begin - NOON).total_seconds() <= 12.8
    assert 14 <= (events[1].end - NOON).total_seconds() <= 16


def test_snapshots_hide_what_is_masked(street):
    process = EyeProcess({"gate": Motion(masks=(LEFT,)), "yard": None})
    masked, whole = process.ask(street[0]), process.ask(street[0], "yard")
    process.close()
    assert (masked.width, masked.height, masked.at) == (640, 360, NOON)
    luma = jpeg_luma(masked.jpeg)
    assert luma[:, :312].max() < 20
    assert luma[:, 328:].mean() > 40
    assert jpeg_luma(whole.jpeg)[:, :312].mean() > 40


def test_h265_and_a_picture_of_4k_is_made_fit_for_a_phone(eye):
    large = cv2.resize(Scene(303).draw(1), (3840, 2160))
    shot = eye.ask(encode([large], "libx265")[0])
    assert (shot.width, shot.height) == (1920, 1080)
    assert len(shot.jpeg) < 1_500_000
    assert jpeg_luma(shot.jpeg).shape == (1080, 1920)


def test_broken_pictures_are_faults_of_their_own_only(eye, street):
    good = street[0]
    bad = [
        Coded("h264", None, 640, 360, b"\x00\x00\x00\x01garbage" * 20),
        Coded("h264", good.extradata, 640, 360, b""),
        Coded("h264", b"\xff" * 40, 640, 360, good.data[:100]),
        Coded("h264", good.extradata, 60_000, 60_000, good.data),
        Coded("rawvideo", None, 640, 360, b"\x00" * 1000),
        Coded("../../etc", None, 640, 360, b"x"),
    ]
    for number, coded in enumerate(bad):
        told, seen = eye.look(coded, number)
        assert (told, seen.moving, seen.code) == ([], None, "camera.no_picture")
        answer = eye.ask(coded)
        assert isinstance(answer, CameraFault)
        assert answer.code == "camera.no_picture"
        assert eye.look(good, number + 0.5)[1].code is None
    assert isinstance(eye.ask(good), Snapshot)


def test_a_detector_that_cannot_be_used_is_told_and_motion_goes_on(tmp_path, street):
    eyes = Detector(model=tmp_path / "none.onnx", labels=("person",))
    process = EyeProcess({"gate": Motion(detector=eyes)})
    answers = [process.look(coded, 2 * number + 0.5) for number, coded in enumerate(street)]
    process.close()
    assert {seen.code for _, seen in answers} == {"camera.bad_detector"}
    assert "none.onnx" in answers[0][1].detail
    assert sum(len(told) for told, _ in answers) == 2


def test_what_is_no_order_ends_the_eye(eye):
    eye.send(Message({"do": "dance"}))
    assert eye.process.wait(10) != 0


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_bytes_do_more_than_fail(street, data):
    good = street[3]
    packet = bytearray(good.data)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(packet) - 1), st.integers(0, 255)), max_size=30)
    ):
        packet[place] = value
    packet = packet[: data.draw(st.integers(0, len(packet)))]
    extradata = data.draw(st.one_of(st.none(), st.just(good.extradata), st.binary(max_size=80)))
    coded = Coded(data.draw(st.sampled_from(["h264", "hevc", "mjpeg"])), extradata, 640, 360, bytes(packet))
    try:
        picture = decode_key(coded, fast=data.draw(st.booleans()))
    except CameraFault as fault:
        assert fault.code == "camera.no_picture"
    else:
        assert max(picture.width, picture.height) <= 8192


@given(
    st.dictionaries(
        st.sampled_from(["camera", "number", "at", "key", "codec", "extradata", "width", "height", "id"]),
        st.one_of(st.none(), st.integers(), st.text(max_size=20), st.booleans(), st.lists(st.integers(), max_size=2)),
    )
)
def test_orders_that_are_none_are_named_so(header):
    for read in (look_in, ask_in):
        try:
            read(Message(header))
        except WireError:
            continue

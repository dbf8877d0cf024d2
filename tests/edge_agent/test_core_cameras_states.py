"""What is said of a camera: the gravest fault in its state, every one as an event, and no chatter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from camera.model import CameraStatus, FaultCode, StreamStatus
from edge_agent.cameras.jpeg import size_of
from edge_agent.cameras.states import Wrong, measures, state_of, worth_telling
from edge_agent.contract.errors import Fault
from edge_agent.contract.units import unit_of

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
STREAMING = CameraStatus(
    state="streaming",
    since=AT,
    main=StreamStatus("h264", 1920, 1080, 15.02, 2031.4, 2.0, AT, 3),
    recording=True,
    oldest=AT - timedelta(days=2),
    days_left=13.26,
    clock_error_s=0.4,
    picture="good",
    picture_since=AT,
    moving=False,
)


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.wrong = Wrong(self.tell)

    def tell(self, what: str, fault: Fault) -> None:
        self.events.append((what, fault.code))

    def take(self, **changes: object) -> str | None:
        self.wrong.take(replace(STREAMING, **changes))  # type: ignore[arg-type]
        return self.wrong.fault.code if self.wrong.fault else None


def test_the_gravest_is_shown_and_every_one_is_told() -> None:
    told = Told()
    assert told.take() is None
    assert told.take(clock_error_s=-3900.0) == "camera.clock_wrong"
    assert told.take(clock_error_s=-3900.0, picture="covered") == "camera.covered"
    away = {"state": "retrying", "code": "camera.lost", "detail": "gone", "picture": None, "clock_error_s": None}
    assert told.take(**away) == "camera.lost"
    assert told.take(picture=None, clock_error_s=None) == "camera.covered"  # back, and not yet looked at
    assert told.take(picture="moved", clock_error_s=None) == "camera.moved"
    assert told.take(picture="good", clock_error_s=2.0) is None
    assert told.events == [
        ("fault", "camera.clock_wrong"),
        ("fault", "camera.covered"),
        ("fault", "camera.lost"),
        ("cleared", "camera.lost"),
        ("fault", "camera.moved"),
        ("cleared", "camera.moved"),
        ("cleared", "camera.clock_wrong"),
    ]


def test_what_is_wrong_while_it_streams_is_shown_until_it_is_not() -> None:
    told = Told()
    assert told.take(code="camera.disk_full", detail="2 MB") == "camera.disk_full"
    assert told.take(code="camera.disk_full", detail="1 MB") == "camera.disk_full"
    assert told.take(state="starting", code=None) == "camera.disk_full"
    assert told.take() is None
    assert told.events == [("fault", "camera.disk_full"), ("cleared", "camera.disk_full")]


def test_a_clock_near_the_limit_does_not_flap() -> None:
    told = Told()
    for error in (29.0, 31.0, 29.0, 31.0, 26.0, -31.0, 24.0, 29.0):
        told.take(clock_error_s=error)
    assert told.events == [("fault", "camera.clock_wrong"), ("cleared", "camera.clock_wrong")]


@pytest.mark.parametrize(
    ("error_s", "code", "params"),
    [
        (7 * 3600.0 + 12, "camera.clock_zone", {"hours": 7}),
        (-7 * 3600.0, "camera.clock_zone", {"hours": 7}),
        (7 * 3600.0 + 95, "camera.clock_wrong", {"seconds": 25300}),
        (-123.4, "camera.clock_wrong", {"seconds": 120}),
        (86_400.0 * 365, "camera.clock_wrong", {"seconds": 31_536_000}),
    ],
)
def test_whole_hours_are_the_time_zone(error_s: float, code: str, params: dict[str, int]) -> None:
    told = Told()
    assert told.take(clock_error_s=error_s) == code
    fault = told.wrong.fault
    assert fault is not None and fault.params == params and ".0" not in fault.vi


@pytest.mark.parametrize("picture", ["covered", "moved", "blurred", "frozen"])
def test_every_bad_picture_has_its_sentence(picture: str) -> None:
    told = Told()
    assert told.take(picture=picture) == {"frozen": "camera.picture_frozen"}.get(picture, f"camera.{picture}")
    fault = told.wrong.fault
    assert fault is not None and "{" not in fault.vi + fault.en and fault.vi != fault.en


def test_a_night_without_a_lamp_is_no_fault() -> None:
    told = Told()
    assert told.take(picture="covered") == "camera.covered"
    assert told.take(picture="dark") is None
    assert state_of("cong", replace(STREAMING, picture="dark"), None, public=False, watched=0).picture == "dark"


def test_the_state_holds_all_that_is_known_and_is_told_when_it_matters() -> None:
    state = state_of("cong", STREAMING, None, public=True, watched=2)
    assert (state.main.fps, state.main.kbit_s, state.main.gop_s, state.main.reconnects) == (15.0, 2031.0, 2.0, 3)
    assert (state.days_left, state.clock_error_s, state.picture, state.moving) == (13.26, 0.4, "good", False)
    assert (state.public, state.watched, state.sub) == (True, 2, None)

    def told_after(seconds: float, **changes: object) -> bool:
        later = replace(STREAMING, **changes)  # type: ignore[arg-type]
        now = state_of("cong", later, None, public=True, watched=2)
        return worth_telling(state, now.model_copy(update={"at": AT + timedelta(seconds=seconds)}))

    assert not told_after(1)
    assert not told_after(1, main=replace(STREAMING.main, fps=14.2, kbit_s=1500.0, last_frame_at=AT), days_left=13.0)
    assert not told_after(9, clock_error_s=0.6, oldest=AT)
    assert told_after(10)
    unwatched = state.model_copy(update={"watched": 0})
    later = unwatched.model_copy(update={"at": AT + timedelta(seconds=10)})
    assert not worth_telling(unwatched, later)
    assert worth_telling(unwatched, later.model_copy(update={"at": AT + timedelta(seconds=60)}))
    assert told_after(1, moving=True)
    assert told_after(1, recording=False)
    assert told_after(1, main=replace(STREAMING.main, reconnects=4))
    assert told_after(1, sub=StreamStatus("h264", 640, 360))
    assert told_after(1, picture="dark")


def test_telemetry_tells_what_is_known_under_names_with_units() -> None:
    values = measures("cong", STREAMING)
    assert values["camera_fps/cong"] == 15.02
    assert values["camera_days_left/cong"] == 13.26
    assert {unit_of(name) for name in values} == {"1/s", "kbit/s", "s", "1", "d"}
    away = measures("cong", CameraStatus("retrying", AT))
    assert away == {
        "camera_fps/cong": 0.0,
        "camera_rate/cong": 0.0,
        "camera_reconnects/cong": 0.0,
        "camera_dropped/cong": 0.0,
    }


def test_the_size_of_a_jpeg_and_of_what_is_none() -> None:
    sof = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xc0\x00\x11\x08\x01\x68\x02\x80"
    assert size_of(sof) == (640, 360)
    for broken in (b"", b"\xff\xd8", sof[:20], b"\xff\xd8" + bytes(50), b"\xff\xd8" + b"\xff" * 50):
        assert size_of(broken) == (0, 0)


def test_a_camera_s_sentences_hold_no_words_of_libraries() -> None:
    """The English detail is for logs and programs: it stays in the fault's params."""
    for code in get_args(FaultCode):
        fault = Fault.of(code, detail="errno 110")
        assert "errno 110" not in fault.vi + fault.en and fault.params["detail"] == "errno 110"
        assert fault.vi.endswith(".") and "(" not in fault.vi, code

"""What is said of a camera: its state, and what is wrong with its stream, its picture and its clock."""

from collections.abc import Callable
from typing import Literal

from camera.model import CameraStatus, StreamStatus
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import CameraState, VideoState

Side = Literal["stream", "picture", "clock"]
_SIDES: tuple[Side, ...] = ("stream", "picture", "clock")
"""The gravest first: only that one is the state's fault, events tell of each."""
CLOCK_WRONG_S = 30.0
_CLOCK_RIGHT_S = 25.0
_ZONE_HOURS = 14
# A dark picture is no fault: it comes each night where there is no lamp. The state says it.
_PICTURES = {
    "covered": Fault.of("camera.covered"),
    "moved": Fault.of("camera.moved"),
    "blurred": Fault.of("camera.blurred"),
    "frozen": Fault.of("camera.picture_frozen"),
}
_EVERY_S, _EVERY_S_WATCHED = 60, 10
"""How often figures alone are worth a message: sixteen cameras on a SIM card."""
_MEASURED = {"last_frame", "fps", "kbit_s", "gop_s"}
_SLOW = {"at", "clock_error_s", "oldest", "days_left"}

TellEvent = Callable[[Literal["fault", "cleared"], Fault], None]


class Wrong:
    """What is wrong with one camera now. What is not known any more (it is away) stays as it was last known."""

    def __init__(self, tell: TellEvent) -> None:
        """`tell` hears of each fault when it comes and goes."""
        self._tell = tell
        self._faults: dict[Side, Fault] = {}

    @property
    def fault(self) -> Fault | None:
        """The gravest."""
        return next((self._faults[side] for side in _SIDES if side in self._faults), None)

    def take(self, status: CameraStatus) -> None:
        """Judge a new status."""
        if status.code is not None:
            self._set("stream", Fault.of(status.code, detail=status.detail or ""))
        elif status.state == "streaming":
            self._set("stream", None)
        if status.picture is not None:
            self._set("picture", _PICTURES.get(status.picture))
        if status.clock_error_s is not None:
            self._judge_clock(status.clock_error_s)

    def _judge_clock(self, error_s: float) -> None:
        limit = _CLOCK_RIGHT_S if "clock" in self._faults else CLOCK_WRONG_S
        if abs(error_s) > limit:
            self._set("clock", _clock_fault(error_s))
        else:
            self._set("clock", None)

    def _set(self, side: Side, fault: Fault | None) -> None:
        before = self._faults.get(side)
        if fault is None:
            if before is not None:
                del self._faults[side]
                self._tell("cleared", before)
            return
        self._faults[side] = fault
        if before is None or before.code != fault.code:
            self._tell("fault", fault)


def _clock_fault(error_s: float) -> Fault:
    """Whole hours are no drift: the camera is set to another time zone, or tells local time where UTC belongs."""
    hours = round(error_s / 3600)
    if hours and abs(hours) <= _ZONE_HOURS and abs(error_s - 3600 * hours) <= CLOCK_WRONG_S:
        return Fault.of("camera.clock_zone", hours=abs(hours))
    return Fault.of("camera.clock_wrong", seconds=abs(round(error_s / 10) * 10))


def state_of(camera: str, status: CameraStatus, fault: Fault | None, *, public: bool, watched: int) -> CameraState:
    """A camera as its state topic tells it."""
    return CameraState(
        id=camera,
        at=status.since,
        actual=status.state,
        recording=status.recording,
        main=_video(status.main),
        sub=_video(status.sub) if status.sub is not None else None,
        picture=status.picture,
        picture_since=status.picture_since,
        moving=status.moving,
        watched=watched,
        clock_error_s=_rounded(status.clock_error_s, 1),
        oldest=status.oldest,
        days_left=_rounded(status.days_left, 2),
        public=public,
        fault=fault,
    )


def worth_telling(before: CameraState, now: CameraState) -> bool:
    """Whether a state is news: figures alone are each minute, or each ten seconds where somebody watches."""
    every_s = _EVERY_S_WATCHED if now.watched else _EVERY_S
    return _steady(before) != _steady(now) or before.at.timestamp() // every_s != now.at.timestamp() // every_s


def measures(camera: str, status: CameraStatus) -> dict[str, float]:
    """What telemetry tells of a camera; units in `edge_agent.contract.units`."""
    main = status.main
    values = {
        "camera_fps": _rounded(main.fps, 2) if status.state == "streaming" else 0.0,
        "camera_rate": _rounded(main.kbit_s, 1) if status.state == "streaming" else 0.0,
        "camera_gop": _rounded(main.gop_s, 2),
        "camera_reconnects": float(main.reconnects),
        "camera_dropped": float(status.frames_dropped),
        "camera_days_left": _rounded(status.days_left, 2),
        "camera_clock_error": _rounded(status.clock_error_s, 1),
    }
    return {f"{name}/{camera}": value for name, value in values.items() if value is not None}


def _video(stream: StreamStatus) -> VideoState:
    return VideoState(
        codec=stream.codec,
        width=stream.width,
        height=stream.height,
        fps=_rounded(stream.fps, 1),
        kbit_s=_rounded(stream.kbit_s, 0),
        gop_s=_rounded(stream.gop_s, 2),
        last_frame=stream.last_frame_at,
        reconnects=stream.reconnects,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _steady(state: CameraState) -> dict[str, object]:
    measured = {"main": _MEASURED, "sub": _MEASURED} if state.sub is not None else {"main": _MEASURED}
    return state.model_dump(exclude={**measured, **dict.fromkeys(_SLOW, True)})

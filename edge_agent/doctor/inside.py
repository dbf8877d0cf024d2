"""How the running agent examines what it has open itself: nothing is opened a second time, nobody is disturbed."""

from collections.abc import Callable
from functools import partial

from edge_agent.cameras import Cameras
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import ClockReport
from edge_agent.doctor.examine import Examination, voice_speaks
from edge_agent.doctor.finding import Finding, of_fault, said
from edge_agent.hardware import Hardware
from edge_agent.words import Both
from tts.client import VoiceWorker


def examinations(
    hardware: Hardware,
    cameras: Cameras,
    voice: VoiceWorker,
    clock: Callable[[], ClockReport],
    round_trip_ms: Callable[[], float | None],
) -> dict[str, Examination]:
    """By the name of the part. `round_trip_ms`: of the link to the broker, None while nobody knows."""
    return {
        "clock": partial(_clock, clock),
        "voice": partial(voice_speaks, voice),
        "broker": partial(_broker, round_trip_ms),
        **{f"driver {name}": partial(_driver, hardware, name) for name in hardware.names},
        **{f"camera {name}": partial(_camera, cameras, name) for name in cameras.names},
    }


async def _clock(report_of: Callable[[], ClockReport]) -> Finding:
    report = report_of()
    if not report.trusted:
        return Finding("clock", "faulty", said("doctor.clock_bad"), "clock.untrusted")
    words = said("doctor.clock_ok", source=report.reference or report.source)
    return Finding("clock", "note" if report.source == "assumed" else "ok", words)


async def _broker(round_trip_ms: Callable[[], float | None]) -> Finding:
    ms = round_trip_ms()
    if ms is None:  # the command has come this way a moment ago
        return Finding("broker", "ok", said("doctor.link_up"))
    return Finding("broker", "ok", said("doctor.link_ok", ms=f"{ms:.0f}"))


async def _driver(hardware: Hardware, name: str) -> Finding:
    state = hardware.states.get(name)
    if state is None:
        raise Refusal("command.timeout", seconds=0)
    if state.fault is not None:
        return of_fault(name, state.fault)
    works = said("doctor.driver_ok")
    return Finding(name, "ok", Both(f"{state.driver}: {works.vi}", f"{state.driver}: {works.en}"))


async def _camera(cameras: Cameras, name: str) -> Finding:
    """A picture of now. Raises CameraFault."""
    picture = await cameras.picture(name)
    state = cameras.states.get(name)
    if state is not None and state.fault is not None:
        return of_fault(name, state.fault)
    codec = (state.main.codec if state is not None else None) or "-"
    words = said("doctor.camera_ok", codec=codec, width=picture.width, height=picture.height)
    return Finding(name, "ok", words)

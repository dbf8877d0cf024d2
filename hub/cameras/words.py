"""What a camera is like, in a person's words."""

from dataclasses import dataclass

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import CameraState
from hub.node import Node
from hub.sentences import Speaker, number

CLOCK_S = 5.0
"""A camera's clock may be wrong by so much before anybody is told."""

_NOT_OF_STREAM = ("disk", "protected", "bad_file", "bad_detector", "eye", "clock", "covered", "moved", "blurred")
"""How the codes of faults begin that leave the picture as it is."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence, and whether it is good news."""

    text: str
    good: bool = True


def why_no_picture(node: Node | None, camera: str) -> Fault | None:
    """Why a camera gives no picture, as its node told; a fault of its recording or its clock is no reason."""
    state = node.states.get(("camera", camera)) if node else None
    if not isinstance(state, CameraState) or state.fault is None:
        return None
    shows = state.actual == "streaming" and state.fault.code.removeprefix("camera.").startswith(_NOT_OF_STREAM)
    return None if shows else state.fault


def facts(speak: Speaker, state: CameraState | None, online: bool) -> tuple[Fact, ...]:
    """The picture, the recording, the clock, who looks; the worst first."""
    if not online:
        return (Fact(speak.t("camera.live_node_away"), False),)
    if state is None:
        return ()
    found: list[Fact] = []
    if state.picture is not None:
        text = speak.t(f"camera.picture_{state.picture}")
        if state.picture != "good" and state.picture_since:
            text = speak.t("camera.picture_since", what=text, since=speak.moment(state.picture_since))
        found.append(Fact(text, state.picture == "good"))
    if state.clock_error_s is not None and abs(state.clock_error_s) > CLOCK_S:
        key = "camera.clock_ahead" if state.clock_error_s > 0 else "camera.clock_behind"
        found.append(Fact(speak.t(key, time=span(speak, abs(state.clock_error_s))), False))
    if state.moving:
        found.append(Fact(speak.t("camera.moving")))
    if state.days_left is not None:
        found.append(Fact(_room(speak, state.days_left)))
    if state.oldest is not None:
        found.append(Fact(speak.t("camera.oldest", at=speak.moment(state.oldest))))
    if state.watched and state.actual == "streaming":
        found.append(Fact(speak.t("camera.watched", count=state.watched)))
    return tuple(sorted(found, key=lambda fact: fact.good))


def technical(speak: Speaker, state: CameraState | None) -> str:
    """Pictures per second, room on the disk, codec of the main stream."""
    if state is None or state.actual != "streaming":
        return ""
    video, words = state.main, []
    if video.fps:
        words.append(speak.t("camera.fps", fps=number(round(video.fps, 1))))
    if video.kbit_s:
        words.append(speak.t("camera.per_hour", gb=number(round(video.kbit_s * 0.00045, 1))))
    if video.codec:
        words.append({"h264": "H.264", "hevc": "H.265"}.get(video.codec, video.codec.upper()))
    return " · ".join(words)


def span(speak: Speaker, seconds: float) -> str:
    """A length of time."""
    if seconds < 120:
        return speak.t("camera.seconds", count=round(seconds))
    if seconds < 7200:
        return speak.t("camera.minutes", count=round(seconds / 60))
    return speak.t("camera.hours", count=round(seconds / 3600))


def _room(speak: Speaker, days: float) -> str:
    """Hours below two days: figures with a fraction are read differently by everybody."""
    if days >= 2:
        return speak.t("camera.days", days=round(days))
    hours = round(24 * days)
    return speak.t("camera.days_hours", hours=hours) if hours else speak.t("camera.days_none")

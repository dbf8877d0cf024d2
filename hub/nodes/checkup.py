"""What a node says of its own health, one line for each thing that an installer looks at."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.contract.records import Event, Sample
from edge_agent.contract.reports import CameraState, DriverState, SpeakerState
from hub.node import Node
from hub.nodes.charts import value
from hub.nodes.rows import name_of, with_name
from hub.sentences import Speaker, digits, is_undecodable

DISK_FULL = 90.0
HOT_C = 80.0
"""Above 80 °C a Raspberry Pi slows itself down (Raspberry Pi documentation, "Frequency management")."""


@dataclass(frozen=True, slots=True)
class Check:
    """`good` None: nobody knows."""

    text: str
    good: bool | None


def checkup(node: Node, sample: Sample | None, tested: tuple[Event, ...], speak: Speaker) -> tuple[Check, ...]:
    """All lines, what is wrong first."""
    checks = [*_of_status(node, speak), *_of_sample(sample, speak), *_of_things(node, speak), *_of_tests(tested, speak)]
    return tuple(sorted(checks, key=lambda check: (check.good is not False, check.good is None)))


def _of_status(node: Node, speak: Speaker) -> Iterator[Check]:
    status = node.status
    if status is None:
        return
    if status.fault:
        yield Check(speak.fault(status.fault), False)
    clock = status.clock
    if clock is None:
        yield Check(speak.t("node.clock_unknown"), None)
    else:
        offset = f" ({digits(clock.offset_ms, speak.language)} ms)" if clock.offset_ms is not None else ""
        yield Check(speak.t("node.clock_good" if clock.trusted else "node.clock_bad") + offset, clock.trusted)


def _of_sample(sample: Sample | None, speak: Speaker) -> Iterator[Check]:
    values = sample.values if sample else {}
    if not values:
        yield Check(speak.t("health.none"), None)
    if "under_voltage" in values:
        weak = values["under_voltage"] > 0
        before = not weak and values.get("under_voltage_since_boot", 0) > 0
        yield Check(speak.t("node.power_bad" if weak else "node.power_was" if before else "node.power_good"), not weak)
    if "temperature" in values:
        hot = values["temperature"] >= HOT_C
        words = value("temperature", values["temperature"], speak.language)
        yield Check(speak.t("node.hot" if hot else "node.cool", at=words), not hot)
    if "disk" in values:
        full = values["disk"] >= DISK_FULL
        yield Check(
            speak.t("node.disk_bad" if full else "node.disk_good", used=value("disk", values["disk"], speak.language)),
            not full,
        )


def _of_things(node: Node, speak: Speaker) -> Iterator[Check]:
    for state in node.states.values():
        match state:
            case DriverState():
                good = state.actual == "ok"
                said = speak.fault(state.fault) or speak.t(f"node.driver_{state.actual}")
                yield Check(f"{state.id}: {said}", good if state.actual != "disabled" else None)
            case CameraState():
                good = state.actual == "streaming" and not is_undecodable(state) and state.fault is None
                yield Check(with_name(speak.fault(state.fault) or speak.camera(state), name_of(node, state)), good)
            case SpeakerState() if state.heard is not None or state.fault:
                heard = speak.t("speaker.heard" if state.heard else "speaker.not_heard")
                good = state.fault is None and state.heard is not False
                yield Check(with_name(speak.fault(state.fault) or heard, name_of(node, state)), good)


def _of_tests(tested: tuple[Event, ...], speak: Speaker) -> Iterator[Check]:
    for event in tested:
        verdict = str(event.data.get("verdict", ""))[:60]
        yield Check(
            speak.t("node.tested", at=speak.moment(event.at), thing=str(event.about or "")[:80], verdict=verdict), None
        )

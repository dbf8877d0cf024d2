"""What is true of a node now, in a few bits: on air, silent, away."""

from collections.abc import Callable
from enum import IntFlag

from edge_agent.contract.reports import AnyState, BulletinState, SpeakerState


class Mark(IntFlag):
    """What is true of a node now."""

    ONLINE = 1
    AWAY = 2
    FAULTY = 4
    """It says that something of it is wrong; what it said before it went away counts no more."""
    SILENT = 8
    """What it played last was not heard."""
    ON_AIR = 16
    ALARM = 32
    """An emergency repeats."""
    UNREADY = 64
    """It has a bulletin to air that is not ready, or cannot be aired."""


NO_MARK = Mark(0)


def _unready(state: AnyState) -> bool:
    if not isinstance(state, BulletinState) or state.next is None:
        return False
    return state.actual == "preparing" or state.fault is not None


_OF_STATE: tuple[tuple[Mark, Callable[[AnyState], bool]], ...] = (
    (Mark.FAULTY, lambda state: state.fault is not None and not isinstance(state, BulletinState)),
    (Mark.SILENT, lambda state: isinstance(state, SpeakerState) and state.heard is False),
    (Mark.ON_AIR, lambda state: isinstance(state, SpeakerState) and state.actual != "idle"),
    (Mark.ALARM, lambda state: isinstance(state, SpeakerState) and bool(state.emergencies)),
    (Mark.UNREADY, _unready),
)


def marks_of(state: AnyState | None) -> Mark:
    """What a state of one thing says of its node."""
    found = NO_MARK
    if state is not None:
        for mark, is_so in _OF_STATE:
            if is_so(state):
                found |= mark
    return found

"""When a picture of a stream that nobody decodes is looked at, and what follows."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from camera import proof
from camera.frames import EncodedFrame
from camera.model import CameraFault, Snapshot
from camera.proof import Proof

GOOD = Snapshot(b"", datetime.now(UTC), 2, 2)
BAD = CameraFault("camera.no_picture", "the camera's picture cannot be decoded")


@dataclass
class Time:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class Rig:
    """A proof, what it asked for, and what it told."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.told: list[CameraFault | None] = []
        self.proof = Proof("gate", lambda _frame, reply: self.asked.append(reply), self.told.append)
        format_: Any = SimpleNamespace()
        self.key = EncodedFrame(b"", None, None, 0, True, format_, datetime.now(UTC), 0.0)

    def code(self) -> str | None:
        return self.told[-1].code if self.told and self.told[-1] else None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(proof, "time", made)
    return made


def test_first_key_frame_then_one_an_hour(clock: Time) -> None:
    rig = Rig()
    rig.proof.feed(replace(rig.key, is_key=False))
    assert rig.asked == []
    rig.proof.feed(rig.key)
    rig.proof.feed(rig.key)
    assert len(rig.asked) == 1, "one at a time"
    rig.asked[0](GOOD)
    clock.now += 60
    rig.proof.feed(rig.key)
    assert (len(rig.asked), rig.told) == (1, [None])
    clock.now += 3600
    rig.proof.feed(rig.key)
    assert len(rig.asked) == 2


def test_new_connection_is_looked_at_but_not_one_after_the_other(clock: Time) -> None:
    rig = Rig()
    rig.proof.feed(rig.key)
    rig.asked[0](GOOD)
    for _ in range(20):
        clock.now += 2
        rig.proof.cut()
        rig.proof.feed(rig.key)
        if len(rig.asked) == 2:
            rig.asked[1](GOOD)
    assert len(rig.asked) == 2


def test_one_spoiled_picture_is_no_fault_two_are_until_one_is_good(clock: Time) -> None:
    rig = Rig()
    rig.proof.feed(rig.key)
    rig.asked[0](BAD)
    assert rig.told == []
    rig.proof.feed(rig.key)
    rig.asked[1](BAD)
    assert rig.code() == "camera.garbage"
    rig.proof.feed(rig.key)
    assert len(rig.asked) == 2, "not each picture"
    clock.now += 11
    rig.proof.feed(rig.key)
    rig.asked[2](BAD)
    clock.now += 11
    rig.proof.feed(rig.key)
    assert len(rig.asked) == 3, "less and less often"
    rig.proof.cut()
    rig.proof.feed(rig.key)
    rig.asked[3](GOOD)
    assert rig.told[-1] is None


def test_death_of_the_eye_says_nothing_of_the_camera(clock: Time) -> None:
    rig = Rig()
    for _ in range(3):
        rig.proof.feed(rig.key)
        rig.asked[-1](CameraFault("camera.eye_died", "killed"))
        clock.now += 601
    assert (len(rig.asked), rig.told) == (3, [])


def test_an_answer_that_never_comes_is_not_waited_for(clock: Time) -> None:
    rig = Rig()
    rig.proof.feed(rig.key)
    clock.now += 61
    rig.proof.feed(rig.key)
    assert len(rig.asked) == 2

"""The balance of what a camera sent and what was recorded finds every kind of loss; a short soak finds none."""

import time
from itertools import pairwise
from pathlib import Path

import av
import pytest

from bench.camera_soak import ALLOWED_S, soak
from bench.rtsp.account import Disturbance, balance, sent_by
from bench.rtsp.packets import marks_in
from bench.rtsp.rig import TestCamera, Throttle

FPS = 15
START = 1_800_000_000
SENT = [int((START + number / FPS) * 1e9) for number in range(60 * FPS)]
KILLED = Disturbance("gate", "killed", START + 20, START + 25)


def without(first_s: float, last_s: float, numbers: list[int] = SENT) -> list[int]:
    return [number for number in numbers if not START + first_s <= number / 1e9 < START + last_s]


def wrong(sent: list[int], recorded: list[int], *done: Disturbance) -> list[str]:
    return balance("gate", sent, recorded, list(done), ALLOWED_S).wrong


def test_all_recorded_is_right() -> None:
    account = balance("gate", SENT, SENT, [], ALLOWED_S)
    assert (account.wrong, account.lost, account.sent) == ([], 0, len(SENT))


def test_a_picture_lost_without_a_reason_is_found() -> None:
    assert "1 pictures lost without a reason" in wrong(SENT, SENT[:100] + SENT[101:])[0]


def test_what_a_killed_camera_did_not_send_is_not_missed() -> None:
    sent = without(20, 25)
    account = balance("gate", sent, sent, [KILLED], ALLOWED_S)
    assert account.wrong == []
    assert account.worst_return_s < 0.1


def test_a_group_of_pictures_after_a_disturbance_may_be_missing_but_no_more() -> None:
    sent = without(20, 25)
    assert wrong(sent, without(20, 27), KILLED) == []
    assert any("recorded again" in text for text in wrong(sent, without(20, 28), KILLED))


def test_a_camera_to_which_nobody_comes_back_is_a_hole_though_it_sent_nothing() -> None:
    sent = without(20, 40)
    assert any("recorded again" in text for text in wrong(sent, sent, KILLED))


def test_a_hole_without_a_reason_twice_and_disorder_are_found() -> None:
    assert any("a hole" in text for text in wrong(without(40, 42), without(40, 42)))
    assert any("twice" in text for text in wrong(SENT, [*SENT, SENT[-1]]))
    assert any("order" in text for text in wrong(SENT, [SENT[1], SENT[0], *SENT[2:]]))
    assert wrong(SENT, []) == ["nothing was recorded"]


def received(url: str, seconds: float) -> list[int]:
    end, found = time.monotonic() + seconds, []
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=5) as container:
        for packet in container.demux(video=0):
            found += marks_in(bytes(packet))
            if time.monotonic() > end:
                return found
    raise AssertionError("the camera ended")


def test_a_loopback_camera_sends_what_it_says_that_it_sent(tmp_path: Path) -> None:
    with TestCamera("tiny", served=tmp_path) as camera:
        got = received(camera.url("tiny"), 4)
    sent = sent_by(tmp_path / "tiny.served")
    assert len(got) > 3 * FPS
    assert got == sent[: len(got)]


def test_a_weak_link_makes_the_camera_leave_pictures_out_and_loses_none_that_was_sent(tmp_path: Path) -> None:
    with TestCamera("main", served=tmp_path) as camera, Throttle(camera.port, kbit_s=300) as link:
        got = received(link.url("main"), 10)
    sent = sent_by(tmp_path / "main.served")
    assert got == sent[: len(got)]
    assert any(after - before > 0.5e9 for before, after in pairwise(sent)), "nothing was left out"


@pytest.mark.long
def test_nothing_is_lost_in_three_bad_minutes(tmp_path: Path) -> None:
    result = soak(3, 3, tmp_path)
    assert sum(result.disturbances.values()) > 10
    assert result.wrong == []

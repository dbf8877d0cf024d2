"""Time and the playing process: a clock that is set (a file that the test writes), a machine that lets it wait."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bench.sync_measure import RATE, heard, marker, write_wav
from bench.virtual_card import VirtualCard, build, environment

_PROGRAM = """
import sys, pathlib
import drivers.audio.wall as wall
plain, file = wall.offset, pathlib.Path(sys.argv.pop(1))
wall.offset = lambda: plain() + float(file.read_text())
from drivers.audio.playout import main
main()
"""

_FILLING = """
import json, sys, time
import numpy as np
from drivers.audio import card as cards
audio = cards.portaudio()
card = cards.Card(audio, cards.find(audio, "horn"), 0.1)
silence = np.zeros((card.room // 4, card.channels), dtype=np.int16)
told = []
while len(told) < 20:
    room, heard = card.look(), card.written - card.waiting
    while room >= len(silence):
        card.write(silence)
        room -= len(silence)
    told.append((heard, card.written - card.waiting))
    time.sleep(0.02)
print(json.dumps(told))
card.close()
"""
_SECONDS = 8.0
_LAST = (_SECONDS - 0.1) * RATE - 1024
"""Sounds are matched each 0.1 s, by the 2048 samples around a place: the last match lies behind this one."""


@pytest.fixture
def playing(tmp_path):
    """Plays 8 s of noise from an instant.

    Returns the card, the noise, the instant, how to set the clock, how to wait for the end, and the process.
    """
    build(tmp_path / "alsa")
    card = VirtualCard(tmp_path, "horn", 40.0, 1)
    env = {**environment([card], tmp_path / "alsa"), "PATH": "/usr/bin:/bin"}
    source = marker(_SECONDS)
    path = write_wav(tmp_path / "a.wav", source)
    wall = tmp_path / "wall"
    wall.write_text("0")
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _PROGRAM, str(wall)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=env) as process:
        target = time.monotonic() + 2.0
        job = {"do": "play", "items": [{"kind": "wav", "path": str(path)}], "target": target}
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()

        def set_clock(after_s, by_s):
            time.sleep(target + after_s - time.monotonic())
            wall.with_suffix(".new").write_text(str(by_s))
            wall.with_suffix(".new").replace(wall)

        def ended():
            for line in process.stdout:
                if (event := json.loads(line))["event"] in ("ended", "failed"):
                    return event
            raise AssertionError("the process ended")

        yield card, source, target, set_clock, ended, process
        process.stdin.close()
        process.wait(10)


@pytest.mark.parametrize(("step_s", "resyncs"), [(0.001, 0), (-0.2, 1), (0.2, 1)])
def test_a_clock_set_by_a_little_is_followed(playing, step_s, resyncs):
    card, source, target, set_clock, ended, _ = playing
    set_clock(2.0, step_s)
    report = ended()
    got = heard(card, source)
    # The clock shows more than before: the instants of the samples have come earlier.
    late = got.late[got.time > target + 5.5] - (target - step_s)
    assert len(late) > 10
    assert abs(np.median(late)) < 5e-4
    assert report["resyncs"] - report["underruns"] <= resyncs
    assert report["resyncs"] >= resyncs
    if step_s > -0.1:
        assert np.all(np.diff(got.place) > 0)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_clock_set_by_an_hour_is_ignored_by_the_play_that_runs(playing, step_s):
    card, source, target, set_clock, ended, _ = playing
    set_clock(2.0, step_s)
    report = ended()
    got = heard(card, source)
    assert abs(np.median(got.late - target)) < 5e-4
    # Where the machine lets the player wait too long the card runs dry: what was due meanwhile is left out, and told.
    assert got.place.max() > _LAST or report["underruns"]
    assert report["position"] == pytest.approx(_SECONDS, abs=0.01)
    assert report["resyncs"] <= report["underruns"]


def test_running_dry_at_the_very_end_loses_neither_the_end_nor_its_place(playing):
    """The player has handed over all there is, and then has to wait until the card has nothing left."""
    card, source, target, _, ended, process = playing
    time.sleep(target + _SECONDS - 0.03 - time.monotonic())
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    process.send_signal(signal.SIGCONT)
    report = ended()
    assert report["underruns"] >= 1
    assert report["position"] == pytest.approx(_SECONDS, abs=0.01)
    assert heard(card, source).place.max() > _LAST or report["underruns"] > 1 or report["resyncs"]


def test_what_is_handed_over_is_not_taken_for_heard(tmp_path):
    """Else the end of a play that is late would be told, and the card closed, before the end is heard."""
    build(tmp_path / "alsa")
    env = {**environment([VirtualCard(tmp_path, "horn")], tmp_path / "alsa"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", _FILLING], env=env, capture_output=True, timeout=60, check=True)
    told = json.loads(done.stdout)
    assert all(before == after for before, after in told)
    assert told[-1][1] > 0

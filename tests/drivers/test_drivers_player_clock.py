"""The system's clock is set while the playing process plays in step. Its wall clock is a file that the test writes."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from bench.sync_measure import heard, marker, write_wav
from bench.virtual_card import VirtualCard, build, environment

_PROGRAM = """
import sys, pathlib
import drivers.audio.wall as wall
plain, file = wall.offset, pathlib.Path(sys.argv.pop(1))
wall.offset = lambda: plain() + float(file.read_text())
from drivers.audio.playout import main
main()
"""


@pytest.fixture
def playing(tmp_path):
    """Plays 8 s of noise from an instant; returns the card, the noise, the instant and how to set the clock."""
    build(tmp_path / "alsa")
    card = VirtualCard(tmp_path, "horn", 40.0, 1)
    env = {**environment([card], tmp_path / "alsa"), "PATH": "/usr/bin:/bin"}
    source = marker(8.0)
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

        yield card, source, target, set_clock, ended
        process.stdin.close()
        process.wait(10)


@pytest.mark.parametrize(("step_s", "resyncs"), [(0.001, 0), (-0.2, 1), (0.2, 1)])
def test_a_clock_set_by_a_little_is_followed(playing, step_s, resyncs):
    card, source, target, set_clock, ended = playing
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
    card, source, target, set_clock, ended = playing
    set_clock(2.0, step_s)
    report = ended()
    got = heard(card, source)
    assert abs(np.median(got.late - target)) < 5e-4
    assert got.place.max() > 7.8 * 48_000
    assert report["resyncs"] <= report["underruns"]

"""The playing process by its own protocol."""

import json
import subprocess
import sys

import pytest
from drivers_stand_ins import asound, into_file, write_wav


@pytest.fixture
def playout(tmp_path, monkeypatch):
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "a.conf", into_file("!default", tmp_path / "raw"))))
    command = [sys.executable, "-m", "drivers.audio.playout", "--idle", "10"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1) as process:
        yield process
        process.kill()


def say(process, **command):
    process.stdin.write(json.dumps(command) + "\n")


def play(process, path):
    say(process, do="play", items=[{"kind": "wav", "path": str(path)}], target=None, buffer_s=0.1)


def hear(process):
    return json.loads(process.stdout.readline())


def until_over(process):
    events = []
    while not events or events[-1]["event"] not in ("ended", "failed", "probed"):
        events.append(hear(process))
    return events


def test_only_json_comes_out_and_in_order(playout, tmp_path):
    write_wav(tmp_path / "a.wav", seconds=1.2)
    say(playout, do="stop")  # nothing plays: no answer
    say(playout, do="probe", device=None)
    assert [event["event"] for event in until_over(playout)] == ["accepted", "probed"]
    play(playout, tmp_path / "a.wav")
    events = [event["event"] for event in until_over(playout)]
    assert events == ["accepted", "opened", "started", *["progress"] * events.count("progress"), "ended"]
    assert "progress" in events


def test_a_failure_is_one_answer_and_it_goes_on(playout, tmp_path):
    play(playout, tmp_path / "absent.wav")
    failed = until_over(playout)[-1]
    assert (failed["code"], failed["retry"]) == ("speaker.bad_audio", False)
    say(playout, do="probe", device="nothing like it")
    assert until_over(playout)[-1]["code"] == "speaker.no_device"
    write_wav(tmp_path / "a.wav", seconds=0.1)
    play(playout, tmp_path / "a.wav")
    assert until_over(playout)[-1]["event"] == "ended"


def test_it_stops_and_ends_when_its_owner_is_gone(playout, tmp_path):
    write_wav(tmp_path / "a.wav", seconds=30)
    play(playout, tmp_path / "a.wav")
    while hear(playout)["event"] != "started":
        pass
    playout.stdin.close()
    assert json.loads(playout.stdout.readlines()[-1])["stopped"] is True
    assert playout.wait(10) == 0

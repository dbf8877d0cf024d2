"""The kernel's limit of real-time work: a slow or loaded board goes on without real time, and is not silenced."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from drivers_stand_ins import asound, into_file, write_wav

LIMIT = "import resource; resource.setrlimit(15, ({soft}, {hard}))\n"  # RLIMIT_RTTIME, microseconds
PLAYOUT = LIMIT.format(soft=20_000, hard=10_000_000) + "from drivers.audio.playout import main; main()"
BUSY = (
    LIMIT.format(soft=100_000, hard=3_000_000)
    + """
import os, threading, time
from drivers.audio.priority import PLAYER, give_way, hurry
policies = []
def work():
    hurry(PLAYER)
    policies.append(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)
    until = time.thread_time() + 0.8
    while time.thread_time() < until:
        pass
    policies.append(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)
give_way()
for _ in range(2):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(*policies)
"""
)


def _may_hurry() -> bool:
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_who_works_too_long_is_ordinary_from_then_on_and_real_time_again_at_the_next_sound() -> None:
    done = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=60, check=False)
    first = os.SCHED_FIFO if _may_hurry() else os.SCHED_OTHER
    assert done.returncode == 0, done
    assert done.stdout.split() == [str(policy) for policy in (first, os.SCHED_OTHER) * 2]


def test_a_play_survives_the_kernels_word_and_its_preparation_does_not_bring_it_about(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", seconds=0.4)
    play = {"do": "play", "items": [{"kind": "wav", "path": str(tmp_path / "a.wav")}], "target": None, "buffer_s": 0.1}
    asked = json.dumps(play) + "\n"
    alsa = {"ALSA_CONFIG_PATH": str(asound(tmp_path / "a.conf", into_file("!default", tmp_path / "raw")))}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", PLAYOUT, "--idle", "10"],
        stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1, env={**os.environ, **alsa},
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        for told in range(2):  # to load numpy and to open a card takes longer than 20 ms
            process.stdin.write(asked)
            events = []
            while not events or events[-1] not in ("ended", "failed"):
                events.append(json.loads(process.stdout.readline())["event"])
                if told and events[-1] == "started":
                    os.kill(process.pid, signal.SIGXCPU)
            assert events[-1] == "ended"
        process.stdin.close()
        assert process.stderr.read().count("too slow for real time") == 1, "only when the test said so"
        assert process.wait(10) == 0

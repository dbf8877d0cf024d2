"""How soon an emergency that `edge-agent send` issues is heard on the two nodes of the demo.

The whole command counts, from the start of the process to the first sample that is louder than a hundredth of full
scale in what each node's loudspeaker recorded. Each round says another text, so no voice has it ready.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

NODES = ("thon-dong", "thon-tay")
AUDIBLE = 327  # of 32768
TEXT = "Nước đang lên tại cống số {number}. Bà con thôn Đông và thôn Tây khẩn trương lên nơi cao."
_LIMIT_S = 60.0


def main() -> None:
    """Print the median and the worst of each node, and how far the two were apart."""
    parser = argparse.ArgumentParser(prog="python -m bench.emergency")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _demo(Path(folder)) as hub:
        rounds = [_round(Path(folder), hub, number) for number in range(asked.rounds)]
    if asked.json:
        print(json.dumps({"rounds": rounds}))
        return
    print(f"edge-agent send all speak class=emergency, {asked.rounds} texts never said     median ms  worst ms")
    for node in NODES:
        _row(f"heard on {node} after the command was started, target 1000", [each[node] for each in rounds])
    _row("the two nodes apart", [abs(each[NODES[0]] - each[NODES[1]]) for each in rounds])


def _round(folder: Path, hub: Path, number: int) -> dict[str, float]:
    """Milliseconds from the start of the command to the first sound, for each node."""
    before = {node: set(_recordings(folder, node)) for node in NODES}
    began = time.time()
    _send(hub, "speak", "class=emergency", f"text={TEXT.format(number=number + 1)}")
    _send(hub, "emergency.acknowledge")
    return {node: (_heard(folder, node, before[node]) - began) * 1000 for node in NODES}


def _send(hub: Path, *what: str) -> None:
    argv = [sys.executable, "-m", "edge_agent", "send", "--hub", str(hub), "--timeout", str(_LIMIT_S), "all", *what]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"send {what[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")


def _recordings(folder: Path, node: str) -> Iterator[Path]:
    return (folder / node / "drivers" / "horn").glob("*.wav")


def _heard(folder: Path, node: str, before: set[Path]) -> float:
    """When the first sample that can be heard was played, seconds since 1970."""
    until = time.monotonic() + _LIMIT_S
    while time.monotonic() < until:
        for path in sorted(set(_recordings(folder, node)) - before):
            after = _first_sound(path)
            if after is not None:
                return _named_instant(path) + after
        time.sleep(0.1)
    raise SystemExit(f"{node} was not heard within {_LIMIT_S:.0f} s")


def _named_instant(path: Path) -> float:
    return datetime.strptime(path.stem[:19], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC).timestamp()


def _first_sound(path: Path) -> float | None:
    with wave.open(str(path)) as sound:
        samples = array("h", sound.readframes(sound.getframerate() * 5))
        place = next((place for place, sample in enumerate(samples) if abs(sample) > AUDIBLE), None)
        return None if place is None else place / sound.getnchannels() / sound.getframerate()


@contextmanager
def _demo(folder: Path) -> Iterator[Path]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "edge_agent", "demo", "--folder", str(folder), "--port", str(port)]
    log = (folder / "demo.out").open("wb")
    demo = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=dict(os.environ))
    try:
        hub = folder / "hub.yaml"
        _wait_until_both_answer(hub)
        yield hub
    finally:
        demo.terminate()
        demo.wait(30)
        log.close()


def _wait_until_both_answer(hub: Path) -> None:
    until = time.monotonic() + _LIMIT_S
    while time.monotonic() < until:
        argv = [sys.executable, "-m", "edge_agent", "send", "--hub", str(hub), "--timeout", "3", "--json", "all"]
        done = subprocess.run([*argv, "state.report"], capture_output=True, text=True, check=False)
        if done.returncode == 0 and len(json.loads(done.stdout)["acks"]) == len(NODES):
            return
        time.sleep(0.5)
    raise SystemExit("the demo's nodes do not answer")


def _row(name: str, values: list[float]) -> None:
    print(f"{name:72s} {statistics.median(values):9.1f} {max(values):9.1f}")


if __name__ == "__main__":
    main()

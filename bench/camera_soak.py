"""Eight cameras, killed, frozen, throttled and cut off at random; a real agent records them: what was lost?

`make soak-camera`, or `python -m bench.camera_soak [--minutes 30] [--seed 1] [--json]`. Every picture carries a number
(bench.rtsp.account). In the end: nothing is lost but what was not sent, a group of pictures + 0.3 s for each
disturbance aside (+ 2 s in which a freeze is seen); memory, files and threads stay level; no process died and none is
left over; the index of the recordings equals the files, and every file plays. Ends with 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import random
import secrets
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.camera_peers import family
from bench.rig import agent, broker, node_config, workshop
from bench.rtsp.account import Account, Disturbance, balance, recorded_in, sent_by
from bench.rtsp.rig import TestCamera, Throttle
from edge_agent.contract.signature import Signer

CAMERAS = 8
GOP_S = 2.0
ALLOWED_S = {
    "killed": GOP_S + 0.3,
    "cut": GOP_S + 0.3,
    "throttled": GOP_S + 0.3,
    "starved": GOP_S + 0.3,
    "frozen": GOP_S + 2.3,
}
"""What may be missing beyond the disturbance itself: a group + 0.3 s, and 2 s in which a silent connection is given up.

`throttled` links carry a key frame in 1 to 2.5 s, `starved` ones in 3 to 15 s. Both arrive: nothing is given up.
"""
FREE_KBIT_S = 1_000_000
SETTLE_S = 15.0
SAMPLE_S = 5.0
MEMORY_MB = 6.0
"""Growth over the whole run, by the straight line through the second half, that counts as none ..."""
WARM_S = 900
"""... where the run is at least so long: before, buffers still find their size."""


@dataclass
class Gate:
    """A camera of the soak: its program, the link before it, what was done to it."""

    name: str
    camera: TestCamera
    link: Throttle
    served: Path
    done: list[Disturbance] = field(default_factory=list)

    def entry(self, number: int) -> dict[str, Any]:
        """Its configuration; every second one has a sub stream."""
        sub = {"sub_url": self.camera.url("sub")} if number % 2 else {}
        return {"id": self.name, "name": self.name, "url": self.link.url("main"), "motion": {}, **sub}


class Storm:
    """Disturbs the cameras by a plan that the seed makes."""

    def __init__(self, gates: list[Gate], seed: int) -> None:
        self._random = random.Random(seed)
        self._count = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        for gate in gates:
            self._later(self._random.uniform(2, 30), lambda gate=gate: self._disturb(gate))  # type: ignore[misc]

    def work(self, until: float) -> None:
        """Do what is due, up to an instant of the monotonic clock."""
        while (now := time.monotonic()) < until:
            if self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
            else:
                time.sleep(min(until, self._due[0][0]) - now)

    def finish(self) -> None:
        """End the disturbances that last."""
        while self._due:
            _, _, act = heapq.heappop(self._due)
            if act.__name__ == "undo":
                act()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._count, act))

    def _disturb(self, gate: Gate) -> None:
        kind = self._random.choice(["killed", "frozen", "throttled", "starved", "cut"])
        began, lasts = time.time(), self._random.uniform(0.5, 20)
        if kind == "killed":
            gate.camera.kill()
        elif kind == "frozen":
            gate.camera.freeze()
        elif kind == "throttled":
            gate.link.set(self._random.uniform(700, 1500), 60)
        elif kind == "starved":
            gate.link.set(self._random.uniform(100, 500), 60)
        else:
            gate.link.kill()

        def undo() -> None:
            if kind == "frozen":
                gate.camera.thaw()
            elif kind in ("throttled", "starved"):
                gate.link.set(FREE_KBIT_S, 0)
            else:
                (gate.camera if kind == "killed" else gate.link).start()
            gate.done.append(Disturbance(gate.name, kind, began, time.time()))  # type: ignore[arg-type]
            self._later(self._random.uniform(15, 60), lambda: self._disturb(gate))

        self._later(lasts, undo)


@dataclass(frozen=True)
class Sample:
    """What the node's processes hold at one time: role -> (pid, RSS MB, open files, threads)."""

    at: float
    roles: dict[str, tuple[int, float, int, int]]
    zombies: int


def look(pid: int) -> Sample:
    """Sample the agent and all that it started."""
    roles, zombies = {}, 0
    for process in family([pid]):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                zombies += 1
                continue
            words = " ".join(process.cmdline())
            role = next((role for role in ("camera.eye", "camera.child") if role in words), None)
            role = role or ("agent" if process.pid == pid else f"other {words[-30:]}")
            held = (process.pid, process.memory_info().rss / 1e6, process.num_fds(), process.num_threads())
            roles[role] = held
    return Sample(time.monotonic(), roles, zombies)


def level(samples: list[Sample]) -> tuple[list[str], dict[str, dict[str, float]]]:
    """What grew that should not, and figures of each role."""
    wrong, figures = [], {}
    later = samples[len(samples) // 2 :]
    if later[-1].zombies:
        wrong.append(f"{later[-1].zombies} zombies")
    for role in ("agent", "camera.child", "camera.eye"):
        rows = [(one.at, *one.roles[role]) for one in later if role in one.roles]
        if len(rows) < 2:
            wrong.append(f"{role} does not run")
            continue
        pids = {one.roles[role][0] for one in samples if role in one.roles}
        if len(pids) > 1:
            wrong.append(f"{role} was started {len(pids)} times")
        growth = slope([row[0] for row in rows], [row[2] for row in rows]) * (samples[-1].at - samples[0].at)
        figures[role] = {"rss_mb": rows[-1][2], "growth_mb": growth, "files": rows[-1][3], "threads": rows[-1][4]}
        if growth > MEMORY_MB and samples[-1].at - samples[0].at >= WARM_S:
            wrong.append(f"{role} grew by {growth:.1f} MB")
        for name, place in (("open files", 3), ("threads", 4)):
            half = len(rows) // 2
            before, after = max(row[place] for row in rows[:half]), max(row[place] for row in rows[half:])
            if after > before + 2 * CAMERAS:
                wrong.append(f"{role}: {name} from {before} to {after}")
    return wrong, figures


def course(samples: list[Sample]) -> dict[str, list[float]]:
    """The memory of each role in MB, at six times."""
    looks = [samples[place * (len(samples) - 1) // 5] for place in range(6)]
    return {role: [round(one.roles[role][1], 1) for one in looks if role in one.roles] for role in samples[-1].roles}


def slope(xs: list[float], ys: list[float]) -> float:
    """Of the least-squares line."""
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return above / (sum((x - middle_x) ** 2 for x in xs) or 1)


def index_equals_files(video: Path) -> list[str]:
    """Every file has its finished row with its size, and every row its file."""
    with contextlib.closing(sqlite3.connect(f"file:{video / 'index.sqlite3'}?mode=ro", uri=True)) as index:
        rows = {path: (size, state) for path, size, state in index.execute("SELECT path, bytes, state FROM segment")}
    files = {str(file.relative_to(video)): file.stat().st_size for file in video.glob("*/*/*.mp4")}
    wrong = [f"no row for {path}" for path in files.keys() - rows.keys()]
    wrong += [f"no file for {path}" for path in rows.keys() - files.keys()]
    for path in files.keys() & rows.keys():
        size, state = rows[path]
        if (size, state) != (files[path], 1):
            wrong.append(f"{path} is {files[path]} bytes, the index says {size}, state {state}")
    return wrong


def unplayable(video: Path) -> list[str]:
    """Files that cannot be read from end to end, or begin without a key frame."""
    import av

    wrong = []
    for file in sorted(video.glob("*/*/*.mp4")):
        try:
            with av.open(str(file)) as container:
                keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
            if not keys or not keys[0]:
                wrong.append(f"{file.relative_to(video)} begins without a key frame or is empty")
        except av.FFmpegError as error:
            wrong.append(f"{file.relative_to(video)}: {error}")
    return wrong


@dataclass
class Result:
    """How it went."""

    minutes: float
    seed: int
    accounts: list[Account]
    course: dict[str, list[float]]
    """Memory in MB at the beginning, after each fifth of the time, and at the end."""
    disturbances: dict[str, int]
    files: int
    gigabytes: float
    processes: dict[str, dict[str, float]]
    wrong: list[str]


def soak(minutes: float, seed: int, folder: Path) -> Result:
    """Run it all in a folder."""
    with contextlib.ExitStack() as stack:
        gates = []
        for number in range(CAMERAS):
            served = folder / f"served-{number}"
            camera = stack.enter_context(TestCamera("main", "sub", served=served))
            link = stack.enter_context(Throttle(camera.port, FREE_KBIT_S))
            gates.append(Gate(f"gate-{number}", camera, link, served / "main.served"))
        port = stack.enter_context(broker(folder))
        signer = Signer("soak", secrets.token_bytes(32))
        entries = [gate.entry(number) for number, gate in enumerate(gates)]
        config = node_config(folder, port, signer, cameras=entries, video={"disk": {"free_bytes": 0}})
        with agent(folder, config) as node:
            time.sleep(SETTLE_S)
            samples = weather(Storm(gates, seed), node.pid, minutes)
            time.sleep(max(ALLOWED_S.values()) + 2)
            children = [(process.pid, " ".join(process.cmdline())) for process in family([node.pid])]
        time.sleep(3)
        left = [f"{words} ({pid})" for pid, words in children if psutil.pid_exists(pid)]
    return judge(minutes, seed, folder, gates, samples, left)


def weather(storm: Storm, pid: int, minutes: float) -> list[Sample]:
    """The storm, and samples of the node meanwhile."""
    samples, end = [look(pid)], time.monotonic() + minutes * 60
    while time.monotonic() < end:
        storm.work(min(end, time.monotonic() + SAMPLE_S))
        samples.append(look(pid))
    storm.finish()
    return samples


def judge(minutes: float, seed: int, folder: Path, gates: list[Gate], samples: list[Sample], left: list[str]) -> Result:
    """Look at what is left when all has ended."""
    video = folder / "state" / "video"
    wrong, figures = level(samples)
    wrong += [f"the agent left behind: {words}" for words in left]
    wrong += index_equals_files(video)
    wrong += unplayable(video)
    kinds = [one.kind for gate in gates for one in gate.done]
    accounts = []
    happened = sorted((asdict(one) for gate in gates for one in gate.done), key=lambda one: one["begin"])
    (folder / "disturbances.json").write_text(json.dumps(happened, indent=1))
    for gate in gates:
        sent, recorded = sent_by(gate.served), recorded_in(video / gate.name)
        account = balance(gate.name, sent, recorded, gate.done, ALLOWED_S)
        accounts.append(account)
        wrong += [f"{gate.name}: {text}" for text in account.wrong]
    files = [file.stat().st_size for file in video.glob("*/*/*.mp4")]
    counts = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    return Result(
        minutes, seed, accounts, course(samples), counts, len(files), round(sum(files) / 1e9, 2), figures, wrong
    )


def show(result: Result) -> None:
    """For people."""
    happened = ", ".join(f"{kind} {count}" for kind, count in result.disturbances.items())
    print(f"{CAMERAS} cameras, {result.minutes:g} min, seed {result.seed}: {happened}")
    print(f"{'':10} {'sent':>8} {'recorded':>9} {'lost':>6} {'worst lost s':>13} {'worst return s':>15}")
    for one in result.accounts:
        worst = f"{one.worst_lost_s:13.2f} {one.worst_return_s:15.2f}"
        print(f"{one.camera:10} {one.sent:8d} {one.recorded:9d} {one.lost:6d} {worst}")
    for role, held in result.processes.items():
        print(
            f"{role:13} {held['rss_mb']:6.1f} MB, growth {held['growth_mb']:+.1f} MB, "
            f"{held['files']:.0f} files, {held['threads']:.0f} threads; MB: {result.course.get(role)}"
        )
    print(f"{result.files} files, {result.gigabytes} GB")
    print("\n".join(f"WRONG: {text}" for text in result.wrong) or "nothing is wrong")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what was started, also then
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="Work in this folder, and leave it")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or stack.enter_context(workshop())
        folder.mkdir(parents=True, exist_ok=True)
        result = soak(arguments.minutes, arguments.seed, folder)
    if arguments.json:
        json.dump(asdict(result), sys.stdout, indent=1)
        print()
    else:
        show(result)
    sys.stdout.flush()
    sys.exit(1 if result.wrong else 0)


if __name__ == "__main__":
    main()

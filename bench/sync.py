"""How well players keep together: ours and Snapcast on the same computed sound cards. `make bench-sync`.

Judged by the cards' own record of which sample left them when, not by what a player believes. See docs/sync.md.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench import sync_snapcast
from bench.sync_measure import Heard, first_sample, heard, marker, on_monotonic, skew, write_wav
from bench.virtual_card import VirtualCard, build, environment

IN_STEP_MS = 1.0
STALL_S = 10.0
_AHEAD_S = 4.0


@contextlib.contextmanager
def workshop(*cards: tuple[str, float, int]) -> Iterator[tuple[Path, list[VirtualCard], dict[str, str]]]:
    """A folder in memory, cards, and the environment of who plays on them."""
    memory = Path("/dev/shm")  # the record of a card must not wait for a disk
    with tempfile.TemporaryDirectory(prefix="bench-sync-", dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        build(folder / "alsa")
        made = [VirtualCard(folder, *card) for card in cards]
        yield folder, made, {**os.environ, **environment(made, folder / "alsa")}


class Node:
    """Our player in a process of its own (see sync_node)."""

    def __init__(self, card: VirtualCard, at: float, wav: Path, env: dict[str, str]) -> None:
        command = (sys.executable, "-m", "bench.sync_node", card.name, repr(at), str(wav))
        self._child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    def player(self) -> int:
        """Id of the playing process, as soon as it plays."""
        assert self._child.stdout is not None
        pid: int = json.loads(self._child.stdout.readline())["pid"]
        return pid

    def report(self, limit_s: float) -> dict[str, Any]:
        """What it says in the end."""
        assert self._child.stdout is not None
        late = threading.Timer(limit_s, self._child.kill)
        late.start()
        said = self._child.stdout.read()
        late.cancel()
        if self._child.wait():
            raise RuntimeError(f"a player failed with status {self._child.returncode}; see what it said above")
        got: dict[str, Any] = json.loads(said.splitlines()[-1])
        return got


def pair_ours(seconds: float, step: int) -> tuple[list[Heard], dict[str, Any]]:
    """Two of our players on cards at +-40 ppm."""
    with workshop(("fast", 40.0, step), ("slow", -40.0, step)) as (folder, cards, env):
        source = marker(seconds)
        wav = write_wav(folder / "a.wav", source)
        at = time.time() + _AHEAD_S
        nodes = [Node(card, at, wav, env) for card in cards]
        for node in nodes:
            node.player()
        reports = [node.report(seconds + 30) for node in nodes]
        more = {key: max(r[key] for r in reports) for key in ("cpu_percent", "memory_mb", "underruns", "resyncs")}
        return [heard(card, source) for card in cards], more


def pair_snapcast(seconds: float, step: int) -> tuple[list[Heard], dict[str, Any]]:
    """Two Snapcast clients on the same."""
    with workshop(("fast", 40.0, step), ("slow", -40.0, step)) as (folder, cards, env):
        source = marker(seconds)
        with sync_snapcast.playing(folder, cards, env) as (feed, clients):
            used, began = [sum(client.cpu_times()[:2]) for client in clients], time.monotonic()
            feed(source)
            spent = time.monotonic() - began
            cpu = [100 * (sum(c.cpu_times()[:2]) - u) / spent for c, u in zip(clients, used, strict=True)]
            memory = max(client.memory_info().rss for client in clients) / 1e6
        dry = max(sum(run.why == "dry" for run in card.runs()) for card in cards)
        return [heard(card, source) for card in cards], {"cpu_percent": max(cpu), "memory_mb": memory, "underruns": dry}


def summed_up(pair: tuple[list[Heard], dict[str, Any]], after_s: float) -> dict[str, Any]:
    """Skew in us from so many seconds of the sound on."""
    matches, more = pair
    places, apart = skew(*matches)
    late = np.abs(apart[places >= after_s]) * 1e6
    quantiles = {f"p{part}_us": float(np.percentile(late, part)) for part in (50, 95, 99)}
    return {"matches": len(late), **quantiles, "max_us": float(late.max()), **more}


def starts(plays: int) -> dict[str, Any]:
    """Start errors against the instant, of our player, in a new process each time: nothing is warm."""
    errors = []
    with workshop(("fast", 40.0, 1), ("slow", -40.0, 1)) as (folder, cards, env):
        for play in range(plays):
            source = marker(0.6, seed=100 + play)
            wav = write_wav(folder / f"{play}.wav", source)
            at = time.time() + _AHEAD_S
            nodes = [Node(card, at, wav, env) for card in cards]
            for node in nodes:
                node.player()
                node.report(30)
            errors += [(first_sample(card, source) - on_monotonic(at)) * 1e3 for card in cards]
    late = np.abs(errors)
    return {"plays": len(late), "p50_ms": float(np.median(late)), "p99_ms": float(np.percentile(late, 99))}


def stall_ours() -> dict[str, Any]:
    """Our playing process is stopped for 10 s in the middle."""
    with workshop(("fast", 40.0, 1)) as (folder, cards, env):
        source = marker(28.0)
        node = Node(cards[0], time.time() + _AHEAD_S, write_wav(folder / "a.wav", source), env)
        pid = node.player()
        resumed = _stall(pid, 6.0)
        node.report(60)
        return _recovery(heard(cards[0], source, 0.02), resumed)


def stall_snapcast() -> dict[str, Any]:
    """A Snapcast client is stopped for 10 s in the middle."""
    with workshop(("fast", 40.0, 1)) as (folder, cards, env):
        source = marker(40.0)
        with sync_snapcast.playing(folder, cards, env) as (feed, clients):
            feeding = sync_snapcast.feed_in_background(feed, source)
            resumed = _stall(clients[0].pid, sync_snapcast.LEAD_S + 6.0)
            feeding.join(60)
        return _recovery(heard(cards[0], source, 0.02), resumed)


def _stall(pid: int, after_s: float) -> float:
    time.sleep(after_s)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STALL_S)
    os.kill(pid, signal.SIGCONT)
    return time.monotonic()


def _recovery(got: Heard, resumed: float) -> dict[str, Any]:
    """How long after it went on it was back to where it had been, for a second at least; how much was heard twice."""
    usual = np.median(got.late[got.time < resumed - STALL_S])
    good = np.abs(got.late - usual) * 1e3 <= IN_STEP_MS
    back_s = None
    for start in np.flatnonzero((got.time > resumed) & good):
        second = (got.time >= got.time[start]) & (got.time < got.time[start] + 1.0)
        if good[second].all() and second.sum() > 10:
            back_s = float(got.time[start] - resumed)
            break
    steps = np.diff(got.place)
    return {"back_in_step_s": back_s, "heard_twice_s": abs(float(steps[steps < 0].sum())) / 48_000}


def measure(seconds: float, plays: int, peer: bool) -> dict[str, Any]:
    """All figures."""
    both = [("ours", pair_ours, stall_ours)]
    if peer:
        both.append((f"Snapcast {sync_snapcast.version()}", pair_snapcast, stall_snapcast))
    figures: dict[str, Any] = {}
    for name, pair, stall in both:
        figures[name] = of = {}
        for title, figure in (
            ("smooth", lambda pair=pair: summed_up(pair(seconds, 1), 5.0)),
            ("steps of 5 ms", lambda pair=pair: summed_up(pair(seconds, 240), 20.0)),
            ("stall", stall),
            ("start", lambda: starts(plays)),
        ):
            if title != "start" or name == "ours":
                of[title] = figure()
                print(f"{name}, {title}: done", file=sys.stderr)
    return figures


def show(figures: dict[str, Any]) -> None:
    """A table."""
    for name, of in figures.items():
        smooth, steps, stall = of["smooth"], of["steps of 5 ms"], of["stall"]
        print(f"\n{name}")
        for title, one in (("cards at +-40 ppm, after 5 s", smooth), ("position in 5 ms steps, after 20 s", steps)):
            print(
                f"  skew, {title}: median {one['p50_us']:.1f}  p95 {one['p95_us']:.1f}  p99 {one['p99_us']:.1f}  "
                f"max {one['max_us']:.1f} us   ({one['matches']} matches, ran dry {one['underruns']} times)"
            )
        back = stall["back_in_step_s"]
        told = "never" if back is None else f"{back:.2f} s"
        print(f"  back in step after a stall of {STALL_S:.0f} s: {told}, heard twice: {stall['heard_twice_s']:.3f} s")
        if "start" in of:
            print(
                f"  start error: median {of['start']['p50_ms']:.3f} ms, p99 {of['start']['p99_ms']:.3f} ms "
                f"({of['start']['plays']} cold starts)"
            )
        print(f"  one player: {smooth['cpu_percent']:.1f} % of a core, {smooth['memory_mb']:.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sync", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of sound for the skew (more than 25)")
    parser.add_argument("--plays", type=int, default=10, help="starts, on two cards each")
    parser.add_argument("--ours", action="store_true", help="without Snapcast")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lacking = sync_snapcast.missing()
    if lacking and not options.ours:
        print(f"Snapcast is not measured; {lacking}", file=sys.stderr)
    figures = measure(options.seconds, options.plays, not options.ours and lacking is None)
    load = psutil.getloadavg()[0]
    if options.json:
        print(json.dumps({"load": load, "cores": os.cpu_count(), **figures}, indent=1))
    else:
        print(f"{os.cpu_count()} cores, load {load:.1f}")
        show(figures)


if __name__ == "__main__":
    main()

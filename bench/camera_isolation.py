"""Cameras gone mad, and a light that is switched and bulletins that begin meanwhile: how much later than without them?

`python -m bench.camera_isolation [--seconds 30] [--json] [--only calm,burning,...]`. A real agent, mosquitto and
loopback cameras. `quiet` has no camera; `calm` records sixteen; `burning` has an eye that decodes every 1080p picture
of twelve cameras and takes all it can get; `garbage` pulls noise; `dying` has its camera processes killed as fast as
they come back, and `frozen` stopped in mid-air again and again. A tap is a signed command until the line's state is
seen; how late a bulletin begins is what the node itself proves. Target: median and p99 at most 5 ms beyond `quiet`.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.camera_peers import Used, family
from bench.rig import COMMUNE, NODE, Sender, agent, broker, node_config, percentile, workshop
from bench.rtsp.rig import TestCamera
from edge_agent.contract.commands import Command
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer

ROOT = f"edge/{COMMUNE}/{NODE}"
WORLDS = ("calm", "burning", "garbage", "dying", "frozen")
TARGET_MS = 5.0
GAP_S = 0.05
BULLETIN_EVERY_S = 4.0
AHEAD_S = 8.0
"""Bulletins are planned so long before, to be spoken and ready."""

Harm = Callable[[int], int]
"""Does one harm to the agent with this process id; how many processes it killed."""


@dataclass(frozen=True)
class Delays:
    """One world, in milliseconds."""

    world: str
    taps: list[float]
    bulletins: list[float]
    cores: float
    """Processor cores that the cameras' processes took."""
    deaths: int
    """Camera processes that were killed."""


def camera_pids(pid: int) -> list[int]:
    """Group and eye processes of an agent."""
    found = []
    for process in family([pid]):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.pid != pid and "camera." in " ".join(process.cmdline()):
                found.append(process.pid)
    return found


def kill_cameras(pid: int) -> int:
    """Each process, at once."""
    killed = camera_pids(pid)
    for child in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return len(killed)


def freeze_cameras(pid: int) -> int:
    """Stop all and let them go on after a second."""
    stopped = camera_pids(pid)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for child in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        time.sleep(1)
    return 0


def entries(camera: TestCamera, count: int, path: str, **more: Any) -> list[dict[str, Any]]:
    """Cameras of a node."""
    names = [f"c{number}" for number in range(count)]
    return [{"id": name, "name": name, "url": camera.url(f"{path}/{name}"), **more} for name in names]


def worlds(camera: TestCamera) -> dict[str, tuple[list[dict[str, Any]], Harm | None]]:
    """What is tried."""
    looking = {"motion": {"frames": "key"}}
    return {
        "quiet": ([], None),
        "calm": (entries(camera, 16, "main", **looking), None),
        "burning": (entries(camera, 12, "main", motion={"frames": "all"}), None),
        "garbage": (entries(camera, 8, "main-garbage", motion={"frames": "all"}), None),
        "dying": (entries(camera, 4, "main", **looking), kill_cameras),
        "frozen": (entries(camera, 4, "main", **looking), freeze_cameras),
    }


class Commander:
    """Sends signed commands, and waits for what comes of them."""

    def __init__(self, port: int, signer: Signer) -> None:
        self._signer = signer
        self._late: dict[str, float] = {}
        self._hearer = paho.Client(CallbackAPIVersion.VERSION2)
        self._hearer.on_message = self._hear
        self._hearer.on_connect = lambda client, *_: client.subscribe(f"{ROOT}/event", 1)
        self._hearer.connect("127.0.0.1", port)
        self._hearer.loop_start()
        self.sender = Sender(port, [f"{ROOT}/state/light/lamp", f"{ROOT}/status"])
        self.sender.wait(f"{ROOT}/status", b'"online":true', 30)

    def send(self, **args: Any) -> float:
        """When it was sent (perf_counter)."""
        now = datetime.now(UTC)
        command = {"id": uuid7(), "to": f"{COMMUNE}/{NODE}", "by": "bench", "at": now, "args": args}
        checked = Command.model_validate({**command, "expires": now + timedelta(minutes=5)})
        return self.sender.publish(f"{ROOT}/cmd", self._signer.sign(checked.model_dump_json(by_alias=True).encode()))

    def taps(self, seconds: float) -> list[float]:
        """Switch a lamp on and off; milliseconds until each state is seen."""
        times, end = [], time.monotonic() + seconds
        for level in itertools.cycle((100, 0)):
            began = self.send(do="switch.override", thing="lamp", level=level)
            when, _ = self.sender.wait(f"{ROOT}/state/light/lamp", b'"actual":%d.0' % level)
            times.append((when - began) * 1000)
            if time.monotonic() > end:
                return times
            time.sleep(GAP_S)
        raise AssertionError

    def plan(self, count: int) -> None:
        """Bulletins of a chime, one every few seconds from soon on."""
        first = datetime.now(UTC) + timedelta(seconds=AHEAD_S)
        for number in range(count):
            at = (first + timedelta(seconds=BULLETIN_EVERY_S * number)).isoformat()
            chime = [{"kind": "chime", "name": "two-tone"}]
            bulletin = {"id": f"b{number}", "title": "Bulletin", "at": at, "class": "priority", "segments": chime}
            self.send(do="bulletin.plan", bulletin=bulletin)

    def starts(self, count: int, limit_s: float) -> list[float]:
        """How late each bulletin began, by the node's proof."""
        end = time.monotonic() + limit_s
        while len(self._late) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self._late)} of {count} bulletins were aired")
            time.sleep(0.1)
        return list(self._late.values())

    def close(self) -> None:
        """Hear no more."""
        self.sender.close()
        self._hearer.disconnect()
        self._hearer.loop_stop()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        for record in json.loads(message.payload)["records"]:
            if record.get("type") == "aired":
                self._late[record["data"]["id"]] = float(record["data"].get("start_error_ms", "inf"))


@contextlib.contextmanager
def harming(harm: Harm | None, pid: int) -> Iterator[list[int]]:
    """Harm the agent's cameras again and again until the block ends; yields how many each harm killed."""
    over = threading.Event()
    deaths: list[int] = []

    def work() -> None:
        while harm is not None and not over.wait(0.3):
            deaths.append(harm(pid))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield deaths
    finally:
        over.set()
        thread.join()


def live_in(world: str, cameras: list[dict[str, Any]], harm: Harm | None, seconds: float, folder: Path) -> Delays:
    """Measure one world."""
    folder.mkdir()
    signer = Signer("bench", secrets.token_bytes(32))
    with broker(folder) as port:
        more = {"cameras": cameras, "video": {"disk": {"free_bytes": 0}}, "telemetry": {"every_s": 3600}}
        config = node_config(folder, port, signer, **more)
        with agent(folder, config) as node:
            commander = Commander(port, signer)
            count = max(1, int(seconds / BULLETIN_EVERY_S))
            commander.plan(count)
            with harming(harm, node.pid) as deaths:
                commander.taps(AHEAD_S / 2)  # all that starts has started
                before, began = Used.of(camera_pids(node.pid)), time.monotonic()
                times = commander.taps(seconds)
                used = Used.of(camera_pids(node.pid)).cpu_s - before.cpu_s
                cores = used / (time.monotonic() - began)
                late = commander.starts(count, AHEAD_S + BULLETIN_EVERY_S * (count + 3))
            commander.close()
    return Delays(world, times, late, max(0.0, cores), sum(deaths))


def measure(seconds: float, only: list[str]) -> list[tuple[Delays, Delays]]:
    """Each world after a quiet one of its own, as the machine does other things meanwhile."""
    with workshop() as folder, TestCamera("main", "main-garbage") as camera:
        all_ = worlds(camera)
        return [
            (
                live_in("quiet", *all_["quiet"], seconds, folder / f"before-{name}"),
                live_in(name, *all_[name], seconds, folder / name),
            )
            for name in only
        ]


def show(pairs: list[tuple[Delays, Delays]]) -> None:
    """The table."""
    head = f"{'tap p50':>9} {'p95':>7} {'p99':>7} {'worst':>7} {'bulletin p50':>14} {'worst':>7} {'cores':>6}"
    print(f"{'ms':10} {head}   load {os.getloadavg()[0]:.1f}")
    for quiet, world in pairs:
        more = [percentile(world.taps, part) - percentile(quiet.taps, part) for part in (0.5, 0.99)]
        more += [percentile(world.bulletins, part) - percentile(quiet.bulletins, part) for part in (0.5, 1)]
        verdict = (
            f"   most beyond quiet {max(more):.2f}: {'' if max(more) <= TARGET_MS else 'NOT '}within {TARGET_MS:.0f}"
        )
        for one, said in ((quiet, ""), (world, verdict)):
            taps = " ".join(f"{percentile(one.taps, part):7.2f}" for part in (0.5, 0.95, 0.99, 1))
            starts = f"{percentile(one.bulletins, 0.5):14.2f} {max(one.bulletins):7.2f}"
            print(f"{one.world:10}   {taps} {starts} {one.cores:6.2f}{said}")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what was started, also then
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(WORLDS))
    arguments = parser.parse_args()
    found = measure(arguments.seconds, arguments.only.split(","))
    if arguments.json:
        json.dump([[asdict(one) for one in pair] for pair in found], sys.stdout)
        print()
    else:
        show(found)


if __name__ == "__main__":
    main()

"""What cameras cost: CPU-seconds per camera-minute and memory, ours beside its peers at the same time.

`make bench-camera`, or `python -m bench.camera [--seconds 60] [--json] [--only copy,one,many]`. The cameras are
loopback ones (1080p15 H.264 2 Mbit/s with a key frame every 2 s, sub stream 640x360 300 kbit/s; see bench.rtsp.camera)
and are not counted. CPU is user and system time of a program and all its children, as /proc has it. Of the peers,
motion is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.camera_peers import Used, family, ffmpeg_copy, frigate, motion, running
from bench.rig import workshop
from bench.rtsp.rig import TestCamera
from camera.group import CameraGroup
from camera.model import CameraConfig, CameraStatus, Deleted, GroupConfig, LivePiece, MotionEvent
from camera.settings import Disk, Motion

MANY = 16
SETTLE_S = 10.0
"""Programs start, the eye learns the scene."""


@dataclass(frozen=True)
class Running:
    """Something that keeps cameras: its processes, and how many motion events the poorest camera had so far."""

    pids: Callable[[], list[int]]
    events: Callable[[], int | None] = lambda: None


Starter = Callable[[], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True)
class Row:
    """One way of keeping cameras, measured."""

    part: str
    name: str
    cameras: int
    cpu_s: float
    """CPU-seconds per camera-minute."""
    rss_mb: float
    """Per camera, all processes."""
    pss_mb: float
    events: int | None = None
    """Motion events of the camera that had fewest; somebody crosses the picture every 20 s."""
    target: str = ""
    reached: bool | None = None
    eye_cpu_s: float | None = None
    """What of it is the eye's."""


class Listener:
    """Counts what the cameras told."""

    def __init__(self) -> None:
        self.events: dict[str, int] = {}

    def status(self, camera: str, status: CameraStatus) -> None: ...

    def live(self, piece: LivePiece) -> None: ...

    def deleted(self, deleted: Deleted) -> None: ...

    def motion(self, event: MotionEvent) -> None:
        if event.end is None:
            self.events[event.camera] = self.events.get(event.camera, 0) + 1


def entry(camera: TestCamera, number: int, *, sub: bool, looks: bool) -> CameraConfig:
    """Our configuration of one camera."""
    return CameraConfig(
        id=f"c{number}",
        url=camera.url(f"main/{number}"),
        sub_url=camera.url(f"sub/{number}") if sub else None,
        record=True,
        motion=Motion() if looks else None,
    )


def ours(folder: Path, *cameras: CameraConfig) -> Starter:
    """Our group. Ends with RuntimeError when a camera was not recorded."""

    @contextlib.asynccontextmanager
    async def start() -> AsyncIterator[Running]:
        listener = Listener()
        config = GroupConfig(cameras=cameras, directory=folder, disk=Disk(free_bytes=0))
        looking = any(camera.motion for camera in cameras)
        async with CameraGroup(config, listener) as group:
            yield Running(
                lambda: [group.pid] if group.pid is not None else [],
                lambda: min(listener.events.get(camera.id, 0) for camera in cameras) if looking else None,
            )
            for camera in cameras:
                status = group.status(camera.id)
                if not status.recording or status.main.reconnects:
                    raise RuntimeError(f"{camera.id} was not recorded all the time: {status}")

    return start


def theirs(*commands: list[str]) -> Starter:
    """A peer's programs."""

    @contextlib.asynccontextmanager
    async def start() -> AsyncIterator[Running]:
        context: AbstractContextManager[list[int]] = running(*commands)
        with context as pids:
            yield Running(lambda: pids)

    return start


async def side_by_side(part: str, cameras: int, seconds: float, ways: dict[str, Starter]) -> list[Row]:
    """Run all ways at once, so that whatever else this machine does falls on all alike."""
    async with AsyncExitStack() as stack:
        all_ = {name: await stack.enter_async_context(start()) for name, start in ways.items()}
        await asyncio.sleep(SETTLE_S)
        before = {name: Used.of(one.pids()) for name, one in all_.items()}
        eyes_before = {name: eye_cpu_s(one.pids()) for name, one in all_.items()}
        began = time.monotonic()
        await asyncio.sleep(seconds)
        after = {name: Used.of(one.pids()) for name, one in all_.items()}
        eyes = {name: eye_cpu_s(one.pids()) for name, one in all_.items()}
        minutes = (time.monotonic() - began) / 60 * cameras
        events = {name: one.events() for name, one in all_.items()}
    rows = []
    for name, used in after.items():
        cpu = (used.cpu_s - before[name].cpu_s) / minutes
        memory = round(used.rss_mb / cameras, 1), round(used.pss_mb / cameras, 1)
        eye, eye_before = eyes[name], eyes_before[name]
        looking = round((eye - eye_before) / minutes, 3) if eye is not None and eye_before is not None else None
        rows.append(Row(part, name, cameras, round(cpu, 3), *memory, events[name], eye_cpu_s=looking))
    return rows


def eye_cpu_s(pids: list[int]) -> float | None:
    """CPU-seconds that the eyes under these processes took so far; None when there is none."""
    found = None
    for process in family(pids):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "camera.eye" in process.cmdline():
                times = process.cpu_times()
                found = (found or 0.0) + times.user + times.system
    return found


async def copy_part(folder: Path, camera: TestCamera, seconds: float) -> list[Row]:
    """Recording alone."""
    ways = {
        "ours": ours(folder / "ours", entry(camera, 1, sub=False, looks=False)),
        "ffmpeg -c copy -f segment": theirs(ffmpeg_copy(camera.url(), folder / "ffmpeg")),
    }
    mine, ffmpeg = await side_by_side("record by copy", 1, seconds, ways)
    return [judged(mine, 1.2 * ffmpeg.cpu_s, "1.2 x ffmpeg"), ffmpeg]


async def one_part(folder: Path, camera: TestCamera, seconds: float) -> list[Row]:
    """All that a camera is kept for."""
    main, sub = camera.url("main"), camera.url("sub")
    ways = {
        "ours": ours(folder / "main", entry(camera, 1, sub=False, looks=True)),
        "ours, sub stream": ours(folder / "sub", entry(camera, 1, sub=True, looks=True)),
        "Frigate's ffmpegs, sub stream": theirs(*frigate(main, sub, folder / "frigate")),
    }
    if shutil.which("motion"):
        ways["motion passthrough"] = theirs(motion(main, None, folder / "motion"))
        ways["motion, sub stream"] = theirs(motion(main, sub, folder / "motion-sub"))
    else:
        print("motion is not installed here (apt-get install motion): left out", file=sys.stderr)
    rows = await side_by_side("record + motion + live-ready", 1, seconds, ways)
    return [judged(rows[0], 1.0, "1.0"), judged(rows[1], 0.6, "0.6"), *rows[2:]]


async def many_part(folder: Path, camera: TestCamera, seconds: float) -> list[Row]:
    """A board full of cameras; one after the other, as memory is shared in a group."""
    rows = []
    for name, sub in (("ours", False), ("ours, sub stream", True)):
        cameras = [entry(camera, number, sub=sub, looks=True) for number in range(MANY)]
        (row,) = await side_by_side(
            f"{MANY} at once", MANY, seconds, {name: ours(folder / name.replace(", ", "-"), *cameras)}
        )
        rows.append(judged(row, 0.6 if sub else 1.0, f"{0.6 if sub else 1.0}, 20 MB", 20.0))
    return rows


def judged(row: Row, cpu_s: float, target: str, rss_mb: float | None = None) -> Row:
    """The row with its target."""
    reached = row.cpu_s <= cpu_s and (rss_mb is None or row.rss_mb <= rss_mb) and row.events != 0
    return Row(**{**asdict(row), "target": target, "reached": reached})


PARTS = {"copy": copy_part, "one": one_part, "many": many_part}


async def measure(seconds: float, parts: list[str]) -> list[Row]:
    """All rows of these parts."""
    rows = []
    with workshop() as folder, TestCamera("main", "sub") as camera:
        for part in parts:
            rows += await PARTS[part](folder / part, camera, seconds)
    return rows


def show(rows: list[Row], seconds: float) -> None:
    """The table."""
    print(f"CPU-seconds per camera-minute, MB per camera; over {seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"{'':32} {'CPU s':>8} {'RSS MB':>8} {'PSS MB':>8} {'events':>8} {'eye CPU s':>10}")
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            print(part)
        events = "" if row.events is None else str(row.events)
        verdict = (
            "" if row.reached is None else f"   target {row.target}: {'reached' if row.reached else 'NOT reached'}"
        )
        eye = "" if row.eye_cpu_s is None else f"{row.eye_cpu_s:.2f}"
        print(f"  {row.name:30} {row.cpu_s:8.2f} {row.rss_mb:8.1f} {row.pss_mb:8.1f} {events:>8} {eye:>10}{verdict}")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what was started, also then
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS), help="copy, one, many")
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.seconds, arguments.only.split(",")))
    if arguments.json:
        json.dump([asdict(row) for row in rows], sys.stdout, indent=1)
        print()
    else:
        show(rows, arguments.seconds)


if __name__ == "__main__":
    main()

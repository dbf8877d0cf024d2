"""What a power cut leaves of a recording: ours beside ffmpeg's segments, on an ext4 of a loop device of their own.

`python -m bench.camera_powercut [--seconds 54] [--gop 2] [--json]`, as root. The backing file is copied while both
record: the copy is what had reached the device, as if the power had gone then. It is mounted (the journal is played
back), the recordings are opened as after a start, and counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from camera.recordings.audit import audit, recover
from camera.recordings.catalogue import Catalogue

IMAGE_MB = 96
CAMERA = "gate"
START_LIMIT_S = 60.0


@dataclass(frozen=True)
class Row:
    """One recorder."""

    name: str
    recorded_s: float
    """From the first picture to the cut."""
    kept_s: float
    files: int
    unreadable: int
    index: str


def run(*command: str) -> str:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """Mount an ext4 image; playing back its journal is part of that."""
    folder.mkdir()
    run("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        for _try in range(20):
            if subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.25)


def new_disk(folder: Path, name: str) -> Path:
    image = folder / f"{name}.img"
    with image.open("wb") as file:
        file.truncate(IMAGE_MB * 1024 * 1024)
    run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    return image


def clip_of(folder: Path, gop_s: float, rate: str = "2M", size: str = "1920x1080") -> Path:
    """Make 20 s of video with a key frame every `gop_s`."""
    path = folder / "clip.mp4"
    source = f"testsrc2=size={size}:rate=15"
    keys = str(round(15 * gop_s))
    options = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", rate, "-maxrate", rate, "-bufsize", rate]
    options += ["-g", keys, "-keyint_min", keys, "-sc_threshold", "0", "-bf", "0"]
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-t", "20", *options, "-y", str(path))
    return path


_OURS = f"""
import asyncio, sys
from pathlib import Path
from camera import Camera, CameraConfig
from camera.settings import Disk

async def record(clip, target):
    config = CameraConfig(id="{CAMERA}", url=f"clip://{{clip}}", record=True)
    async with Camera(config, directory=Path(target), disk=Disk(free_bytes=0)):
        await asyncio.sleep(3600)

asyncio.run(record(*sys.argv[1:]))
"""
"""As a node records, but with no floor of free bytes: the disk is small."""


def ours(clip: Path, target: Path) -> list[str]:
    return [sys.executable, "-c", _OURS, str(clip), str(target)]


def ffmpeg(clip: Path, target: Path) -> list[str]:
    fragments = "movflags=+frag_keyframe+empty_moov+default_base_moof"
    source = ["-re", "-stream_loop", "-1", "-i", str(clip), "-map", "0:v", "-c", "copy"]
    segments = ["-f", "segment", "-segment_time", "60", "-segment_format", "mp4", "-segment_format_options", fragments]
    return ["ffmpeg", "-nostdin", "-v", "error", *source, *segments, str(target / "%05d.mp4")]


def pictures(path: Path) -> int | None:
    """Return how many pictures of a file decode; None when none does."""
    count = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v"]
    done = subprocess.run(
        [*count, "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout.strip().rstrip(",")
    return int(text) if text.isdigit() and int(text) else None


def judge(name: str, folder: Path, recorded_s: float, index: str) -> Row:
    counts = [pictures(path) for path in sorted(folder.rglob("*.mp4"))]
    kept = sum(count or 0 for count in counts) / 15
    return Row(name, round(recorded_s, 1), round(kept, 1), len(counts), counts.count(None), index)


def opened_again(folder: Path) -> str:
    """Open the recordings as a recorder does when it starts; return whether index and files say the same."""
    catalogue = Catalogue(folder)
    recover(catalogue, CAMERA)
    audit(catalogue, CAMERA)
    rows = dict(catalogue.read("SELECT path, bytes FROM segment WHERE state = 1"))
    others = catalogue.read("SELECT path FROM segment WHERE state <> 1")
    catalogue.close()
    files = {str(path.relative_to(folder)): path.stat().st_size for path in folder.glob(f"{CAMERA}/*/*.mp4")}
    return "equals the files" if rows == files and not others else "differs"


def measure(seconds: float, gop_s: float, work: Path) -> list[Row]:
    """Record with both at once, each on its disk; cut both after `seconds`."""
    clip = clip_of(work, gop_s)
    images = {name: new_disk(work, name) for name in ("ours", "ffmpeg")}
    with contextlib.ExitStack() as stack:
        disks = {name: stack.enter_context(mounted(image, work / name)) for name, image in images.items()}
        programs: dict[str, subprocess.Popen[bytes]] = {}
        begun: dict[str, float] = {}
        for name, command in (("ours", ours), ("ffmpeg", ffmpeg)):
            programs[name] = subprocess.Popen(
                command(clip, disks[name]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            stack.callback(_end, programs[name])
            begun[name] = time.time()
        begun["ours"] = _first_picture(disks["ours"])  # Python starts for a second
        time.sleep(max(0.0, begun["ours"] + seconds - time.time()))
        cut = time.time()
        for program in programs.values():  # nothing is written while the copies are made
            os.killpg(program.pid, signal.SIGSTOP)
        for name, image in images.items():
            shutil.copyfile(image, work / f"{name}-cut.img")
    rows = []
    for name in ("ours", "ffmpeg"):
        with mounted(work / f"{name}-cut.img", work / f"{name}-after") as folder:
            index = opened_again(folder) if name == "ours" else "-"
            rows.append(judge(name, folder, cut - begun[name], index))
    return rows


def _end(program: subprocess.Popen[bytes]) -> None:
    """End a program and its children, before the disk is unmounted."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def _first_picture(disk: Path) -> float:
    """Return when the recording began: its file is named by its first picture."""
    latest_s = time.monotonic() + START_LIMIT_S
    while not list(disk.glob(f"{CAMERA}/*/*.mp4")):
        if time.monotonic() > latest_s:
            sys.exit("our recorder did not begin")
        time.sleep(0.1)
    index = Catalogue(disk)
    begin = index.read("SELECT min(begin) FROM segment")[0][0]
    index.close()
    return float(begin) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=54)
    parser.add_argument("--gop", type=float, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("mounting needs root")
    work = Path(tempfile.mkdtemp(prefix="powercut-"))
    try:
        rows = measure(args.seconds, args.gop, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print("| recorder | recorded, s | kept, s | lost, s | files | unreadable | index |\n|---|---|---|---|---|---|---|")
    for row in rows:
        lost = row.recorded_s - row.kept_s
        figures = f"{row.recorded_s:.1f} | {row.kept_s:.1f} | {lost:.1f} | {row.files} | {row.unreadable}"
        print(f"| {row.name} | {figures} | {row.index} |")


if __name__ == "__main__":
    main()

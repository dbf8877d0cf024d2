"""What else keeps cameras, each set up by its own manual: ffmpeg, Debian's motion, and ffmpeg as Frigate runs it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error")
_TCP = ("-rtsp_transport", "tcp")


@dataclass(frozen=True)
class Used:
    """What processes took so far (`cpu_s`, user and system), and what memory they hold now."""

    cpu_s: float
    rss_mb: float
    pss_mb: float

    @classmethod
    def of(cls, pids: list[int]) -> Used:
        """These processes with all that they started and that still lives or was waited for."""
        cpu = rss = pss = 0.0
        for process in family(pids):
            with contextlib.suppress(psutil.NoSuchProcess):
                times, memory = process.cpu_times(), process.memory_full_info()
                waited = times.children_user + times.children_system
                cpu, rss, pss = cpu + times.user + times.system + waited, rss + memory.rss, pss + memory.pss
        return cls(cpu, rss / 1e6, pss / 1e6)


def family(pids: list[int]) -> list[psutil.Process]:
    """The processes and their descendants, each once."""
    found = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for one in (process, *process.children(recursive=True)):
                found[one.pid] = one
    return list(found.values())


@contextlib.contextmanager
def running(*commands: list[str]) -> Iterator[list[int]]:
    """Run programs; yields their process ids. Raises RuntimeError when one did not live to the end."""
    with contextlib.ExitStack() as stack:
        children, logs = [], []
        for argv in commands:
            log = stack.enter_context(tempfile.TemporaryFile())
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
            stack.callback(_end, child)
            children.append(child)
            logs.append(log)
        yield [child.pid for child in children]
        for child, log in zip(children, logs, strict=True):
            if child.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"{child.args} ended: {log.read()[-1000:].decode(errors='replace')}")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def ffmpeg_copy(url: str, folder: Path) -> list[str]:
    """Record by copy into files of a minute."""
    folder.mkdir(parents=True, exist_ok=True)
    split = ("-f", "segment", "-segment_time", "60", "-segment_format", "mp4", "-reset_timestamps", "1")
    return ["ffmpeg", *_QUIET, *_TCP, "-i", url, "-an", "-c", "copy", *split, str(folder / "%04d.mp4")]


def frigate(main: str, sub: str, folder: Path) -> tuple[list[str], list[str]]:
    """Its two ffmpeg processes: record the main stream by copy, decode the sub stream at 5 fps for detection.

    The arguments are those of its presets preset-rtsp-generic and preset-record-generic. What Frigate itself does with
    the decoded pictures is not counted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generic = ("-avoid_negative_ts", "make_zero", "-fflags", "+genpts+discardcorrupt", *_TCP)
    clock = ("-use_wallclock_as_timestamps", "1")
    split = ("-f", "segment", "-segment_time", "10", "-segment_format", "mp4", "-reset_timestamps", "1")
    record = ["ffmpeg", *_QUIET, *generic, *clock, "-i", main, *split, "-c", "copy", "-an", str(folder / "%05d.mp4")]
    raw = ("-r", "5", "-vf", "fps=5,scale=640:360", "-threads", "2", "-f", "rawvideo", "-pix_fmt", "yuv420p")
    detect = ["ffmpeg", *_QUIET, *generic, *clock, "-i", sub, *raw, "pipe:"]
    return record, detect


def motion(main: str, sub: str | None, folder: Path) -> list[str]:
    """Debian's motion: records by copy (movie_passthrough) without pause, and looks for motion.

    With a sub stream it looks at that one (`netcam_url`) and records the other (`netcam_high_url`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    width, height = (1920, 1080) if sub is None else (640, 360)
    lines = ["daemon off", "setup_mode off", "log_level 4", f"target_dir {folder}", f"netcam_url {sub or main}"]
    lines += [f"netcam_high_url {main}"] if sub else []
    lines += [f"width {width}", f"height {height}", "framerate 15", "emulate_motion on", "movie_output on"]
    lines += ["movie_passthrough on", "movie_codec mp4", "movie_max_time 60", "picture_output off"]
    lines += ["webcontrol_port 0", "stream_port 0", "text_left", "text_right"]
    path = folder / "motion.conf"
    path.write_text("\n".join(lines) + "\n")
    return ["motion", "-n", "-c", str(path)]

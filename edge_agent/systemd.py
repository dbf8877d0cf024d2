"""Tells systemd that we are ready and alive (sd_notify), and whoever comes after us when we last were."""

import os
import time
from pathlib import Path

from sdnotify import SystemdNotifier


def notify(message: str) -> None:
    """Send `READY=1`, `WATCHDOG=1`, `STATUS=...`; nothing happens where systemd does not listen."""
    SystemdNotifier().notify(message)


def watchdog_interval_s() -> float | None:
    """How often to report, half of what systemd allows; None when there is no watchdog."""
    try:
        limit = int(os.environ["WATCHDOG_USEC"]) / 1e6
        own = int(os.environ.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except (KeyError, ValueError):
        return None
    return limit / 2 if own and limit > 0 else None


def heartbeat() -> Path:
    """The file that says when the agent was last alive; in systemd's runtime folder, gone after a boot."""
    return Path(os.environ.get("RUNTIME_DIRECTORY", "/run/edge-agent")) / "beat"


def beat() -> None:
    """Write that we are alive now; nothing happens where systemd gives no runtime folder."""
    if "RUNTIME_DIRECTORY" not in os.environ:
        return
    # seconds since boot, not of the day: the clock may be set in between. One write of one length: never half
    heartbeat().write_text(f"{_since_boot():020.3f}\n")


def silent_for(path: Path) -> float | None:
    """Seconds since the last beat; None when there was none since boot, or nobody can tell."""
    try:
        return max(0.0, _since_boot() - float(path.read_text()))
    except (OSError, ValueError):
        return None


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

"""Tells systemd that we are ready and alive (sd_notify)."""

import os

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

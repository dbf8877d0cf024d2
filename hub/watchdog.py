"""Reports to systemd (sd_notify) from the loop that serves pages: should it hang, the hub is started again."""

import asyncio
import os

from sdnotify import SystemdNotifier


def ready() -> None:
    """Pages can be opened."""
    SystemdNotifier().notify("READY=1")


async def feed() -> None:
    """Feed the watchdog until cancelled; returns at once when systemd keeps none."""
    try:
        limit_s = int(os.environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return
    notifier = SystemdNotifier()
    while True:
        notifier.notify("WATCHDOG=1")
        await asyncio.sleep(limit_s / 3)

"""Feeds systemd's watchdog, as long as the loops that matter turn."""

import asyncio
import logging

from edge_agent import systemd
from edge_agent.survival.pulse import Pulse

log = logging.getLogger(__name__)
LINES = "lines"
"""The loop that switches; the heartbeat by which `edge-agent safe` judges is this loop's alone."""
_MOST_S = 10.0


async def feed(pulse: Pulse) -> None:
    """Report to systemd for ever, from the event loop itself: should that hang, nothing is reported either."""
    interval = systemd.watchdog_interval_s()
    while True:
        stuck = pulse.stuck()
        if LINES not in stuck:
            _leave_beat()
        if interval is not None and not stuck:
            systemd.notify("WATCHDOG=1")
        await asyncio.sleep(min(interval or _MOST_S, _MOST_S))


def _leave_beat() -> None:
    try:
        systemd.beat()
    except OSError as error:
        log.warning("the heartbeat could not be written: %s", error)

"""One play as the agent follows it while the playing process does it."""

import asyncio
import time
from datetime import datetime

from drivers.audio.child import PlayoutChild
from drivers.audio.speaking import Order
from drivers.contract import Clock, PlayStart


class Playing:
    """One play, as its `Control` sees it: before the process has accepted it, orders are kept."""

    def __init__(self, order: Order, child: PlayoutChild) -> None:
        self.order = order
        self.volume = order.volume
        self.in_step = False
        self.target: float | None = None
        self.stopping = asyncio.Event()
        self.start: PlayStart | None = None
        self.mark: tuple[float, float | None] = (order.skip_s, None)  # a position, and when it was heard
        self.over = False
        self._child = child
        self._accepted = False

    def set_volume(self, volume: float, ramp_s: float) -> None:
        self.volume = volume
        if self._accepted and not self.over:
            self._child.post({"do": "volume", "volume": volume, "ramp_s": ramp_s})

    def stop(self) -> None:
        self.stopping.set()
        if self._accepted and not self.over:
            self._child.post({"do": "stop"})

    def position_s(self) -> float:
        position, heard = self.mark
        return position if heard is None else position + max(0.0, time.monotonic() - heard)

    def accepted(self) -> None:
        """From now on orders reach the process; those that came since the command was written go now."""
        self._accepted = True
        self.set_volume(self.volume, 0.0)
        if self.stopping.is_set():
            self.stop()


def both_clocks(clock: Clock) -> tuple[float, datetime]:
    """CLOCK_MONOTONIC and the time of the clock at one instant, as near as five tries come."""
    best: tuple[float, float, datetime] | None = None
    for _ in range(5):
        before = time.monotonic()
        now = clock.now()
        after = time.monotonic()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) / 2, now)
    assert best is not None  # noqa: S101 - there were five
    return best[1], best[2]

"""Puts the packets of a phone on the grid of a session: it has a clock of its own, and a radio link in between. Pure.

A packet is never here before its last sample was spoken, often later: the earliest of each window tells where the
phone's clock stands. What it gains or loses is made good by leaving out, or skipping, one packet of 20 ms; at a place
where nobody speaks if there is one.
"""

import math
from dataclasses import asdict, dataclass

PACKET_S = 0.02
_WINDOW_S = 2.0
_QUIET_DB = -45.0
_SLIP_S = 0.015
"""Further off than this, one packet is left out or skipped where it is quiet."""
_FAR_S = 0.05
"""Further off than this, wherever it is."""


@dataclass(slots=True)
class Counts:
    """What became of packets of 20 ms."""

    sent: int = 0
    late: int = 0
    """They came when nodes could not have made use of them any more."""
    slipped: int = 0
    """Left out or skipped because the phone's clock is another one."""

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


class Pacer:
    """Gives each packet its number since the epoch. Instants: seconds of any clock that goes on."""

    def __init__(self, epoch: float, allowance_s: float) -> None:
        """`allowance_s`: a packet is of use so long after its last sample was spoken."""
        self._epoch = epoch
        self._allowance_s = allowance_s
        self._shift: int | None = None
        self._earliest = math.inf
        self._window_ends = math.inf
        self._off_s = 0.0
        self._last = -1
        self.counts = Counts()

    def place(self, sequence: int, at: float, level_db: float) -> int | None:
        """The number of the phone's packet `sequence` that came at `at`; None for one that is not to be sent."""
        began = at - (sequence + 1) * PACKET_S
        if self._shift is None:
            if at < self._epoch:
                self._earliest = min(self._earliest, began)
                return None
            self._begin(min(self._earliest, began), at)
        self._follow(began, at)
        assert self._shift is not None  # noqa: S101 - for the type checker
        number = sequence + self._slipped(level_db)
        if number < 0:
            return None
        if number <= self._last:
            self.counts.slipped += 1
            return None
        if at > self._epoch + (number + 1) * PACKET_S + self._allowance_s:
            self.counts.late += 1
            return None
        self._last = number
        self.counts.sent += 1
        return number

    def _begin(self, zero: float, at: float) -> None:
        """`zero`: when the phone's packet 0 began to be spoken, as far as can be told from here."""
        self._shift = round((zero - self._epoch) / PACKET_S)
        self._earliest, self._window_ends = math.inf, at + _WINDOW_S

    def _follow(self, began: float, at: float) -> None:
        self._earliest = min(self._earliest, began)
        if at < self._window_ends:
            return
        assert self._shift is not None  # noqa: S101 - for the type checker
        self._off_s = self._earliest - (self._epoch + self._shift * PACKET_S)
        self._earliest, self._window_ends = math.inf, at + _WINDOW_S

    def _slipped(self, level_db: float) -> int:
        """The shift, after a correction that is due and may be made here."""
        assert self._shift is not None  # noqa: S101 - for the type checker
        if abs(self._off_s) > _FAR_S or (abs(self._off_s) > _SLIP_S and level_db < _QUIET_DB):
            step = round(self._off_s / PACKET_S)
            self._shift += step
            self.counts.slipped += max(step, 0)
            self._off_s = 0.0
        return self._shift

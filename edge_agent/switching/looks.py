"""When each thing is looked at next: one heap for all, by the monotonic clock."""

import heapq
import math
from collections.abc import Callable

_GRID = 200
"""Looks a second apart by less than 1 / _GRID are one: what switches at one instant goes in one order."""


class Looks:
    """The next look of each name; a later word replaces an earlier one."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._due: dict[str, float] = {}
        self._order: dict[str, int] = {}
        self.heard: Callable[[float], None] = lambda _mono: None
        """Hears of each new look."""

    def at(self, name: str, mono: float) -> None:
        """Look then, up to 5 ms later."""
        mono = math.ceil(mono * _GRID - 1e-6) / _GRID
        if self._due.get(name) == mono:
            return
        self._due[name] = mono
        heapq.heappush(self._heap, (mono, self._order.setdefault(name, len(self._order)), name))
        self.heard(mono)
        if len(self._heap) > 4 * len(self._due) + 64:
            self._heap = [(due, self._order[each], each) for each, due in self._due.items()]
            heapq.heapify(self._heap)

    def soon(self, name: str, mono: float) -> bool:
        """Look then or earlier; whether that is news."""
        if self._due.get(name, float("inf")) <= mono:
            return False
        self.at(name, mono)
        return True

    def first(self) -> float | None:
        """The earliest of all."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, mono: float) -> list[str]:
        """Those that are due, the earliest first, and in the order in which they were named first."""
        taken: list[tuple[float, int, str]] = []
        while (first := self.first()) is not None and first <= mono:
            taken.append(heapq.heappop(self._heap))
            del self._due[taken[-1][2]]
        return [name for _, _, name in taken]

"""Which numbers of a node have come, which are missing: the reader's side of `seq`."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field


@dataclass
class Sequence:
    """Numbers 1..through have all come (or are known to be gone); `later` came out of order beyond that.

    Memory is bounded by the size of the disorder: at most `limit` later numbers are remembered, the largest are
    forgotten first and will be asked for again.
    """

    through: int = 0
    later: list[int] = field(default_factory=list)
    limit: int = 100_000

    def add(self, seq: int) -> bool:
        """Note a number; False when it had come before."""
        if seq <= self.through:
            return False
        place = bisect_left(self.later, seq)
        if place < len(self.later) and self.later[place] == seq:
            return False
        if seq == self.through + 1:
            self.through = seq
            self._advance()
            return True
        insort(self.later, seq)
        if len(self.later) > self.limit:
            self.later.pop()
        return True

    def gone(self, first: int, last: int) -> None:
        """Note that first..last will never come (a `gap` event said so)."""
        if first <= self.through + 1 <= last:
            self.through = last
            self.later = self.later[bisect_left(self.later, last + 1) :]
            self._advance()
        elif first > self.through:
            for seq in range(first, min(last, first + self.limit - 1) + 1):
                self.add(seq)

    def missing(self, most: int = 100) -> list[tuple[int, int]]:
        """Closed ranges between what has come, oldest first."""
        ranges: list[tuple[int, int]] = []
        expected = self.through + 1
        for seq in self.later:
            if seq > expected:
                ranges.append((expected, seq - 1))
                if len(ranges) >= most:
                    break
            expected = seq + 1
        return ranges

    def _advance(self) -> None:
        count = 0
        for seq in self.later:
            if seq != self.through + 1:
                break
            self.through = seq
            count += 1
        if count:
            del self.later[:count]

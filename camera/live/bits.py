"""Read parameter sets bit by bit (H.264 and H.265, clause 9 of both: Exp-Golomb codes)."""

from __future__ import annotations


class BadParameters(ValueError):
    """Parameter sets that make no sense."""


class Bits:
    """The bits of one parameter set, without its emulation prevention bytes."""

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        """Return the next `count` bits as a number. Raises BadParameters at the end."""
        if count > self._left:
            raise BadParameters("a parameter set ends too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def unsigned(self) -> int:
        """Return the next ue(v)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise BadParameters("a number in a parameter set is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """Return the next se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)

"""Which of the bytes that come are the answer to the question that was asked. Pure.

Modbus RTU gives a question no number: an answer is known only by its unit, its function and its length. So nothing is
taken that is not exactly the answer: its unit, its function, as many values as were asked for, a right check sum, and
for a write the very address and value.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from drivers.modbus.points import Kind

READS: dict[Kind, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
EXCEPTIONS = {
    1: "it does not know this function",
    2: "it has no such register",
    3: "it does not take this value",
    4: "it has failed inside",
    5: "it needs longer",
    6: "it is busy",
    8: "its memory is damaged",
    10: "the gateway has no way to it",
    11: "the gateway hears nothing of it",
}
_FIXED = {5: 8, 6: 8, 15: 8, 16: 8}  # whole frames of answers to writes, in RTU


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: read `count` registers, or write `values`. `function` is that of the Modbus standard."""

    unit: int
    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()

    @property
    def data_bytes(self) -> int:
        """Bytes of values in the answer to a read; 0 for a write."""
        if self.function in (1, 2):
            return (self.count + 7) // 8
        return 2 * self.count if self.function in (3, 4) else 0

    @property
    def answer_bytes(self) -> int:
        """Bytes of the answer as an RTU frame."""
        return 5 + self.data_bytes if self.function <= 4 else 8


def crc(data: bytes) -> int:
    """CRC-16 of Modbus (polynomial 0xA001, all ones at first), as it stands in a frame: low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return int.from_bytes(value.to_bytes(2, "little"), "big")


class Ear:
    """Hears the line for one question at a time. `rtu`: frames with a check sum; else those of Modbus TCP."""

    def __init__(self, *, rtu: bool) -> None:
        self._rtu = rtu
        self._ask: Ask | None = None
        self._packet = b""
        self._buffer = b""
        self._answered = False
        self.twice = False
        """Whether a second answer came that would have fitted as well."""

    def expect(self, ask: Ask | None) -> None:
        """From now on listen for the answer to this; for none when None. What came before is forgotten."""
        self._ask, self._packet, self._buffer = ask, b"", b""
        self._answered = self.twice = False

    def sent(self, packet: bytes) -> None:
        """Note the frame that is being sent."""
        self._packet = packet

    def heard(self, buffer: bytes) -> bytes:
        """Return the frame of the answer if it is in what has come so far, else nothing."""
        self._buffer = buffer
        if self._ask is None or not self._packet:
            return b""
        find = self._rtu_answer if self._rtu else self._tcp_answer
        frame = find(self._ask, buffer)
        if frame and self._answered:
            self.twice = True
            return b""
        if frame:
            self._answered = True
            rest = buffer[buffer.index(frame) + len(frame) :]
            self.twice = bool(find(self._ask, rest))
        return frame

    def verdict(self) -> tuple[str, str]:
        """Return the fault code and a sentence when no answer came in time."""
        buffer = self._buffer
        echoed = bool(self._packet) and buffer.startswith(self._packet)
        if echoed:
            buffer = buffer[len(self._packet) :]
        if not buffer:
            echo = " (the adapter gives back what is sent)" if echoed else ""
            return "driver.silent", f"no answer{echo}"
        unit = self._ask.unit if self._ask else 0
        for other in self._units(buffer):
            if other != unit:
                return "driver.wrong_device", f"unit {other} answered instead of {unit}"
            return "driver.io", "it answered something else than was asked"
        if not self._rtu:
            return "driver.silent", "no answer to this question"
        return "driver.io", f"{len(buffer)} bytes came that are no whole answer: wiring, end resistors, bits per second"

    def _rtu_answer(self, ask: Ask, buffer: bytes) -> bytes:
        functions = {ask.function: ask.answer_bytes, ask.function | 0x80: 5}
        for start in range(len(buffer) - 4):
            if buffer[start] != ask.unit or (size := functions.get(buffer[start + 1])) is None:
                continue
            frame = buffer[start : start + size]
            if len(frame) == size and _sound(frame) and self._fits(ask, frame[1:-2], self._packet[1:-2]):
                return frame
        return b""

    def _tcp_answer(self, ask: Ask, buffer: bytes) -> bytes:
        for frame in _tcp_frames(buffer):
            mine = frame[:2] == self._packet[:2] and frame[6] == ask.unit
            if mine and self._fits(ask, frame[7:], self._packet[7:]):
                return frame
        return b""

    @staticmethod
    def _fits(ask: Ask, said: bytes, asked: bytes) -> bool:
        if len(said) < 2:
            return False
        if said[0] == ask.function | 0x80:
            return len(said) == 2
        if said[0] != ask.function:
            return False
        if ask.data_bytes:
            return said[1] == ask.data_bytes and len(said) == 2 + ask.data_bytes
        return said == asked[:5]

    def _units(self, buffer: bytes) -> Iterator[int]:
        """Who spoke, by the whole frames in the buffer."""
        if not self._rtu:
            yield from (frame[6] for frame in _tcp_frames(buffer) if frame[:2] == self._packet[:2])
            return
        for start in range(len(buffer) - 4):
            function = buffer[start + 1]
            size = 5 if function & 0x80 else _FIXED.get(function, 5 + buffer[start + 2])
            frame = buffer[start : start + size]
            if len(frame) == size and _sound(frame):
                yield buffer[start]


def _sound(frame: bytes) -> bool:
    return crc(frame[:-2]) == int.from_bytes(frame[-2:], "big")


def _tcp_frames(buffer: bytes) -> Iterator[bytes]:
    """Whole frames, as long as the stream makes sense."""
    while len(buffer) >= 8:
        size = 6 + int.from_bytes(buffer[4:6], "big")
        if buffer[2:4] != b"\0\0" or not 8 <= size <= 260 or len(buffer) < size:
            return
        yield buffer[:size]
        buffer = buffer[size:]

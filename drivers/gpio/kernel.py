"""A line of a GPIO chip looked at without changing it, by the kernel's own interface (linux/gpio.h, version 2).

The `RPi.GPIO` interface cannot: rpi-lgpio turns a line that it has not claimed into an input when asked to read it.
"""

import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

_TYPE = 0xB4
_USED, _OUTPUT = 1, 8
_INFO = struct.Struct("=32s32sIIQ176x")
_REQUEST = struct.Struct("=I252x32sQ264xII20xi")
_VALUES = struct.Struct("=QQ")


def _both_ways(number: int, size: int) -> int:
    """The _IOWR of asm-generic/ioctl.h, which holds on ARM and on x86."""
    return (3 << 30) | (size << 16) | (_TYPE << 8) | number


_GET_INFO = _both_ways(5, _INFO.size)
_GET_LINE = _both_ways(7, _REQUEST.size)
_GET_VALUES = _both_ways(14, _VALUES.size)


@dataclass(frozen=True, slots=True)
class Seen:
    """A line: who holds it, empty when nobody does, and whether it is an output."""

    holder: str
    output: bool


def look(chip: Path, pin: int) -> Seen:
    """What the kernel knows of a line. Raises OSError."""
    with _opened(chip) as opened:
        data = bytearray(_INFO.pack(b"", b"", pin, 0, 0))
        fcntl.ioctl(opened.number, _GET_INFO, data)
    _, consumer, _, _, flags = _INFO.unpack(data)
    name = consumer.split(b"\0")[0].decode(errors="replace")
    return Seen(holder=(name or "?") if flags & _USED else "", output=bool(flags & _OUTPUT))


def level(chip: Path, pin: int) -> int | None:
    """The level of a line that nobody holds, left as it is; None when somebody holds it. Raises OSError."""
    with _opened(chip) as opened:
        # no flags: neither input nor output is asked for, the line stays what it is
        data = bytearray(_REQUEST.pack(pin, b"edge-agent", 0, 1, 0, 0))
        try:
            fcntl.ioctl(opened.number, _GET_LINE, data)
        except OSError as error:
            if error.errno == errno.EBUSY:
                return None
            raise
    line = _REQUEST.unpack(data)[-1]
    try:
        values = bytearray(_VALUES.pack(0, 1))
        fcntl.ioctl(line, _GET_VALUES, values)
    finally:
        os.close(line)
    return int(_VALUES.unpack(values)[0] & 1)


class _opened:  # noqa: N801 - reads as a word
    """A device node, closed in the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.number = -1

    def __enter__(self) -> "_opened":
        self.number = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self.number)

"""What the kernel says about its clock: adjtimex(2), read only, by ctypes (Python has no wrapper)."""

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

_STA_UNSYNC = 0x0040  # linux/timex.h
_STA_NANO = 0x2000


class _Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("rest", ctypes.c_char * 256),
    )


@dataclass(frozen=True, slots=True)
class Discipline:
    """Whether NTP steers the clock; offset and largest error in milliseconds."""

    synchronised: bool
    offset_ms: float
    error_ms: float


_libc = ctypes.CDLL(None, use_errno=True)


def discipline() -> Discipline:
    """Ask the kernel. Raises OSError where the call is forbidden (some sandboxes)."""
    timex = _Timex()
    if _libc.adjtimex(ctypes.byref(timex)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    scale = 1e-6 if timex.status & _STA_NANO else 1e-3
    return Discipline(not timex.status & _STA_UNSYNC, timex.offset * scale, timex.maxerror / 1000)


def set_by_rtc(root: Path = Path("/sys/class/rtc")) -> bool:
    """Whether the kernel set the clock at boot from a battery clock (`hctosys` of one of them is 1)."""
    return any(path.read_text().strip() == "1" for path in root.glob("rtc*/hctosys"))

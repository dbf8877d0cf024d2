"""Arithmetic on signed little-endian PCM bytes, without numpy: volume, ramps, width, channels and rate.

A second of 48 kHz stereo takes some 10 ms on a PC and 40 ms on a Pi 4; callers do it in a thread, block by block.
"""

import sys
from array import array

_LIMIT = {2: (1 << 15) - 1, 4: (1 << 31) - 1}


def scale(data: bytes, width: int, volume: float) -> bytes:
    """Multiply every sample with `volume` (0..1). 1.0 returns the very same bytes."""
    if volume == 1.0:
        return data
    samples = unpack(data, width)
    return pack(array(samples.typecode, [round(sample * volume) for sample in samples]), width)


def ramp(data: bytes, width: int, channels: int, begin: float, end: float) -> bytes:
    """Multiply with a gain that goes linearly from `begin` to `end` over the whole of `data`."""
    if begin == end:
        return scale(data, width, begin)
    samples = unpack(data, width)
    step = (end - begin) / max(1, len(samples) // channels)
    gained = (round(sample * (begin + (index // channels) * step)) for index, sample in enumerate(samples))
    return pack(array(samples.typecode, gained), width)


def stretch(samples: "array[int]", after: int, count: int) -> "array[int]":
    """Return `count` samples in the time of these, on straight lines between them; `after` is the one that follows.

    Good enough to follow what was played on a desk; cards get `resample`.
    """
    known = [*samples, after]
    pace = len(samples) / count
    made = array(samples.typecode)
    for index in range(count):
        place = index * pace
        whole = int(place)
        made.append(round(known[whole] + (known[whole + 1] - known[whole]) * (place - whole)))
    return made


def convert(data: bytes, width: int, channels: int, to_width: int, to_channels: int) -> bytes:
    """Change bytes per sample (2, 3, 4) and channels (1, 2). Stereo becomes mono by the mean of both."""
    if (width, channels) == (to_width, to_channels):
        return data
    samples = unpack(data, width)
    if (channels, to_channels) == (1, 2):
        both = array(samples.typecode, samples)
        both.extend(samples)
        both[0::2], both[1::2] = samples, samples
        samples = both
    elif (channels, to_channels) == (2, 1):
        mean = (int(left + right) // 2 for left, right in zip(samples[0::2], samples[1::2], strict=True))
        samples = array(samples.typecode, mean)
    return pack(_retype(samples, to_width), to_width)


def unpack(data: bytes, width: int) -> "array[int]":
    """Return samples: of 16 bits as they are, of 24 and 32 bits in the range of 32."""
    if width == 3:
        wide = bytearray(len(data) // 3 * 4)
        wide[1::4], wide[2::4], wide[3::4] = data[0::3], data[1::3], data[2::3]
        data = bytes(wide)
    samples = array("h" if width == 2 else "i", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def pack(samples: "array[int]", width: int) -> bytes:
    """Turn what `unpack` returned into bytes again."""
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    data = samples.tobytes()
    if width != 3:
        return data
    narrow = bytearray(len(data) // 4 * 3)
    narrow[0::3], narrow[1::3], narrow[2::3] = data[1::4], data[2::4], data[3::4]
    return bytes(narrow)


def _retype(samples: "array[int]", width: int) -> "array[int]":
    wanted = "h" if width == 2 else "i"
    if samples.typecode == wanted:
        return samples
    if wanted == "h":
        return array("h", [min(_LIMIT[2], (sample + (1 << 15)) >> 16) for sample in samples])
    return array("i", [sample << 16 for sample in samples])

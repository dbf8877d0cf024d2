"""A clock that is moved by hand, WAV files, ALSA configurations, and a module that speaks the RPi.GPIO interface."""

import asyncio
import random
import struct
import wave
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path


class JumpClock:
    """`sleep` takes no real time: it moves the clock on."""

    trusted = True

    def __init__(self, start=datetime(2025, 1, 29, 5, 0, tzinfo=UTC)):
        self.start, self.passed = start, 0.0

    def now(self):
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self):
        return self.passed

    async def sleep(self, seconds):
        await asyncio.sleep(0)
        self.passed += max(0.0, seconds)


def samples(frames, channels=1, seed=7):
    """Noise without a zero in it, so that it can be told from silence around it."""
    source = random.Random(seed)
    return array("h", [source.choice((-1, 1)) * source.randint(1, 20_000) for _ in range(frames * channels)])


def write_wav(path, seconds=0.5, rate=22_050, channels=1, width=2, data=None):
    if data is None:
        noise = samples(int(seconds * rate), channels)
        data = noise.tobytes() if width == 2 else b"".join(struct.pack("<i", s << 16)[4 - width :] for s in noise)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)
    return data


def asound(path, body):
    """An ALSA configuration: the system's own plus `body`."""
    path.write_text(f"</usr/share/alsa/alsa.conf>\n{body}\n")
    return path


def into_file(name, file):
    return f'pcm.{name} {{ type file slave.pcm "null" file "{file}" format "raw" }}'


async def until(condition, limit=10.0):
    """Poll until true; fails after `limit` s."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


class FakeGpio:
    """Keeps what each pin was told, in order; can be made to short a pin or to fail."""

    BCM, BOARD, OUT, IN = 11, 10, 0, 1

    def __init__(self):
        self.calls, self.levels, self.shorted, self.error = [], {}, {}, None

    def setwarnings(self, value):
        self.calls.append(("setwarnings", value))

    def setmode(self, mode):
        if self.error:
            raise self.error
        self.calls.append(("setmode", mode))

    def setup(self, channel, direction, *, initial):
        if self.error:
            raise self.error
        self.calls.append(("setup", channel, direction, initial))
        self.levels[channel] = initial

    def output(self, channel, value):
        if channel not in self.levels:
            raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
        self.calls.append(("output", channel, value))
        self.levels[channel] = value

    def input(self, channel):
        if self.error:
            raise self.error
        return self.shorted.get(channel, self.levels[channel])


def listed(directory: Path):
    return sorted(file.name for file in directory.iterdir())

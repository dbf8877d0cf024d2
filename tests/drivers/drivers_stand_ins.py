"""A clock that is moved by hand, WAV files, ALSA configurations."""

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


def listed(directory: Path):
    return sorted(file.name for file in directory.iterdir())

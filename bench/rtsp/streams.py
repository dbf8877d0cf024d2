"""What stands behind an address of the loopback camera: a clip or a live clock, and its quirks."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

from bench.rtsp.clips import CLIPS, Clip, encoder, load
from bench.rtsp.packets import Unit, format_line, is_set, nal_units, packed

QUIRKS = {"jump", "change", "audio", "bare", "naked", "late", "udponly", "garbage", "mute"}
ALIASES = {
    **{name: f"sub-{name}" for name in QUIRKS - {"udponly"}},
    "udp-only": "sub-udponly",
}
CLOCKS = {
    "clock": Clip(1280, 720, 15, 0, 2, 1200),
    "clocksub": Clip(640, 360, 15, 0, 2, 250),
}
BUFFER_S = 0.6
"""Of a clock's encoder, as GStreamer's and cameras made for live view have it."""
BLOCKS = 48
"""Bits of the wall clock in milliseconds in the top row of a clock's picture, the lowest on the left."""


class Stream(Protocol):
    """A source of pictures."""

    codec: str
    fmtp: str
    quirks: frozenset[str]

    def units(self) -> AsyncIterator[Unit]:
        """The pictures for one more viewer, each when it is due; a key frame first."""


def open_stream(path: str, loop: asyncio.AbstractEventLoop) -> Stream:
    """The stream of a path such as `main`, `sub-jump`, `tiny-audio-late`. Raises KeyError, FileNotFoundError."""
    name, *quirks = ALIASES.get(path, path).split("-")
    if not QUIRKS.issuperset(quirks):
        raise KeyError(path)
    if name in CLOCKS:
        return ClockStream(CLOCKS[name], frozenset(quirks), loop)
    return ClipStream(name, frozenset(quirks))


class ClipStream:
    """A clip played for ever; all see it at the same place, but for the group of pictures that one begins with."""

    def __init__(self, name: str, quirks: frozenset[str]) -> None:
        clip = CLIPS[name]
        self.codec, self.quirks, self._fps = clip.codec, quirks, clip.fps
        raw = load(name)
        self.fmtp = format_line(raw, self.codec, with_sets=quirks.isdisjoint({"bare", "naked"}))
        self._units = [self._packed(unit) for unit in raw]
        if "change" in quirks:
            self._units = self._units[: 4 * clip.fps] + [self._packed(unit) for unit in load("tiny")[: 4 * clip.fps]]
        self._since = time.monotonic()

    def _packed(self, raw: bytes) -> Unit:
        nals = nal_units(raw)
        if "garbage" in self.quirks:
            noise = random.Random(len(raw))
            nals = [nal[:1] + noise.randbytes(len(nal) - 1) for nal in nals if len(nal) > 1]
        if "naked" in self.quirks:
            nals = [nal for nal in nals if not is_set(nal, self.codec)]
        return packed(nals, self.codec)

    async def units(self) -> AsyncIterator[Unit]:
        """Paced. After a freeze it goes on with the next key frame, as an encoder does."""
        place = int((time.monotonic() - self._since) * self._fps)
        while not self._at(place).key and "late" not in self.quirks:
            place -= 1
        due = time.monotonic()
        while "mute" not in self.quirks:
            yield self._at(place)
            place, due = place + 1, due + 1 / self._fps
            wait = due - time.monotonic()
            if wait < -1:
                due = time.monotonic()
                while not self._at(place).key:
                    place += 1
            await asyncio.sleep(max(0, wait))
        await asyncio.Event().wait()

    def _at(self, place: int) -> Unit:
        return self._units[place % len(self._units)]


class ClockStream:
    """A picture that carries the wall clock, drawn and encoded while somebody looks. Needs PyAV and numpy."""

    def __init__(self, clip: Clip, quirks: frozenset[str], loop: asyncio.AbstractEventLoop) -> None:
        self.codec, self.quirks = "h264", quirks
        self._clip, self._loop = clip, loop
        self._viewers: set[asyncio.Queue[Unit]] = set()
        self._wants_key = False
        self._thread: threading.Thread | None = None
        self._draw = _drawing(clip)
        self.fmtp = format_line([self._encode(self._encoder(), 0, True)], self.codec, "bare" not in quirks)

    def _encoder(self) -> Any:
        context = encoder(self._clip, BUFFER_S, preset="ultrafast", tune="zerolatency", **{"forced-idr": "1"})
        context.thread_count = 1
        return context

    def _encode(self, context: Any, number: int, key: bool) -> bytes:
        import av

        picture = av.VideoFrame.from_ndarray(self._draw(int(time.time() * 1000)), format="yuv420p")
        picture.pts, picture.time_base = number, context.time_base
        if key:
            picture.pict_type = av.video.frame.PictureType.I
        return b"".join(bytes(packet) for packet in context.encode(picture))

    async def units(self) -> AsyncIterator[Unit]:
        """As they are drawn, from a key frame on that is made for this viewer."""
        queue: asyncio.Queue[Unit] = asyncio.Queue(64)
        self._viewers.add(queue)
        self._wants_key = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        try:
            while not (unit := await queue.get()).key:
                continue
            while True:
                yield unit
                unit = await queue.get()
        finally:
            self._viewers.discard(queue)

    def _run(self) -> None:
        context, number, due = self._encoder(), 0, time.monotonic()
        while self._viewers:
            key, self._wants_key = self._wants_key, False
            unit = packed(nal_units(self._encode(context, number, key)), self.codec)
            self._loop.call_soon_threadsafe(self._hand_out, unit)
            number, due = number + 1, due + 1 / self._clip.fps
            if due < time.monotonic() - 1:
                due = time.monotonic()
            time.sleep(max(0, due - time.monotonic()))
        self._thread = None

    def _hand_out(self, unit: Unit) -> None:
        for queue in self._viewers:
            if not queue.full():
                queue.put_nowait(unit)


def _drawing(clip: Clip) -> Any:
    """A function from milliseconds to a picture: the clock above, a bar that wanders below."""
    import numpy as np

    width, height = clip.width, clip.height
    base = (np.add.outer(np.arange(height) // 4, np.arange(width) // 8) % 200 + 20).astype(np.uint8)
    colour = np.full((height // 2, width), 128, np.uint8)
    block, tall = width // BLOCKS, height * 32 // 720

    def draw(ms: int) -> Any:
        luma = base.copy()
        at = ms // 7 % (width - width // 12)
        luma[height // 2 : height * 7 // 10, at : at + width // 12] = 235
        for bit in range(BLOCKS):
            luma[:tall, bit * block : bit * block + block] = 235 if ms >> bit & 1 else 16
        return np.concatenate([luma, colour])

    return draw

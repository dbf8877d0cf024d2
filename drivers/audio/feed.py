"""Reads pieces ahead into memory, in a thread of its own: a slow SD card must not be heard."""

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from drivers.audio.pieces import Item
from drivers.audio.priority import READER, hurry
from drivers.audio.source import Live, Silence, Source, Wav, wav_length
from drivers.audio.wav import read_info
from drivers.contract import DriverFault

_AHEAD_S = 2.5
_CHUNK_S = 0.05
_WAIT_S = 0.1
_REST_S = 0.0002  # a real-time thread that never rests is ended (see `priority`)


class Feed:
    """The pieces' samples by their number from the beginning of the first piece, at the card's rate.

    The player's thread calls `take`, `seek` and reads `span`, `end`, `fault`; all else happens in the feed's thread.
    """

    def __init__(self, items: Sequence[Item], rate: int, skip: int) -> None:
        import numpy as np

        self._items = tuple(items)
        self._rate = rate
        self._room = round(_AHEAD_S * rate)
        self._ring = np.zeros(self._room, dtype=np.float32)
        self._chunk = round(_CHUNK_S * rate)
        self.span = (skip, skip)  # samples that are in memory: from, up to; replaced as one, so no lock is needed
        self.end: int | None = None
        self.fault: DriverFault | None = None
        self.live = False  # whether samples that are missing may come late
        self._played = skip
        self._wanted: int | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="playout-reader", daemon=True)
        self._thread.start()

    def take(self, start: int, out: Any) -> int:
        """Fill `out` with the samples from `start` on, zeros where there are none; return how many there were."""
        self._played = start
        low, high = self.span
        first, last = max(start, low), min(start + len(out), high)
        if last <= first:
            out[:] = 0
            return 0
        out[: first - start] = 0
        out[last - start :] = 0
        place, count = first % self._room, last - first
        head = min(count, self._room - place)
        out[first - start : first - start + head] = self._ring[place : place + head]
        out[first - start + head : last - start] = self._ring[: count - head]
        return count

    def seek(self, start: int) -> None:
        """Have the samples from `start` on read, without those before it, if that is worth it. Not in live pieces."""
        low, high = self.span
        if low <= start <= high + self._rate:
            return  # it is coming
        self._wanted = start
        self._wake.set()

    def buffered(self, start: int) -> int:
        """How many samples from `start` on are there."""
        low, high = self.span
        return high - start if low <= start else 0

    def close(self) -> None:
        """End the thread; it closes the files."""
        self._stop.set()
        self._wake.set()

    def _guard(self) -> None:
        hurry(READER)
        try:
            self._read_all(self.span[0])
        except DriverFault as fault:
            self.fault = fault
        except Exception as error:  # noqa: BLE001 - edge of the thread: the player has to hear of it
            self.fault = DriverFault("speaker.playout_failed", f"reading failed: {error!r}", retry=True)

    def _read_all(self, start: int) -> None:
        while not self._stop.is_set():
            self._wanted = None
            again = self._read_from(start)
            if again is None:
                return
            start = again

    def _read_from(self, start: int) -> int | None:
        """Read until the end; return another start when one was wanted."""
        self.span = (start, start)
        self.end = None
        begin = 0
        for item in self._items:
            if item.kind != "live" and (length := _length(item, self._rate)) <= start - begin:
                begin += length
                continue
            source = _open(item, self._rate, max(0, start - begin))
            with contextlib.closing(source):
                self.live = item.kind == "live"
                if (again := self._read_piece(source, begin)) is not None or self._stop.is_set():
                    return again
            begin = self._end_live() if source.length is None else begin + source.length
        self.live = False
        self.end = max(begin, start)
        return self._linger()

    def _read_piece(self, source: Source, begin: int) -> int | None:
        while not self._stop.is_set():
            wanted = self._wanted
            if wanted is not None and not isinstance(source, Live):
                return wanted
            self._wanted = None
            if self.span[1] - self._played > self._room - 2 * self._chunk - 4096:
                self._pause()
                continue
            block = source.read(self._chunk, self._played - begin)
            if block is None:
                return None
            self._append(block)
            time.sleep(_REST_S)
        return None

    def _end_live(self) -> int:
        """Return where what follows begins: behind the last sample, or now, if that is later."""
        begin = max(self.span[1], self._played)
        if begin > self.span[1]:
            self.span = (begin, begin)
        return begin

    def _append(self, block: Any) -> None:
        low, high = self.span
        place = high % self._room
        head = min(len(block), self._room - place)
        self._ring[place : place + head] = block[:head]
        self._ring[: len(block) - head] = block[head:]
        high += len(block)
        self.span = (max(low, high - self._room), high)

    def _linger(self) -> int | None:
        """All is read: stay for a seek back (the clock was set) until closed."""
        while not self._stop.is_set() and self._wanted is None:
            self._pause()
        return self._wanted

    def _pause(self) -> None:
        self._wake.wait(_WAIT_S)
        self._wake.clear()


def _length(item: Item, rate: int) -> int:
    if item.kind == "silence":
        return round((item.seconds or 0.0) * rate)
    return wav_length(read_info(item.file), rate)


def _open(item: Item, rate: int, skip: int) -> Source:
    if item.kind == "silence":
        return Silence(_length(item, rate), skip)
    if item.kind == "live":
        return Live(item.file, rate, item.seconds, skip, at_most=item.at_most)
    return Wav(item.file, rate, skip)

"""The worker of who speaks: `python -m edge_agent.live.mouth`. Captures, levels, encodes; the parent signs and sends.

Control records: first {"microphone": name or null} or {"file": path} with "bitrate" and "level"; then {"start"}, the
instant of the first sample on CLOCK_MONOTONIC. Events: hello, open (device), packet (n, p: base64, db), done, failed.
"""

import contextlib
import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.contract.voice import LONGEST_S, PACKET, RATE
from edge_agent.live.grid import Grid
from edge_agent.live.library import OpusError
from edge_agent.live.opus import Encoder
from edge_agent.streams.inlet import Inlet, Outlet
from edge_agent.streams.level import Leveller, dbfs
from tts.errors import AudioError

Floats = NDArray[np.float32]
_BLOCK = 480
_OPEN_MOST_S = 3600.0


class NoSound(Exception):
    """The source cannot be used."""


class Wave:
    """A sound file, read as if somebody spoke it now."""

    def __init__(self, path: Path) -> None:
        from tts.decode import Decoder

        try:
            self._file = path.open("rb")
            self._blocks = Decoder(self._file, LONGEST_S).blocks()
            self._held = next(self._blocks)
        except OSError as error:
            raise NoSound(f"{path}: {error.strerror}") from error
        except AudioError as error:
            raise NoSound(f"{path}: {error.detail}") from error
        self.name = str(path)
        self._place = 0

    def take(self, start: float, count: int) -> Floats | None:
        """The next samples, not before the last of them is spoken; fewer at the end."""
        if time.monotonic() < start + (self._place + count) / RATE:
            return None
        while len(self._held) < count and (more := self._more()) is not None:
            self._held = np.concatenate((self._held, more))
        out, self._held = self._held[:count], self._held[count:]
        self._place += len(out)
        return out

    def _more(self) -> Floats | None:
        try:
            return next(self._blocks, None)
        except AudioError as error:
            raise NoSound(f"{self.name}: {error.detail}") from error

    def listen(self) -> None:
        """Let 5 ms pass."""
        time.sleep(0.005)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Microphone:
    """A sound input by PortAudio."""

    def __init__(self, device: str | None) -> None:
        import pyaudio

        self._audio = pyaudio.PyAudio()
        index, self.name = self._find(device)
        try:
            self._stream = self._audio.open(
                rate=RATE,
                channels=1,
                format=pyaudio.paInt16,
                input=True,
                input_device_index=index,
                frames_per_buffer=_BLOCK,
            )
        except OSError as error:
            raise NoSound(f"{self.name}: {error}") from error
        self._grid = Grid()

    def _find(self, device: str | None) -> tuple[int, str]:
        try:
            if device is None:
                info = self._audio.get_default_input_device_info()
                return int(info["index"]), str(info["name"])
        except OSError as error:
            raise NoSound("there is no microphone") from error
        names = []
        for index in range(self._audio.get_device_count()):
            info = self._audio.get_device_info_by_index(index)
            if info["maxInputChannels"]:
                names.append(str(info["name"]))
                if device.casefold() in str(info["name"]).casefold():
                    return index, str(info["name"])
        raise NoSound(f"no microphone is called {device!r}; there are: {', '.join(names) or '-'}")

    def listen(self) -> None:
        """Take in 10 ms."""
        try:
            data = self._stream.read(_BLOCK, exception_on_overflow=False)
        except OSError as error:
            raise NoSound(f"{self.name}: {error}") from error
        samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
        self._grid.put(samples, time.monotonic() - self._stream.get_input_latency())

    def take(self, start: float, count: int) -> Floats | None:
        """The next samples, when they have been spoken."""
        return self._grid.take(start, count)

    def close(self) -> None:
        """Let go of the device."""
        with contextlib.suppress(OSError):
            self._stream.close()
        self._audio.terminate()


def packets(
    source: Wave | Microphone, start: float, inlet: Inlet, bitrate: int, *, level: bool
) -> Iterator[tuple[bytes, float]]:
    """Packets of the stream from `start` on, each with its level before anything was done to it, until it ends."""
    encoder, leveller = Encoder(bitrate), Leveller() if level else None
    # what the encoder delays is left out in front: a decoded sample has the number of the one that was spoken
    skip = encoder.lookahead
    held = np.zeros(0, np.float32)
    heard: list[float] = []
    while not inlet.over:
        inlet.wait(0)
        source.listen()
        while (block := source.take(start, _BLOCK)) is not None:
            heard.append(dbfs(block))
            ended = len(block) < _BLOCK
            if ended:
                block = np.concatenate((block, np.zeros(3 * PACKET - len(block), np.float32)))
            held = np.concatenate((held, leveller.process(block) if leveller else block))
            if skip:
                skip, held = max(0, skip - len(held)), held[skip:]
            while len(held) >= PACKET:
                yield encoder.encode(held[:PACKET]), max(heard[-2:], default=-120.0)
                held, heard = held[PACKET:], heard[-2:]
            if ended:
                return


def main() -> None:
    """Serve until the source or standard input ends."""
    outlet, inlet = Outlet(), Inlet()
    outlet.say("hello")
    told: dict[str, Any] = {}
    try:
        told = _told(inlet, "bitrate")
        source = Wave(Path(told["file"])) if told.get("file") else Microphone(told.get("microphone"))
        outlet.say("open", device=source.name)
        while "start" not in told and not inlet.over:
            source.listen()
            told |= _records(inlet)
        if inlet.over:
            return
        stream = packets(source, told["start"], inlet, told["bitrate"], level=told["level"])
        for number, (packet, level) in enumerate(stream):
            outlet.say("packet", n=number, p=b64encode(packet).decode(), db=round(level, 1))
        source.close()
    except NoSound as error:
        outlet.say("failed", code="live.microphone" if not told.get("file") else "audio.format", detail=str(error))
        sys.exit(3)
    except OpusError as error:
        outlet.say("failed", code="live.no_opus", detail=str(error))
        sys.exit(3)
    outlet.say("done")


def _told(inlet: Inlet, needed: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    end = time.monotonic() + _OPEN_MOST_S
    while needed not in told and not inlet.over and time.monotonic() < end:
        told |= _records(inlet, 0.5)
    if needed not in told:
        sys.exit(0)
    return told


def _records(inlet: Inlet, seconds: float = 0.0) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for _, body in inlet.wait(seconds):
        told |= json.loads(body)
    return told


if __name__ == "__main__":
    main()

"""The recording process: `python -m drivers.audio.microphone_process`. JSON lines in on stdin, out on stdout.

In: `{"do": "record", "path", "seconds", "device", "rate"}`, `{"do": "stop"}`, `{"do": "probe", "device"}`. Out, as
`event`: a recording gives started (`began`: CLOCK_MONOTONIC of the first sample) and then ended (`seconds`, `rate`,
`input`) or failed (`code`, `detail`, `retry`); a probe gives probed (`input`) or failed. It ends when stdin closes or
after `--idle` seconds without work.
"""

import argparse
import contextlib
import json
import os
import select
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drivers.audio import wav
from drivers.contract import DriverFault

_CHUNK_S = 0.05


class Commands:
    """Lines of stdin."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._pending = b""
        self.ended = False

    def next(self, wait_s: float) -> dict[str, Any] | None:
        """Return the next command, or None when none came in time or stdin is closed."""
        while b"\n" not in self._pending and not self.ended:
            if not select.select([self._source], [], [], wait_s)[0]:
                return None
            data = os.read(self._source, 65536)
            self.ended = not data
            self._pending += data
        line, newline, self._pending = self._pending.partition(b"\n")
        found: dict[str, Any] | None = json.loads(line) if newline else None
        return found


class Recorder:
    """Obeys one command after the other."""

    def __init__(self, commands: Commands, answers: int) -> None:
        self._commands = commands
        self._answers = answers

    def serve(self, idle_s: float) -> None:
        """Work until stdin closes or nothing came for the idle time."""
        while (command := self._commands.next(idle_s)) is not None:
            try:
                if command["do"] == "record":
                    self._record(Path(command["path"]), command["seconds"], command["device"], command["rate"])
                elif command["do"] == "probe":
                    with _portaudio() as audio:
                        self.emit("probed", input=str(_find(audio, command["device"])["name"]))
            except DriverFault as fault:
                self.emit("failed", code=fault.code, detail=fault.detail, retry=fault.retry)

    def emit(self, event: str, **fields: Any) -> None:
        """Write one answer."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._answers, json.dumps({"event": event, **fields}).encode() + b"\n")

    def _record(self, path: Path, seconds: float, device: str | None, rate: int) -> None:
        with _portaudio() as audio:
            found = _find(audio, device)
            stream, rate, channels = _open(audio, found, rate)
            part = path.with_name(f".{path.name}.part")
            try:
                frames = self._copy(stream, part, round(seconds * rate), rate, channels)
                part.replace(path)
            except OSError as error:
                raise DriverFault("microphone.storage", f"cannot write the sound: {error}", retry=True) from error
            finally:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
                    stream.close()
        self.emit("ended", seconds=frames / rate, rate=rate, input=str(found["name"]))

    def _copy(self, stream: Any, part: Path, wanted: int, rate: int, channels: int) -> int:
        """Write up to so many frames as mono; returns how many. Ends at any command, or when stdin closes."""
        chunk, frames = max(1, round(_CHUNK_S * rate)), 0
        with part.open("wb") as file:
            file.write(wav.header(rate, 1, 2, 0))
            while frames < wanted and not self._stopped():
                data = _read(stream, min(chunk, wanted - frames))
                if not frames:
                    waiting = len(data) // (2 * channels) / rate
                    began = time.monotonic() - waiting - stream.get_read_available() / rate
                    self.emit("started", began=began)
                file.write(_mono(data, channels))
                frames += len(data) // (2 * channels)
            file.seek(0)
            file.write(wav.header(rate, 1, 2, 2 * frames))
        return frames

    def _stopped(self) -> bool:
        return self._commands.next(0) is not None or self._commands.ended


def _read(stream: Any, frames: int) -> bytes:
    try:
        return bytes(stream.read(frames, exception_on_overflow=False))
    except OSError as error:
        raise DriverFault("microphone.device_lost", f"the input went away: {error}", retry=True) from error


def _mono(data: bytes, channels: int) -> bytes:
    if channels == 1:
        return data
    samples = array("h", data)
    return array("h", [(left + right) // 2 for left, right in zip(samples[::2], samples[1::2], strict=True)]).tobytes()


@contextlib.contextmanager
def _portaudio() -> Iterator[Any]:
    """Start PortAudio: it looks for devices now, so that one plugged in since is found."""
    try:
        import pyaudio
    except ImportError as error:
        raise DriverFault("driver.missing_library", f"PyAudio cannot be imported: {error}") from error
    try:
        audio = pyaudio.PyAudio()
    except OSError as error:
        raise DriverFault("microphone.no_device", f"PortAudio does not start: {error}", retry=True) from error
    try:
        yield audio
    finally:
        audio.terminate()


def _find(audio: Any, wanted: str | None) -> dict[str, Any]:
    """Return PortAudio's description of the default input, or of the first whose name contains `wanted`."""
    known = [audio.get_device_info_by_index(index) for index in range(audio.get_device_count())]
    inputs = [info for info in known if info["maxInputChannels"] > 0]
    listed = "inputs are: " + (", ".join(str(info["name"]) for info in inputs) or "none")
    if wanted is None:
        try:
            return dict(audio.get_default_input_device_info())
        except OSError as error:
            raise DriverFault("microphone.no_device", f"there is no default input; {listed}", retry=True) from error
    for info in inputs:
        if wanted.casefold() in str(info["name"]).casefold():
            return dict(info)
    raise DriverFault("microphone.no_device", f"there is no input named like {wanted!r}; {listed}", retry=True)


def _open(audio: Any, device: dict[str, Any], rate: int) -> tuple[Any, int, int]:
    """Return an open stream with its rate and channels."""
    import pyaudio

    refused = []
    for tried in dict.fromkeys((rate, int(device["defaultSampleRate"]), 48_000, 44_100)):
        for channels in (1, 2):
            try:
                stream = audio.open(
                    rate=tried,
                    channels=channels,
                    format=pyaudio.paInt16,
                    input=True,
                    input_device_index=device["index"],
                    frames_per_buffer=max(64, round(tried * _CHUNK_S)),
                )
            except (OSError, ValueError) as error:
                refused.append(f"{tried} Hz {channels} ch: {error}")
            else:
                return stream, tried, channels
    raise DriverFault("microphone.no_device", f"{device['name']} does not open; {'; '.join(refused)}", retry=True)


def main() -> None:
    """Serve on stdin and stdout."""
    parser = argparse.ArgumentParser(prog="python -m drivers.audio.microphone_process")
    parser.add_argument("--idle", type=float, default=60.0)
    idle_s = parser.parse_args().idle
    answers = os.dup(1)
    os.dup2(2, 1)  # C libraries print to stdout as they like
    Recorder(Commands(0), answers).serve(idle_s)
    sys.stderr.flush()
    os._exit(0)  # a stuck device may hold PortAudio's own shutdown for ever


if __name__ == "__main__":
    main()

"""Sound outputs by PortAudio. Runs in the playing process only: PortAudio may abort the process it is in."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from drivers.audio.source import Form
from drivers.audio.wav import WavInfo
from drivers.contract import DriverFault

_UNCLOCKED_AHEAD_S = 0.1


def portaudio() -> Any:
    """Start PortAudio: it looks for devices now, so that one plugged in since is found."""
    try:
        import pyaudio
    except ImportError as error:
        raise DriverFault("driver.missing_library", f"PyAudio cannot be imported: {error}") from error
    try:
        return pyaudio.PyAudio()
    except OSError as error:
        raise DriverFault("speaker.no_device", f"PortAudio does not start: {error}", retry=True) from error


def find(audio: Any, wanted: str | None) -> dict[str, Any]:
    """Return PortAudio's description of the default output, or of the first whose name contains `wanted`."""
    known = [audio.get_device_info_by_index(index) for index in range(audio.get_device_count())]
    outputs = [info for info in known if info["maxOutputChannels"] > 0]
    if wanted is None:
        try:
            default: dict[str, Any] = audio.get_default_output_device_info()
        except OSError as error:
            raise DriverFault(
                "speaker.no_device", f"there is no default output; {_listed(outputs)}", retry=True
            ) from error
        return default
    for info in outputs:
        if wanted.casefold() in str(info["name"]).casefold():
            return dict(info)
    raise DriverFault("speaker.no_device", f"there is no output named like {wanted!r}; {_listed(outputs)}", retry=True)


def forms(info: WavInfo) -> Iterator[Form]:
    """What to try in turn: the file as it is, then what cheap hardware takes."""
    yield Form(info.rate, info.channels, info.width)
    tried = {(info.rate, info.channels, info.width)}
    for rate in (info.rate, 48_000, 44_100):
        for channels in (info.channels, 2, 1):
            if (rate, channels, 2) not in tried:
                tried.add((rate, channels, 2))
                yield Form(rate, channels, 2)


class Output:
    """One open stream. Counts itself how much sound is waiting in it. Raises DriverFault `speaker.device_lost`."""

    def __init__(self, audio: Any, device: dict[str, Any], info: WavInfo, buffer_s: float) -> None:
        self.name = str(device["name"])
        # Not all of it: what waits in the device, plus a fade of 30 ms, has to be over 100 ms after a cancel.
        self.period_s = buffer_s * 0.6 / 2
        self._stream, self.form = _open(audio, device, info, self.period_s)
        self._room = max(1, int(self._stream.get_write_available()))
        # Filled to the brim: some devices (PulseAudio, USB) tell what they took only period by period.
        self.depth_s = self._room / self.form.rate
        self._began = 0.0
        self._written_s = 0.0
        self.unclocked = False

    def write(self, data: bytes) -> None:
        """Hand over whole frames; does not block as long as no more than `depth_s` wait."""
        if not self._began:
            self._began = time.monotonic()
        try:
            self._stream.write(data)
        except OSError as error:
            raise DriverFault("speaker.device_lost", f"{self.name} went away: {error}", retry=True) from error
        self._written_s += len(data) / self.form.frame_bytes / self.form.rate

    def silence(self, seconds: float) -> None:
        """Hand over so many seconds of silence."""
        self.write(bytes(round(seconds * self.form.rate) * self.form.frame_bytes))

    def queued(self) -> float:
        """Seconds of sound that were handed over and not heard yet."""
        ahead = self._written_s - (time.monotonic() - self._began) if self._began else 0.0
        try:
            waiting = max(0, self._room - int(self._stream.get_write_available())) / self.form.rate
        except OSError as error:
            raise DriverFault("speaker.device_lost", f"{self.name} went away: {error}", retry=True) from error
        # Some outputs (null, files) swallow everything at once: their time is ours. A real one is never that far ahead
        # in its first seconds; later it may be, since its crystal differs from ours.
        if not self.unclocked and self._written_s < 5 and ahead > waiting + _UNCLOCKED_AHEAD_S:
            self.unclocked = True
        return max(0.0, ahead) if self.unclocked else waiting

    def close(self) -> None:
        """Close at once; what still waits is dropped."""
        with contextlib.suppress(OSError):
            self._stream.close()


def _open(audio: Any, device: dict[str, Any], info: WavInfo, period_s: float) -> tuple[Any, Form]:
    import pyaudio

    refused = []
    for form in forms(info):
        try:
            stream = audio.open(
                rate=form.rate,
                channels=form.channels,
                format=pyaudio.get_format_from_width(form.width),
                output=True,
                output_device_index=device["index"],
                frames_per_buffer=max(64, round(form.rate * period_s)),  # PortAudio makes two or three of it
            )
        except (OSError, ValueError) as error:
            refused.append(f"{form.rate} Hz {form.channels} ch {form.width * 8} bit: {error}")
        else:
            return stream, form
    raise DriverFault("speaker.no_device", f"{device['name']} does not open; {'; '.join(refused)}", retry=True)


def _listed(outputs: list[dict[str, Any]]) -> str:
    return "outputs are: " + (", ".join(str(info["name"]) for info in outputs) or "none")

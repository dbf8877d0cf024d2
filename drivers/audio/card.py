"""One open sound card by PortAudio, and what is known of its clock. Runs in the playing process only.

PortAudio may abort the process it is in (without a `pcm.!default` it does). Write-ahead, not callbacks: reading
`get_write_available` takes 2 us here, may be done at any instant (see `cardclock`), and no thread of PortAudio's waits
for Python. The time stamps of PortAudio's streams are not used: they are of CLOCK_MONOTONIC or, through PulseAudio, of
CLOCK_REALTIME. Closing a stream cuts what still waits in it: the player has it heard out before.
"""

import contextlib
import time
from typing import Any

from drivers.audio.cardclock import CardClock
from drivers.contract import DriverFault

RATES = (48_000, 44_100)
_AHEAD_S = 0.005
_UNDERFLOWED = -9980


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


class Card:
    """An open stream of 16 bits. Raises DriverFault `speaker.no_device`, later `speaker.device_lost`.

    Frames are numbered from 0, and anew whenever the card ran dry; `epoch` grows then, and after it stood still.
    """

    def __init__(self, audio: Any, device: dict[str, Any], buffer_s: float, drift_ppm: float | None = None) -> None:
        self.name = str(device["name"])
        # Not all of it: what waits in the device, plus a fade of 30 ms, has to be over 100 ms after a cancel.
        period_s = buffer_s * 0.6 / 2
        self._stream, self.rate, self.channels = _open(audio, device, period_s)
        self.room = 2
        self.room = max(2, self._free())
        self.clock = CardClock(self.rate, drift_ppm, period_s)
        self.written = 0
        self.waiting = 0
        self.now = time.monotonic()
        self.dry = 0
        self.epoch = 0
        self.unclocked = False
        self._began = 0.0

    def look(self) -> int:
        """Read the position; return how many frames may be handed over now."""
        free = self._free()
        self.now = time.monotonic()
        if self.unclocked:
            self.waiting = max(0, self.written - int((self.now - self._began) * self.rate))
            return self.room - self.waiting
        self.waiting = max(0, self.room - free)
        if self.waiting == 0 and self.written:
            # Null and file outputs swallow all at once. No card is ahead of its own time: then the time is ours.
            self.unclocked = self.written / self.rate > self.now - self._began + _AHEAD_S
            if self.unclocked:
                return self.look()
            self._ran_dry()
        elif self.waiting < self.written:
            stood = self.clock.still
            self.clock.read(self.now, self.written - self.waiting)
            self.epoch += stood and not self.clock.still
        return self.room - self.waiting

    def write(self, block: Any) -> None:
        """Hand over int16 frames of shape (frames, channels), contiguous; no more than `look` allowed."""
        if not self.written:
            self._began = time.monotonic()
        try:
            self._stream.write(block, len(block))
        except OSError as error:
            raise self._lost(error) from error
        self.written += len(block)
        self.waiting += len(block)

    @property
    def ready(self) -> bool:
        """Whether `time_of` may be asked."""
        return self.unclocked or self.clock.ready

    @property
    def pace(self) -> float:
        """Frames a second, as it really is."""
        return float(self.rate) if self.unclocked else self.clock.pace

    def time_of(self, frame: float) -> float:
        """When (CLOCK_MONOTONIC) that frame leaves the card."""
        return self._began + frame / self.rate if self.unclocked else self.clock.time_of(frame)

    def close(self) -> None:
        """Close at once; what still waits is dropped."""
        with contextlib.suppress(OSError):
            self._stream.close()

    def _free(self) -> int:
        try:
            free = int(self._stream.get_write_available())
        except OSError as error:
            raise self._lost(error) from error
        if free == _UNDERFLOWED:
            return self.room
        if free < 0:  # PyAudio hands PortAudio's errors on as a number here
            raise self._lost(OSError(free, f"PortAudio error {free}"))
        return free

    def _ran_dry(self) -> None:
        self.dry += 1
        self.epoch += 1
        self.written = 0
        self.clock.restart()

    def _lost(self, error: OSError) -> DriverFault:
        return DriverFault("speaker.device_lost", f"{self.name} went away: {error}", retry=True)


def _open(audio: Any, device: dict[str, Any], period_s: float) -> tuple[Any, int, int]:
    import pyaudio

    refused = []
    for rate in RATES:
        for channels in (2, 1):  # both sides of a stereo card, whichever the amplifier hangs on
            if channels > device["maxOutputChannels"]:
                continue
            try:
                stream = audio.open(
                    rate=rate,
                    channels=channels,
                    format=pyaudio.paInt16,
                    output=True,
                    output_device_index=device["index"],
                    frames_per_buffer=max(64, round(rate * period_s)),  # PortAudio makes two or three of it
                )
            except (OSError, ValueError) as error:
                refused.append(f"{rate} Hz {channels} ch: {error}")
            else:
                return stream, rate, channels
    raise DriverFault("speaker.no_device", f"{device['name']} does not open; {'; '.join(refused)}", retry=True)


def _listed(outputs: list[dict[str, Any]]) -> str:
    return "outputs are: " + (", ".join(str(info["name"]) for info in outputs) or "none")

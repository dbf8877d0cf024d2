"""Whole files: any sound file in, a 16-bit WAV of the same rate and length out, hours of it in bounded memory."""

import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts.decode import Decoder
from tts.enhance.settings import EnhancementSettings
from tts.enhance.stream import RATES, Enhancer
from tts.errors import AudioError
from tts.files import draft

LONGEST_S = 12 * 3600.0  # a WAV of 48 kHz may hold 12 hours


@dataclass(frozen=True, slots=True)
class Enhanced:
    """What became of a file: seconds, samples a second, largest sample and mean level (dBFS), the driver's heat.

    Levels are of (before, after) and of the whole file, pauses included. `heat` is the highest temperature rise of the
    horn's driver by the model; 1 is where its rated power ends.
    """

    seconds: float
    rate: int
    peak_dbfs: tuple[float, float]
    mean_dbfs: tuple[float, float]
    heat: float


def enhance_file(
    source: str | Path,
    target: str | Path,
    settings: EnhancementSettings,
    told: Callable[[float], None] = lambda _seconds: None,
) -> Enhanced:
    """Write the mono mix of `source` (WAV, FLAC, MP3, Ogg, M4A), enhanced, to `target`, whole or not at all.

    `told` is called with the seconds done so far.

    Raises:
        AudioError: `source` is no such file, empty, damaged, cut off, or of a rate that is not supported.
        SpeechError: `speech.horn`.
        OSError: `source` cannot be read or `target` not be written, or is `source` or no file (`TargetError`).
    """
    source, target = Path(source), Path(target)
    with source.open("rb") as file, draft(target, needed=(source,)) as temporary:
        return _write(Decoder(file, LONGEST_S, own_rate=True), temporary, settings, told)


def _write(decoder: Decoder, target: Path, settings: EnhancementSettings, told: Callable[[float], None]) -> Enhanced:
    blocks = decoder.blocks()
    first = next(blocks)  # a decoder without audio has raised; the rate is known now
    rate = decoder.rate
    if not RATES[0] <= rate <= RATES[1]:
        detail = f"{rate} samples a second; {RATES[0]} to {RATES[1]} are supported"
        given = {"rate": rate, "low": RATES[0], "high": RATES[1]}
        raise AudioError(detail, "audio.format", "audio.rate", given)
    enhancer = Enhancer(rate, settings)
    before, after = _Meter(), _Meter()
    heat = 0.0
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)

        def put(samples: "np.typing.NDArray[np.float32]") -> None:
            after.add(samples)
            out.writeframesraw(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())

        waiting = [first]
        for block in blocks:
            waiting.append(block)
            if sum(map(len, waiting)) >= rate:
                heat = max(heat, _step(waiting, before, enhancer, put))
                told(before.count / rate)
        heat = max(heat, _step(waiting, before, enhancer, put))
        put(enhancer.flush())
    return Enhanced(before.count / rate, rate, (before.peak(), after.peak()), (before.mean(), after.mean()), heat)


def _step(
    waiting: list["np.typing.NDArray[np.float32]"],
    before: "_Meter",
    enhancer: Enhancer,
    put: Callable[["np.typing.NDArray[np.float32]"], None],
) -> float:
    samples = np.concatenate(waiting)
    waiting.clear()
    before.add(samples)
    put(enhancer.process(samples))
    return enhancer.heat


class _Meter:
    def __init__(self) -> None:
        self.count = 0
        self._top = self._squares = 0.0

    def add(self, samples: "np.typing.NDArray[np.float32]") -> None:
        if len(samples):
            self.count += len(samples)
            self._top = max(self._top, float(np.abs(samples).max()))
            self._squares += float(np.sum(samples.astype(np.float64) ** 2))

    def peak(self) -> float:
        return _db(self._top**2)

    def mean(self) -> float:
        return _db(self._squares / max(self.count, 1))


def _db(square: float) -> float:
    return round(10 * float(np.log10(max(square, 1e-12))), 2)

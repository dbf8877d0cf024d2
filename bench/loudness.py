"""`python -m bench.loudness`: our loudness against pyloudnorm's, and how fast it is.

pyloudnorm is the reference, with the filters that reproduce BS.1770's coefficients at 48 kHz (De Man). Needs the extra
`bench`; `make bench-voice` runs it.
"""

import subprocess
import tempfile
import time
import wave
from pathlib import Path

import numpy as np
import pyloudnorm

from tts import limiter, loudness

TEXT = "Kính mời bà con thôn Đông ra nhà văn hoá họp lúc mười chín giờ. Đề nghị bà con đi đúng giờ."
VOICES = ("vi", "vi+f2", "vi+m3", "vi-vn-x-south")


def main() -> None:
    """Print the largest difference, and seconds of work for a minute of sound."""
    worst = max(abs(difference) for difference in _differences())
    print(f"integrated loudness, speech and noise at five rates: at most {worst:.1e} LU from pyloudnorm")
    rate = 48_000
    minute = _noise(rate, 60)
    for name, work in (
        ("measure", lambda: loudness.measure([minute], rate)),
        ("limit", lambda: limiter.limit(minute, rate, -6.0)),
        ("level", lambda: loudness.level(minute, rate, -16.0)),
        ("pyloudnorm", lambda: pyloudnorm.Meter(rate).integrated_loudness(minute)),
    ):
        start = time.perf_counter()
        work()
        print(f"{name:<11}{time.perf_counter() - start:6.2f} s for 60 s at 48 kHz")


def _differences() -> list[float]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for voice in VOICES:
            path = Path(folder, "speech.wav")
            subprocess.run(["espeak-ng", "-v", voice, "-w", path, TEXT], check=True)
            with wave.open(str(path)) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
                rate = file.getframerate()
                # pyloudnorm counts a last block that is not whole, against BS.1770: leave none.
                found.append(_difference(samples[: len(samples) // (rate // 10) * (rate // 10)], rate))
    return found + [_difference(_noise(rate, 20), rate) for rate in (16_000, 22_050, 24_000, 44_100, 48_000)]


def _difference(samples: np.ndarray, rate: int) -> float:
    reference = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples)
    return loudness.integrated(samples, rate) - reference


def _noise(rate: int, seconds: int) -> np.ndarray:
    """Noise in bursts, so that the gates have something to do."""
    time_s = np.arange(rate * seconds) / rate
    noise = 0.1 * np.random.default_rng(7).standard_normal(len(time_s))
    return noise * (0.01 + np.maximum(0, np.sin(2 * np.pi * 0.3 * time_s)) ** 2)


if __name__ == "__main__":
    main()

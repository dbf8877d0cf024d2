"""What a microphone near a horn loudspeaker gets of what the loudspeaker was given. Needs numpy."""

from typing import Any

import numpy as np

from drivers.audio import microphone_noise as noise

Floats = Any


def through_horn(
    samples: Floats,
    rate: int,
    band: tuple[float, float] = (350.0, 4500.0),
    *,
    rng: np.random.Generator | None = None,
) -> Floats:
    """A horn's band (slopes of 24 dB an octave), three resonances within +-6 dB, and echoes of walls around.

    Without `rng` the resonances and echoes are always the same ones. Length is kept.
    """
    rng = rng or np.random.default_rng(30)
    frames = len(samples)
    size = 1 << max(10, (frames + int(0.3 * rate)).bit_length())
    hz = np.fft.rfftfreq(size, 1 / rate)
    low, high = band
    high = min(high, rate * 0.49)
    with np.errstate(divide="ignore"):
        response = 1 / np.sqrt(1 + (low / np.maximum(hz, 1e-3)) ** 8) / np.sqrt(1 + (hz / high) ** 8)
    response = response.astype(complex)
    for _ in range(3):
        centre, width, peak = rng.uniform(500, 3500), rng.uniform(0.1, 0.3), rng.uniform(-6, 6)
        shape = np.exp(-0.5 * (np.log2(np.maximum(hz, 1) / centre) / width) ** 2)
        response *= 10 ** (peak * shape / 20)
    walls = 1 + 0j
    for _ in range(int(rng.integers(1, 5))):
        walls = walls + rng.uniform(0.1, 0.5) * np.exp(-2j * np.pi * hz * rng.uniform(0.005, 0.25))
    return np.fft.irfft(np.fft.rfft(samples, size) * response * walls, size)[:frames]


def clocked(samples: Floats, rate: int, delay_s: float, ppm: float, frames: int) -> Floats:
    """What a card whose crystal is `ppm` too fast records, `frames` samples, if the sound begins `delay_s` later."""
    return sampled(samples, (np.arange(frames) / rate * (1 - ppm * 1e-6) - delay_s) * rate)


def sampled(samples: Floats, places: Floats) -> Floats:
    """Samples between samples, at rising `places`: a windowed sinc of 16 taps, good to 0.8 of half the rate."""
    whole = np.floor(places).astype(int)
    padded = np.concatenate([np.zeros(8), samples, np.zeros(9)])
    out = np.zeros(len(places))
    for tap in range(-7, 9):
        index = np.clip(whole + tap + 8, 0, len(padded) - 1)
        distance = places - (whole + tap)
        out += padded[index] * np.sinc(distance) * (0.5 + 0.5 * np.cos(np.pi * np.clip(distance / 8, -1, 1)))
    return out


def scene(sound: Floats, rate: int, settings: dict[str, Any], rng: np.random.Generator) -> Floats:
    """Return what the microphone hears; `sound` (n,) is what the loudspeaker was given in that time, delay included.

    Keys of `settings`: see `SimulatedMicrophoneConfig`; levels are RMS in dBFS.
    """
    frames = len(sound)
    fault = settings["fault"]
    gain = 10 ** (settings["gain_db"] / 20)
    source = np.zeros(frames) if fault == "dead" else sound * gain * (0.1 if fault == "quiet" else 1.0)
    level = 10 ** (settings["fault_dbfs"] / 20)
    if fault in ("hum", "crackle"):
        source = source + level * noise.make(fault, frames, rate, rng)
    elif fault == "foreign":
        source = source + level * noise.make("music", frames, rate, rng)
    out = through_horn(source, rate, (settings["low_hz"], settings["high_hz"]))
    out = out + 10 ** (settings["noise_dbfs"] / 20) * noise.make(settings["noise"], frames, rate, rng)
    return np.zeros(frames) if fault == "no_microphone" else out

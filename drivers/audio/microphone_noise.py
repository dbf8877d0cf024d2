"""Sounds of a street and of a sick amplifier, made by arithmetic, for the simulated microphone. Needs numpy.

All have an RMS of 1 over their whole length, except what is rare by nature. The spectra are smooth curves after
everyday sound level tables (road traffic falls from 100 Hz by about 5 dB an octave, wind by more, rain is flat); they
rehearse an installation, they do not replace a street.
"""

from typing import Any

import numpy as np

Floats = Any  # numpy.typing is only there where numpy is

_SPECTRA = {  # Hz, dB
    "white": ((20, 0), (8000, 0)),
    "speech": ((60, -25), (120, -6), (250, 0), (500, 0), (1000, -9), (2000, -16), (4000, -23), (8000, -30)),
    "traffic": ((20, -10), (60, 0), (100, 0), (500, -6), (1000, -9), (2000, -15), (4000, -24), (8000, -36)),
    "wind": ((10, 0), (60, 0), (125, -10), (250, -22), (500, -34), (1000, -46), (8000, -80)),
    "rain": ((20, -20), (200, -12), (1000, -3), (3000, 0), (8000, -2)),
}
KINDS = (*_SPECTRA, "street", "hum", "crackle", "music")


def make(kind: str, frames: int, rate: int, rng: np.random.Generator) -> Floats:
    """Return `frames` samples of a kind of sound. Raises KeyError for an unknown kind."""
    makers = {"street": street, "hum": hum, "crackle": crackle, "music": music, "rain": rain}
    if kind in makers:
        return makers[kind](frames, rate, rng)
    return coloured(_SPECTRA[kind], frames, rate, rng, swell=0.4 if kind in ("traffic", "wind") else 0.0)


def coloured(
    curve: tuple[tuple[float, float], ...], frames: int, rate: int, rng: np.random.Generator, *, swell: float = 0.0
) -> Floats:
    """Noise with a spectrum given by points of Hz and dB; `swell` 0..1 makes it come and go every few seconds."""
    hz = np.fft.rfftfreq(frames, 1 / rate)
    points, levels = zip(*curve, strict=True)
    amplitude = 10 ** (np.interp(np.log(hz + 1), np.log(np.array(points) + 1), levels) / 20)
    spectrum = (rng.standard_normal(len(hz)) + 1j * rng.standard_normal(len(hz))) * amplitude
    out = np.fft.irfft(spectrum, frames)
    time = np.arange(frames) / rate
    out *= 1 + swell * np.sin(2 * np.pi * (rng.uniform(0.1, 0.5) * time + rng.uniform()))
    return unit(out)


def street(frames: int, rate: int, rng: np.random.Generator) -> Floats:
    """Traffic with motorbikes that pass, dogs that bark, and now and then a vehicle's horn."""
    out = make("traffic", frames, rate, rng)
    seconds = frames / rate
    for maker, each_minute in ((motorbike, 6.0), (dog, 2.0), (car_horn, 1.0)):
        for _ in range(rng.poisson(each_minute * seconds / 60)):
            add(out, maker(rate, rng) * 10 ** (rng.uniform(0, 14) / 20), int(rng.integers(0, frames)))
    return out


def motorbike(rate: int, rng: np.random.Generator) -> Floats:
    """A small engine that comes, passes and goes within some 6 s: harmonics of its firing, gliding."""
    time = np.arange(int(rng.uniform(3, 9) * rate)) / rate
    middle = time[-1] * rng.uniform(0.3, 0.7)
    firing = rng.uniform(35, 90) * (1 + 0.15 * np.tanh((middle - time) / 0.8)) * (1 + 0.02 * rng.standard_normal())
    phase = 2 * np.pi * np.cumsum(firing) / rate
    tone = sum(np.sin(k * phase + rng.uniform(0, 6.3)) / k**0.7 for k in range(1, 20))
    rough = coloured(_SPECTRA["traffic"], len(time), rate, rng)
    return unit(np.asarray(tone) + rough) / (1 + ((time - middle) / rng.uniform(0.5, 1.5)) ** 2)


def dog(rate: int, rng: np.random.Generator) -> Floats:
    """A few barks: short, harmonic, around 500 Hz."""
    barks = []
    for _ in range(int(rng.integers(1, 6))):
        time = np.arange(int(rng.uniform(0.1, 0.25) * rate)) / rate
        pitch = rng.uniform(300, 700) * (1 - 0.3 * time / time[-1])
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        bark = sum(np.sin(k * phase) / k for k in range(1, 8)) + 0.5 * rng.standard_normal(len(time))
        barks += [bark * np.hanning(len(time)), np.zeros(int(rng.uniform(0.1, 0.5) * rate))]
    return np.concatenate(barks)


def car_horn(rate: int, rng: np.random.Generator) -> Floats:
    """Two notes together for up to a second."""
    time = np.arange(int(rng.uniform(0.15, 1.0) * rate)) / rate
    low = rng.uniform(350, 450)
    notes = sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, 9) for hz in (low, low * 1.25))
    return unit(np.asarray(notes)) * np.minimum(1, np.minimum(time, time[-1] - time) / 0.02)


def rain(frames: int, rate: int, rng: np.random.Generator) -> Floats:
    """Steady hiss, and single drops on the box of the microphone."""
    out = coloured(_SPECTRA["rain"], frames, rate, rng)
    for at in rng.integers(0, frames, rng.poisson(rng.uniform(0, 8) * frames / rate)):
        add(out, _ring(rate, rng, rng.uniform(1500, 5000), 0.004) * rng.exponential(4.0), int(at))
    return unit(out)


def hum(frames: int, rate: int, rng: np.random.Generator, mains_hz: float = 50.0) -> Floats:
    """The mains' harmonics, even ones stronger, as a rectifier or an earth loop makes them."""
    time = np.arange(frames) / rate
    mains_hz *= 1 + rng.uniform(-0.002, 0.002)
    out = np.zeros(frames)
    for k in range(1, 25):
        weight = (1.0 if k % 2 == 0 else 0.4) * k**-0.6 * rng.uniform(0.5, 1)
        out += weight * np.sin(2 * np.pi * k * mains_hz * time + rng.uniform(0, 6.3))
    return unit(out)


def crackle(frames: int, rate: int, rng: np.random.Generator) -> Floats:
    """Clicks of a bad contact in bursts, 5 to 60 a second, of very different strength. RMS 1 over the whole."""
    out = np.zeros(frames)
    time = np.arange(frames) / rate
    density = rng.uniform(5, 60) * np.clip(1 + np.sin(2 * np.pi * (rng.uniform(0.2, 1) * time + rng.uniform())), 0, 2)
    for at in np.flatnonzero(rng.random(frames) < density / rate):
        add(out, _ring(rate, rng, rng.uniform(600, 3500), 0.0012) * rng.exponential(1.0), int(at))
    return unit(out)


def music(frames: int, rate: int, rng: np.random.Generator) -> Floats:
    """A melody over chords with a beat: notes of harmonics, two a second or more."""
    out = np.zeros(frames)
    beat = rng.uniform(0.22, 0.55)
    scale = 220 * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21]) / 12) * rng.uniform(0.8, 1.3)
    for number in range(int(frames / rate / beat) + 1):
        time = np.arange(int(beat * rng.choice([1, 1, 2]) * rate)) / rate
        decay = np.exp(-time / rng.uniform(0.15, 0.8)) * np.minimum(1, time / 0.01)
        for hz in (rng.choice(scale), scale[0] * rng.choice([0.5, 0.75, 1])):
            vibrato = hz * (1 + 0.005 * np.sin(2 * np.pi * 5.5 * time))
            phase = 2 * np.pi * np.cumsum(vibrato) / rate
            add(out, decay * sum(np.sin(k * phase) / k**1.2 for k in range(1, 10)), int(number * beat * rate))
    return unit(out)


def add(out: Floats, sound: Floats, at: int) -> None:
    """Mix a sound into another from sample `at` on, as far as it fits; `at` may be negative."""
    if at < 0:
        sound, at = sound[-at:], 0
    sound = sound[: max(0, len(out) - at)]
    out[at : at + len(sound)] += sound


def unit(samples: Floats) -> Floats:
    """Scale to an RMS of 1; silence stays."""
    level = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    return samples / level if level > 0 else samples


def _ring(rate: int, rng: np.random.Generator, hz: float, decay_s: float) -> Floats:
    time = np.arange(int(6 * decay_s * rate) + 1) / rate
    return np.exp(-time / decay_s) * np.sin(2 * np.pi * hz * time + rng.uniform(0, 6.3))

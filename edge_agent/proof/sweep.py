"""The self-test's sound, and what a microphone got of it. Needs numpy.

A logarithmic sweep and its deconvolution: A. Farina, "Simultaneous measurement of impulse response and distortion with
a swept-sine technique", AES 108, 2000. Noise that is not in step with the sweep spreads over the whole response, and
distortion comes before it, so both can be left out.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from edge_agent.proof.model import ProofError, Response
from edge_agent.proof.samples import Floats, decibels, read

RATE = 16_000
PLAY_RATE = 48_000
SECONDS, LEAD_S, TAIL_S = 3.0, 2.0, 0.7  # the lead: a small board needs a second to open its microphone
LOW_HZ, HIGH_HZ = 150.0, 7_000.0
LEVEL_DBFS = -20.0
"""Peak in the file: quiet beside an announcement, which is near full scale."""
THIRDS = (200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300)
"""Centres of the third octaves that are judged, Hz (IEC 61260-1)."""


def make_sweep(path: Path) -> None:
    """Write the test sound: mono, 48 kHz, 16 bits; silence before and after it."""
    samples = np.concatenate(
        [np.zeros(round(LEAD_S * PLAY_RATE)), _sweep(PLAY_RATE), np.zeros(round(TAIL_S * PLAY_RATE))]
    )
    data = np.rint(samples * 10 ** (LEVEL_DBFS / 20) * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, PLAY_RATE, 0, "NONE", "not compressed"))
        file.writeframes(data)


def analyse(recording: Path, offset_s: float = 0.0) -> Response:
    """Measure the response. The recording began `offset_s` after the first sample of the file was due.

    Raises ProofError `proof.too_short`, and DriverFault `speaker.bad_audio`.
    """
    return response(read(recording, RATE), offset_s)


def response(recorded: Floats, offset_s: float = 0.0) -> Response:
    """Measure the response in samples at 16 kHz: dB of each third octave against the sweep as it is in the file."""
    sweep = _sweep(RATE) * 10 ** (LEVEL_DBFS / 20)
    if len(recorded) < len(sweep):
        detail = f"{len(recorded) / RATE:.1f} s were recorded of a sweep of {SECONDS:g} s"
        raise ProofError("proof.failed", detail, retry=True)
    size = 1 << (len(recorded) + len(sweep)).bit_length()
    template, spectrum = np.fft.rfft(sweep, size), np.fft.rfft(recorded, size)
    power = np.abs(template) ** 2
    hz = np.fft.rfftfreq(size, 1 / RATE)
    inside = (hz >= LOW_HZ) & (hz <= HIGH_HZ)
    impulse = np.fft.irfft(np.where(inside, spectrum * np.conj(template) / (power + power.max() * 1e-6), 0), size)
    places = impulse[: len(recorded) - len(sweep) // 2]
    at = int(np.abs(places).argmax())
    signal, rest = _windows(impulse, at)
    bands, noise = _thirds(signal), _thirds(rest)
    peak = decibels(float(np.max(signal**2))) - decibels(float(np.mean(rest**2)))
    level = decibels(float(np.mean([10 ** (bands[centre] / 10) for centre in THIRDS if 400 <= centre <= 3150])))
    return Response(bands, noise, round(level, 1), round(at / RATE + offset_s - LEAD_S, 4), round(peak, 1))


def _windows(impulse: Floats, at: int) -> tuple[Floats, Floats]:
    """The response (5 ms before its peak to 120 ms after), and as long a part of the noise well after it."""
    before, after = round(0.005 * RATE), round(0.12 * RATE)
    rolled = np.roll(impulse, before - at)
    return rolled[: before + after], rolled[2 * (before + after) : 3 * (before + after)]


def _thirds(impulse: Floats) -> dict[int, float]:
    spectrum = np.abs(np.fft.rfft(impulse, 1 << 14)) ** 2
    hz = np.fft.rfftfreq(1 << 14, 1 / RATE)
    edge = 2 ** (1 / 6)
    return {
        centre: round(decibels(float(spectrum[(hz >= centre / edge) & (hz < centre * edge)].mean())), 1)
        for centre in THIRDS
    }


def _sweep(rate: int) -> Floats:
    time = np.arange(round(SECONDS * rate)) / rate
    growth = SECONDS / np.log(HIGH_HZ / LOW_HZ)
    sound = np.sin(2 * np.pi * LOW_HZ * growth * (np.exp(time / growth) - 1))
    fade = np.minimum(1, np.minimum(time / 0.05, (SECONDS - time) / 0.01))
    return np.asarray(sound * np.clip(fade, 0, 1))

"""The learned correction: it helps voices that it was not trained on, and stays within its bounds."""

import subprocess
import wave
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from bench.voice_estoi import Estoi
from tts.enhance.horn import load_horn
from tts.enhance.learned import BEHIND, LAGS_S, MOST_DB, Correction
from tts.enhance.shape import Shaper
from tts.enhance.tuning import QUIET_POWER, STORM_POWER, Tuning, between

SENTENCES = {
    "vi+m7": "Xã mời các hộ có đất ven kênh đến nhận bản đồ đo lại ruộng.",
    "vi-vn-x-south+f5": "Sáng nay tàu cá của ấp Ba đã về bến an toàn.",
}


def spoken(voice: str, folder: Path) -> tuple[np.ndarray, int]:
    path = folder / "speech.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), SENTENCES[voice]], check=True)
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        return np.pad(samples * 0.08 / np.sqrt(np.mean(samples**2)), file.getframerate() // 4), file.getframerate()


def shaped(samples: np.ndarray, rate: int, tuning: Tuning) -> np.ndarray:
    """At the mean power of what came."""
    shaper = Shaper(rate, tuning, load_horn("generic-30w"))
    out = shaper.process(np.pad(samples, (0, shaper.latency)).astype(np.float32))[shaper.latency :].astype(np.float64)
    return out * np.sqrt(np.mean(samples**2) / np.mean(out**2))


def at_10k(samples: np.ndarray, rate: int) -> np.ndarray:
    """By cutting the spectrum; whole seconds, so that the lengths come out even."""
    samples = np.pad(samples, (0, -len(samples) % rate))
    count = len(samples) // rate * 10_000
    return np.fft.irfft(np.fft.rfft(samples)[: count // 2 + 1], count) * count / len(samples)


@pytest.mark.parametrize("voice", SENTENCES)
@pytest.mark.parametrize("snr", [-5.0, 0.0])
def test_a_voice_never_met_is_clearer_than_by_the_law_alone(voice: str, snr: float, tmp_path: Path) -> None:
    clean, rate = spoken(voice, tmp_path)
    judged = Estoi(at_10k(clean, rate))
    noise = np.random.default_rng(5).standard_normal(len(at_10k(clean, rate)))
    hz = np.fft.rfftfreq(len(noise), 1e-4)
    noise = np.fft.irfft(np.fft.rfft(noise) / (1 + hz / 400), len(noise))
    noise *= 0.08 * 10 ** (-snr / 20) / np.sqrt(np.mean(noise**2))
    alone, corrected = (
        judged(at_10k(shaped(clean, rate, replace(STORM_POWER, learned=part)), rate) + noise) for part in (0.0, 1.0)
    )
    assert corrected > alone + 0.005


def test_it_adds_no_more_than_its_bound_whatever_comes() -> None:
    rng = np.random.default_rng(1)
    energies = 10 ** rng.uniform(-12, 6, (400, 18))
    found = Correction(0.004).gains(energies, rng.uniform(-90, 90, (400, 18)))
    assert found.shape == (400, 18)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= MOST_DB


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_cut_into_blocks_changes_nothing(size: int) -> None:
    rng = np.random.default_rng(2)
    energies, law = 10 ** rng.uniform(-5, 0, (100, 18)), rng.uniform(-20, 20, (100, 18))
    whole, cut = Correction(0.004).gains(energies, law), Correction(0.004)
    parts = [cut.gains(energies[k : k + size], law[k : k + size]) for k in range(0, 100, size)]
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-4


def test_it_sees_what_it_says_and_nothing_later() -> None:
    energies, law = np.full((40, 18), 0.1), np.zeros((40, 18))
    changed = energies.copy()
    changed[30] = 1.0
    before, after = (Correction(0.004).seen(each, law) for each in (energies, changed))
    assert before.shape == (40, 18 * (len(BEHIND) + len(LAGS_S) + 1))
    assert np.array_equal(before[:30], after[:30])
    assert (before[30] != after[30]).any()


def test_quiet_is_left_to_the_law_and_the_rest_lies_between() -> None:
    assert QUIET_POWER.learned == 0
    assert between(QUIET_POWER, STORM_POWER, 0.5).learned == pytest.approx(0.5)
    assert STORM_POWER.ahead == 2  # what the network was trained for


def test_the_weights_are_small() -> None:
    assert len(resources.files("tts.enhance").joinpath("learned.npz").read_bytes()) < 100_000

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from tts.limiter import LOOKAHEAD_S, Limiter, limit, overshoot, peaks
from tts.loudness import true_peak


def speechlike(rate: int, seconds: float = 4.0, seed: int = 3) -> np.ndarray:
    """Band-limited noise in bursts, with peaks of 1.5."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(int(rate * seconds)))
    spectrum[int(0.35 * len(spectrum)) :] = 0
    samples = np.fft.irfft(spectrum, int(rate * seconds))
    samples *= 0.05 + np.maximum(0, np.sin(2 * np.pi * 3 * np.arange(len(samples)) / rate)) ** 3
    return (1.5 * samples / np.abs(samples).max()).astype(np.float32)


def ffmpeg_true_peak(path: Path) -> float:
    argv = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path), "-filter_complex", "ebur128=peak=true"]
    said = subprocess.run([*argv, "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    return float(said.rsplit("Peak:", 1)[1].split()[0])


def write_float(path: Path, samples: np.ndarray, rate: int) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_f32le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("ceiling", [-1.0, -6.0, -20.0])
def test_the_true_peak_stays_under_the_ceiling_at_every_rate(rate: int, ceiling: float) -> None:
    samples = speechlike(rate)
    limited = limit(samples, rate, ceiling)
    assert limited.dtype == np.float32
    assert len(limited) == len(samples)
    assert ceiling - 0.5 < true_peak(limited, rate) <= ceiling


def test_ffmpeg_finds_no_higher_peak_either(tmp_path: Path) -> None:
    path = tmp_path / "limited.wav"
    write_float(path, limit(speechlike(48_000), 48_000, -1.0), 48_000)
    assert ffmpeg_true_peak(path) <= -1.0


def test_what_is_under_the_ceiling_is_not_touched_nor_shifted() -> None:
    samples = speechlike(48_000) * np.float32(0.1)
    assert np.array_equal(limit(samples, 48_000), samples)


def test_the_result_does_not_depend_on_the_blocks() -> None:
    samples = speechlike(24_000)
    whole = limit(samples, 24_000, -9.0)
    for sizes in ([1, 7, 240, 3000], [23, 24, 25], [24_000]):
        limiter, pieces, start = Limiter(24_000, -9.0), [], 0
        while start < len(samples):
            size = sizes[len(pieces) % len(sizes)]
            pieces.append(limiter.process(samples[start : start + size]))
            start += size
            assert sum(map(len, pieces)) >= min(start, len(samples)) - limiter.latency
        pieces.append(limiter.flush())
        assert np.allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_a_flushed_limiter_begins_anew() -> None:
    samples = speechlike(16_000)
    limiter = Limiter(16_000, -9.0)
    first = np.concatenate((limiter.process(samples), limiter.flush()))
    second = np.concatenate((limiter.process(samples), limiter.flush()))
    assert np.array_equal(first, second)


def test_it_looks_ahead_no_more_than_5_ms() -> None:
    for rate in (8_000, 16_000, 48_000):
        assert Limiter(rate).latency <= LOOKAHEAD_S * rate
        assert Limiter(rate, lookahead_s=1.0).latency <= LOOKAHEAD_S * rate


def test_the_gain_around_a_lone_peak_is_smooth() -> None:
    """A click would be a step of the gain; a soft tone under a burst shows the gain sample by sample."""
    rate = 48_000
    samples = np.full(rate, 0.05, np.float32)
    samples[rate // 2 : rate // 2 + 5] = 1.0
    gain = limit(samples, rate, -20.0)[: rate // 2 - 30] / samples[: rate // 2 - 30]
    assert gain[0] == pytest.approx(1.0, abs=1e-6)
    assert gain[-1] < 0.2
    assert np.abs(np.diff(gain)).max() < 0.02


def test_the_gain_is_back_soon_after_a_peak() -> None:
    rate = 48_000
    samples = np.full(rate, 0.05, np.float32)
    samples[rate // 4] = 1.0
    limited = limit(samples, rate, -12.0)
    assert limited[rate // 4 + int(0.3 * rate)] == pytest.approx(0.05, rel=1e-4)


def test_peaks_between_samples_are_seen() -> None:
    """A sine at a quarter of the rate whose samples all miss the crest by 3 dB."""
    tone = np.sin(2 * np.pi * 0.25 * np.arange(4800) + np.pi / 4).astype(np.float32)
    assert np.abs(tone).max() == pytest.approx(0.7071, abs=1e-3)
    assert peaks(tone)[1000:2000].max() == pytest.approx(1.0, abs=0.01)
    assert 1.5 < overshoot() < 4


def test_a_peak_at_the_very_start_is_held_too() -> None:
    samples = np.zeros(5000, np.float32)
    samples[:100] = np.hanning(100)
    samples[0] = 1.0
    assert true_peak(limit(samples, 48_000, -6.0), 48_000) <= -6.0


def test_silence_nothing_and_one_sample_pass() -> None:
    assert len(limit(np.zeros(0, np.float32), 48_000)) == 0
    assert limit(np.ones(1, np.float32), 48_000, -1.0)[0] == pytest.approx(10 ** (-1 / 20), rel=0.02)
    assert not limit(np.zeros(10_000, np.float32), 48_000).any()

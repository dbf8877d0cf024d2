"""Loudness against the test signals of EBU Tech 3341 (2023) and ITU-R BS.2217, and against ffmpeg's ebur128."""

import subprocess
import tracemalloc
from collections.abc import Iterator
from math import inf, isinf
from pathlib import Path

import numpy as np
import pytest
from test_tts_limiter import speechlike

from tts import loudness
from tts.loudness import MOST_EATEN_LU, integrated, level, measure, true_peak

RATE = 48_000


def sine(dbfs: float, seconds: float, hertz: float = 1000, rate: int = RATE) -> np.ndarray:
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def steps(*pairs: tuple[float, float]) -> np.ndarray:
    """Stereo, both channels alike: (dBFS, seconds) one after the other, as the test signals are described."""
    mono = np.concatenate([sine(dbfs, seconds) for dbfs, seconds in pairs])
    return np.stack([mono, mono], axis=1)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Path]:
    """Real speech at 22.05 kHz, and the file."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    text = "Kính mời bà con thôn Đông ra nhà văn hoá họp lúc mười chín giờ. Đề nghị bà con đi đúng giờ."
    subprocess.run(["espeak-ng", "-v", "vi", "-a", "60", "-w", path, text], check=True)
    return np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.float32) / 32768, path


@pytest.mark.parametrize(
    ("number", "signal", "expected"),
    [
        (1, [(-23, 20)], -23),
        (2, [(-33, 20)], -33),
        (3, [(-36, 10), (-23, 60), (-36, 10)], -23),
        (4, [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        (5, [(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_integrated_loudness_of_the_ebu_signals(number: int, signal: list[tuple[float, float]], expected: int) -> None:
    assert integrated(steps(*signal), RATE) == pytest.approx(expected, abs=0.1), f"case {number}"


def test_a_mono_sine_of_full_scale_has_minus_3_01_lufs() -> None:
    assert integrated(sine(0, 5, 997), RATE) == pytest.approx(-3.01, abs=0.005)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 96_000])
def test_every_rate_measures_alike(rate: int) -> None:
    assert integrated(sine(-20, 5, 997, rate), rate) == pytest.approx(-23.01, abs=0.06)


def test_the_k_filter_lets_low_tones_count_less_and_high_ones_more() -> None:
    """Differences to 997 Hz from the coefficients that BS.1770 gives for 48 kHz, worked out from their z-transform."""

    def table(hertz: float) -> float:
        z = np.exp(-2j * np.pi * hertz / RATE)
        shelf = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], z) / np.polyval(
            [0.73248077421585, -1.69065929318241, 1.0], z
        )
        cut = np.polyval([1.0, -2.0, 1.0], z) / np.polyval([0.99007225036621, -1.99004745483398, 1.0], z)
        return float(20 * np.log10(abs(shelf * cut)))

    base = integrated(sine(-20, 3, 997), RATE)
    for hertz in (30, 60, 200, 2000, 5000, 12_000, 20_000):
        difference = integrated(sine(-20, 3, hertz), RATE) - base
        assert difference == pytest.approx(table(hertz) - table(997), abs=0.02), hertz


def test_momentary_and_short_term_follow_the_signal() -> None:
    """EBU cases 9 and 12: alternating levels whose 3 s and 400 ms windows always hold the same power."""
    short = measure([steps(*[(-20, 1.34), (-30, 1.66)] * 5)], RATE, 2).short_term()
    assert short == pytest.approx(np.full(len(short), -23.0), abs=0.1)
    momentary = measure([steps(*[(-20, 0.18), (-30, 0.22)] * 25)], RATE, 2).momentary()
    assert momentary == pytest.approx(np.full(len(momentary), -23.0), abs=0.1)


@pytest.mark.parametrize("divisor", [4, 6, 8])
@pytest.mark.parametrize("degrees", [0, 45, 60, 67.5])
def test_true_peak_of_the_ebu_signals(divisor: int, degrees: float) -> None:
    """EBU cases 15 to 19: sines whose samples miss the crest; -6 dBTP within +0.2 and -0.4 dB. Edges are faded."""
    tone = 0.5 * np.sin(2 * np.pi * np.arange(RATE) / divisor + np.radians(degrees))
    fade = np.minimum(1, np.minimum(np.arange(RATE), np.arange(RATE)[::-1]) / 1000)
    assert -6.4 < true_peak(tone * fade, RATE) < -5.8


def test_ffmpeg_measures_the_same_of_speech(speech: tuple[np.ndarray, Path], tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", speech[1], "-ar", str(RATE), path], check=True)
    samples = np.frombuffer(path.read_bytes().partition(b"data")[2][4:], "<i2").astype(np.float32) / 32768
    argv = ["ffmpeg", "-hide_banner", "-nostats", "-i", path, "-filter_complex", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stderr.rsplit("Summary", 1)[1].split()
    assert integrated(samples, RATE) == pytest.approx(float(said[said.index("I:") + 1]), abs=0.1)
    assert true_peak(samples, RATE) == pytest.approx(float(said[said.index("Peak:") + 1]), abs=0.15)


def test_blocks_of_any_length_measure_the_same(speech: tuple[np.ndarray, Path]) -> None:
    samples, _ = speech
    rng = np.random.default_rng(5)
    meter, start = loudness.Meter(22_050), 0
    while start < len(samples):
        size = int(rng.integers(1, 9000))
        meter.add(samples[start : start + size])
        start += size
    meter.close()
    assert meter.integrated() == pytest.approx(integrated(samples, 22_050), abs=1e-6)
    assert meter.true_peak() == pytest.approx(true_peak(samples, 22_050), abs=1e-4)


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.1, 0.399, 0.4, 0.45, 2.9])
def test_short_items_have_a_loudness(seconds: float) -> None:
    """The filter's own start is part of so short an item, hence the wider bounds."""
    assert integrated(sine(-20, seconds), RATE) == pytest.approx(-23.0, abs=1.0)
    assert len(measure([sine(-20, seconds)], RATE).short_term()) == 1


def test_silence_and_nothing_have_none() -> None:
    for samples in (np.zeros(0, np.float32), np.zeros(RATE, np.float32), np.zeros(10, np.float32)):
        assert isinf(integrated(samples, RATE))
        assert true_peak(samples, RATE) == -inf
        levelled, how = level(samples, RATE, -16)
        assert not how.reached
        assert np.array_equal(levelled, samples)


@pytest.mark.parametrize("target", [-30.0, -23.0, -20.0, -17.0])
def test_speech_is_levelled_within_a_tenth_and_under_the_ceiling(
    speech: tuple[np.ndarray, Path], target: float
) -> None:
    samples, _ = speech
    levelled, how = level(samples, 22_050, target)
    assert how.reached
    assert len(levelled) == len(samples)
    assert integrated(levelled, 22_050) == pytest.approx(target, abs=loudness.TOLERANCE_LU)
    assert how.lufs == pytest.approx(integrated(levelled, 22_050), abs=0.01)
    assert true_peak(levelled, 22_050) <= -1.0


def test_items_of_every_kind_come_out_within_half_a_loudness_unit(speech: tuple[np.ndarray, Path]) -> None:
    quiet, _ = speech
    items = [quiet * 0.01, quiet * 3, speechlike(22_050), sine(-3, 0.3, rate=22_050), sine(-50, 7, 400, 22_050)]
    measured = []
    for item in items:
        levelled, how = level(item.astype(np.float32), 22_050, -20.0)
        assert how.reached
        measured.append(integrated(levelled, 22_050))
    assert max(measured) - min(measured) < 0.5


def test_a_target_that_only_damage_could_reach_is_told_and_not_forced(speech: tuple[np.ndarray, Path]) -> None:
    samples, _ = speech
    levelled, how = level(samples, 22_050, -3.0)
    assert not how.reached
    assert -18 < how.lufs < -10
    assert integrated(levelled, 22_050) == pytest.approx(how.lufs, abs=0.01)
    assert how.gain_db - (how.lufs - integrated(samples, 22_050)) <= MOST_EATEN_LU
    assert true_peak(levelled, 22_050) <= -1.0


def test_one_click_in_a_recording_does_not_keep_it_quiet(speech: tuple[np.ndarray, Path]) -> None:
    samples = speech[0] * np.float32(0.1)
    samples[30_000] = 1.0
    _, how = level(samples, 22_050, -20.0)
    assert how.reached


def test_long_audio_is_levelled_in_little_memory() -> None:
    rate, minute = 16_000, speechlike(16_000, 60.0)

    def source() -> Iterator[np.ndarray]:
        for number in range(12):
            for block in minute.reshape(60, rate):
                yield block * np.float32(0.02 + 0.01 * (number % 3))

    tracemalloc.start()
    how = loudness.plan(source, rate, -20.0)
    meter = measure(loudness.apply(source(), rate, how), rate)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert how.reached
    assert meter.integrated() == pytest.approx(-20.0, abs=0.1)
    assert most < 4_000_000, "twelve minutes as float32 are 46 MB"


def test_a_stream_keeps_its_length_and_its_place() -> None:
    samples = speechlike(RATE) * np.float32(0.3)
    levelled, how = level(samples, RATE, -14.0)
    assert len(levelled) == len(samples)
    quiet = np.abs(samples) < 0.001
    assert np.allclose(levelled[quiet], samples[quiet] * 10 ** (how.gain_db / 20), atol=2e-3)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="not supported"):
        loudness.Meter(4000)
    with pytest.raises(ValueError, match="not supported"):
        integrated(np.zeros((100, 6)), RATE)

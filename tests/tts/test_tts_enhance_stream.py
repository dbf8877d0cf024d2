"""The stream itself: lengths, delays, levels, joins."""

import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from tts.enhance import EnhancementSettings, Enhancer, enhance
from tts.enhance.rails import RAIL
from tts.errors import SpeechError

RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]
TEXT = "Ủy ban nhân dân xã thông báo: trưa nay cắt nước từ mười một giờ."


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Real speech at 48 kHz, a quarter of a second of silence around it."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    subprocess.run(["espeak-ng", "-v", "vi", "-w", str(path), TEXT], check=True)
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(1, -1)
        rate = file.getframerate()
    return np.pad(converted(samples, rate, 48_000), 12_000)


def converted(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=wanted)
    return np.concatenate([f.to_ndarray()[0] for given in (frame, None) for f in resampler.resample(given)])


def at(speech: np.ndarray, rate: int) -> np.ndarray:
    return converted((speech * 32767).astype(np.int16).reshape(1, -1), 48_000, rate)


def rms_db(samples: np.ndarray) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-12))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("limit", ["peak", "power"])
def test_length_and_place_in_time_stay_at_every_rate(speech: np.ndarray, rate: int, limit: str) -> None:
    given = at(speech, rate)
    out = enhance(given, rate, EnhancementSettings(noise="storm", limit=limit))  # type: ignore[arg-type]
    assert out.dtype == np.float32
    assert out.shape == given.shape
    size = 1 << (2 * len(given)).bit_length()
    product = np.fft.irfft(np.fft.rfft(out, size) * np.conj(np.fft.rfft(given, size)))
    lag = int(np.argmax(product))
    assert abs(lag if lag < size // 2 else lag - size) <= rate // 4000


@pytest.mark.parametrize("block", [1, 7, 160, 961, 4800, 100_000])
@pytest.mark.parametrize(("rate", "limit"), [(48_000, "peak"), (22_050, "power")])
def test_the_cut_into_blocks_changes_nothing(speech: np.ndarray, rate: int, limit: str, block: int) -> None:
    given = at(speech, rate)[: rate if block > 1 else rate // 2]
    settings = EnhancementSettings(noise="storm", limit=limit)  # type: ignore[arg-type]
    stream = Enhancer(rate, settings)
    parts = [stream.process(given[k : k + block]) for k in range(0, len(given), block)]
    whole = enhance(given, rate, settings)
    assert np.abs(np.concatenate([*parts, stream.flush()]) - whole).max() < 1e-5


@pytest.mark.parametrize("rate", RATES)
def test_delay_is_under_30_ms_and_is_what_it_says(rate: int) -> None:
    stream = Enhancer(rate, EnhancementSettings())
    assert stream.latency <= 0.030 * rate
    assert len(stream.process(np.zeros(rate, np.float32))) == rate - stream.latency
    assert len(stream.process(np.zeros(100, np.float32))) == 100
    assert len(stream.flush()) == stream.latency


def test_after_a_flush_the_next_stream_is_as_if_it_were_the_first(speech: np.ndarray) -> None:
    settings = EnhancementSettings(noise="storm")
    stream = Enhancer(48_000, settings)
    first = np.concatenate([stream.process(speech), stream.flush()])
    again = np.concatenate([stream.process(speech), stream.flush()])
    assert np.array_equal(first, again)


def test_silence_and_nothing_stay_so() -> None:
    settings = EnhancementSettings(noise="storm")
    assert not enhance(np.zeros(48_000, np.float32), 48_000, settings).any()
    assert enhance(np.zeros(0, np.float32), 48_000, settings).shape == (0,)


def test_a_few_samples_are_not_lost() -> None:
    assert enhance(np.full(5, 0.1, np.float32), 48_000, EnhancementSettings()).shape == (5,)


def test_what_is_no_number_does_not_spread(speech: np.ndarray) -> None:
    bad = speech.copy()
    bad[20_000], bad[20_001], bad[20_002] = np.nan, np.inf, -np.inf
    out = enhance(bad, 48_000, EnhancementSettings(noise="storm"))
    assert np.isfinite(out).all()
    far = slice(90_000, None)
    good = enhance(speech, 48_000, EnhancementSettings(noise="storm"))
    assert abs(rms_db(out[far]) - rms_db(good[far])) < 1.0


def test_switched_off_it_gives_back_what_it_got(speech: np.ndarray) -> None:
    stream = Enhancer(48_000, EnhancementSettings(enabled=False))
    assert stream.latency == 0
    assert np.array_equal(np.concatenate([stream.process(speech), stream.flush()]), speech)


@pytest.mark.parametrize("noise", ["quiet", "street", "storm"])
def test_peak_uses_the_rails_and_never_passes_them(speech: np.ndarray, noise: str) -> None:
    out = enhance(speech, 48_000, EnhancementSettings(noise=noise, limit="peak"))  # type: ignore[arg-type]
    assert 0.9 * RAIL < np.abs(out).max() <= RAIL


def test_peak_gets_louder_with_the_noise(speech: np.ndarray) -> None:
    at_rails = speech * np.float32(RAIL / np.abs(speech).max())
    levels = [
        rms_db(enhance(speech, 48_000, EnhancementSettings(noise=noise, limit="peak")))
        for noise in (20.0, 12.0, 4.0, -10.0)
    ]
    assert levels == sorted(levels)
    assert levels[0] > rms_db(at_rails)
    assert levels[-1] > rms_db(at_rails) + 9


@pytest.mark.parametrize("noise", ["quiet", "street", "storm"])
def test_power_keeps_the_mean_power(speech: np.ndarray, noise: str) -> None:
    out = enhance(speech, 48_000, EnhancementSettings(noise=noise, limit="power"))  # type: ignore[arg-type]
    assert abs(rms_db(out) - rms_db(speech)) < 2.0


@pytest.mark.parametrize("gain_db", [-20.0, -10.0, 6.0])
def test_soft_and_loud_recordings_come_out_alike(speech: np.ndarray, gain_db: float) -> None:
    settings = EnhancementSettings(noise="storm")
    usual = enhance(speech, 48_000, settings)
    other = enhance(speech * np.float32(10 ** (gain_db / 20)), 48_000, settings)
    assert abs(rms_db(usual[48_000:]) - rms_db(other[48_000:])) < 1.5


def shares_above(samples: np.ndarray, hz: int, rate: int) -> np.ndarray:
    """Energy above a frequency in each 10 ms, dB against the loudest 10 ms."""
    size = rate // 100
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    powers = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    return 10 * np.log10(powers[:, hz * size // rate :].sum(axis=1) / powers.sum(axis=1).max() + 1e-12)


def test_frames_join_without_clicks(speech: np.ndarray) -> None:
    # A click is energy at all frequencies; the horn's band ends far below 12 kHz, so whatever is there is a click.
    settings = EnhancementSettings(noise="storm", limit="power")
    tone = 0.2 * np.sin(2 * np.pi * 1000 * np.arange(3 * 48_000) / 48_000).astype(np.float32)
    assert shares_above(enhance(tone, 48_000, settings)[48_000:-48_000], 12_000, 48_000).max() < -70
    assert shares_above(enhance(speech, 48_000, settings), 12_000, 48_000).max() < -50


def test_streams_end_and_begin_without_clicks(speech: np.ndarray) -> None:
    settings = EnhancementSettings(noise="storm", limit="power")
    stream = Enhancer(48_000, settings)
    twice = [part for _ in range(2) for part in (stream.process(speech), stream.flush())]
    assert shares_above(np.concatenate(twice), 12_000, 48_000).max() < -50


def test_the_noise_of_a_recording_is_not_pulled_up_between_words() -> None:
    rate, rng = 48_000, np.random.default_rng(4)
    words = (np.arange(4 * rate) // (rate // 2)) % 2 == 0
    tone = np.sin(2 * np.pi * 900 * np.arange(4 * rate) / rate) + np.sin(2 * np.pi * 2300 * np.arange(4 * rate) / rate)
    given = (0.1 * tone * words + 0.1 * 10 ** (-55 / 20) * rng.standard_normal(4 * rate)).astype(np.float32)
    out = enhance(given, rate, EnhancementSettings(noise="storm", limit="power"))
    # the middle of the last word and of the last pause
    word, pause = slice(int(3.1 * rate), int(3.4 * rate)), slice(int(3.7 * rate), int(3.95 * rate))
    assert rms_db(out[pause]) - rms_db(out[word]) < -20


def test_rates_that_make_no_sense_are_refused() -> None:
    for rate in (0, 4_000, 400_000):
        with pytest.raises(ValueError, match="samples a second"):
            Enhancer(rate, EnhancementSettings())


def test_a_wrong_horn_is_named() -> None:
    with pytest.raises(SpeechError, match="generic-30w"):
        Enhancer(48_000, EnhancementSettings(horn="generic-99w"))


def test_importing_the_settings_does_not_load_numpy() -> None:
    code = "import sys, tts.enhance, tts.enhance.settings; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path.cwd()).returncode == 0

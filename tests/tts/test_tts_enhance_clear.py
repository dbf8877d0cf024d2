"""Does it help? Intelligibility (ESTOI) of real speech through a band of 350 Hz to 5 kHz in noise, all at 10 kHz.

The whole yardstick is `make bench-voice`; this holds what a change must not break.
"""

import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from bench.voice_estoi import RATE, Estoi
from tts.enhance import EnhancementSettings, enhance

SENTENCES = {
    "vi+f4": "Ngày mai trạm y tế tiêm phòng cho trẻ em dưới năm tuổi.",
    "vi-vn-x-south": "Bão đang vào gần bờ, đề nghị tàu thuyền về nơi tránh trú.",
}


@pytest.fixture(scope="module", params=SENTENCES)
def clean(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path: Path = tmp_path_factory.mktemp("clean") / "speech.wav"
    subprocess.run(["espeak-ng", "-v", request.param, "-w", str(path), SENTENCES[request.param]], check=True)
    with wave.open(str(path), "rb") as file:
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = file.getframerate()
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    parts = [f.to_ndarray()[0] for given in (frame, None) for f in resampler.resample(given)]
    samples = np.pad(np.concatenate(parts), RATE // 4).astype(np.float64)
    return samples * 0.08 / np.sqrt(np.mean(samples**2))


def heard(played: np.ndarray) -> np.ndarray:
    """Through the horn's band, and one echo."""
    spectrum = np.fft.rfft(played, 2 * len(played))
    hz = np.fft.rfftfreq(2 * len(played), 1 / RATE)
    out = np.fft.irfft(spectrum / (1 + (350 / np.maximum(hz, 1)) ** 8))[: len(played)]
    out[1000:] += 0.35 * out[:-1000]
    return out


def played(clean: np.ndarray, limit: str, noise: str) -> np.ndarray:
    settings = EnhancementSettings(noise=noise, limit=limit)  # type: ignore[arg-type]
    out = enhance(clean.astype(np.float32), RATE, settings).astype(np.float64)
    if limit == "power":
        return out * np.sqrt(np.mean(clean**2) / np.mean(out**2))
    return out * np.abs(clean).max() / np.abs(out).max()


def in_noise(clean: np.ndarray, sound: np.ndarray, snr: float) -> float:
    """White noise through a gentle slope, at a level set by the untouched speech."""
    white = np.random.default_rng(3).standard_normal(2 * len(clean))
    hz = np.fft.rfftfreq(2 * len(clean), 1 / RATE)
    noise = np.fft.irfft(np.fft.rfft(white) / (1 + hz / 500))[: len(clean)]
    noise *= np.sqrt(np.mean(heard(clean) ** 2) / np.mean(noise**2)) * 10 ** (-snr / 20)
    return Estoi(clean)(heard(sound) + noise)


@pytest.mark.parametrize(("limit", "least_db"), [("peak", 12.0), ("power", 4.0)])
@pytest.mark.parametrize("snr", [-5.0, 0.0, 5.0])
def test_as_clear_as_untouched_speech_that_is_much_louder(
    clean: np.ndarray, limit: str, least_db: float, snr: float
) -> None:
    assert in_noise(clean, played(clean, limit, "storm"), snr) > in_noise(clean, clean, snr + least_db)


@pytest.mark.parametrize("limit", ["peak", "power"])
def test_at_the_quiet_setting_nothing_is_lost_where_there_is_no_noise(clean: np.ndarray, limit: str) -> None:
    judge = Estoi(clean)
    assert judge(heard(played(clean, limit, "quiet"))) > judge(heard(clean)) - 0.012


def test_the_street_setting_lies_between(clean: np.ndarray) -> None:
    quiet, street, storm = (
        in_noise(clean, played(clean, "power", noise), -5.0) for noise in ("quiet", "street", "storm")
    )
    assert quiet < street < storm

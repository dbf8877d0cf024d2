"""Speech of espeak-ng, and files of what a microphone in front of a horn would have got of it."""

import subprocess
import wave
from functools import cache
from pathlib import Path

import numpy as np

from drivers.audio import microphone_noise as noise
from drivers.audio.microphone_acoustics import clocked, through_horn
from edge_agent.proof.samples import Floats, read

RATE = 16_000
MEETING = "Kính mời bà con thôn Đông ra nhà văn hoá họp lúc mười chín giờ, đi đúng giờ."
OTHERS = (
    "Đề nghị bà con đi đúng giờ và mang theo giấy tờ, xin cảm ơn bà con.",
    "Trạm y tế xã thông báo lịch tiêm chủng cho trẻ em dưới năm tuổi.",
    "Bão số ba đang vào gần bờ, bà con khẩn trương chằng chống nhà cửa.",
)


def spoken(folder: Path, text: str, voice: str = "vi") -> Path:
    """A WAV file of a text."""
    path = folder / f"{voice}-{abs(hash(text))}.wav"
    if not path.exists():
        subprocess.run(["espeak-ng", "-v", voice, "-w", path, text], check=True)
    return path


@cache
def street(frames: int, kind: str, seed: int) -> Floats:
    """Noise with an RMS of 1."""
    return noise.make(kind, frames, RATE, np.random.default_rng(seed))


def overheard(
    sound: Path | None, out: Path, *, delay_s: float = 0.4, snr_db: float = 0.0, kind: str = "traffic", seed: int = 1
) -> Path:
    """What a microphone records from the moment on in which `sound` is asked for, until half a second after it.

    Through a horn with echoes, by a crystal that is 100 ppm too fast; `snr_db` is that of 300-3800 Hz.
    """
    source = np.zeros(3 * RATE) if sound is None else read(sound, RATE)
    frames = len(source) + RATE // 2
    rng = np.random.default_rng(seed)
    heard = clocked(through_horn(source, RATE, rng=rng), RATE, delay_s, 100, frames) * 0.2
    around = street(frames, kind, seed)
    level = in_band(heard) if sound is not None else 0.01
    return save(out, heard + around / in_band(around) * level * 10 ** (-snr_db / 20))


def in_band(samples: Floats) -> float:
    """RMS in 300-3800 Hz."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < 300) | (hz > 3800)] = 0
    return float(np.sqrt(np.mean(np.fft.irfft(spectrum, len(samples)) ** 2)))


def save(path: Path, samples: Floats, rate: int = RATE) -> Path:
    """Write samples of -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2").tobytes())
    return path

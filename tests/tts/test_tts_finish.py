"""What is done to joined sentences: enhancement, loudness, limiter, and a driver that stays cool."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tts import audio
from tts.enhance.settings import EnhancementSettings
from tts.errors import SpeechError
from tts.finish import finish, maker, target_lufs
from tts.loudness import integrated, true_peak

TEXTS = ("Cảnh báo mưa lớn, nguy cơ ngập úng tại các thôn ven sông.", "Xin chào bà con.", "Mời họp lúc bảy giờ.")
VOICES = ("vi", "vi+f2", "vi-vn-x-south+m3")


def spoken(folder: Path, text: str, voice: str) -> Path:
    raw, joined = folder / "raw.wav", folder / "joined.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(raw), text], check=True)
    audio.prepare(raw, folder / "piece.wav", 1)
    audio.join([(folder / "piece.wav", 0.3)], joined)
    return joined


def samples(path: Path) -> np.ndarray:
    return audio.decode(path.read_bytes()).astype(np.float32) / 32768


@pytest.mark.parametrize("noise", ["quiet", "street", "storm", None])
def test_all_items_and_voices_have_one_loudness(tmp_path: Path, noise: str | None) -> None:
    enhancement = None if noise is None else EnhancementSettings(noise=noise)  # type: ignore[arg-type]
    found = []
    for voice in VOICES:
        for text in TEXTS:
            finish(spoken(tmp_path, text, voice), tmp_path / "out.wav", enhancement)
            heard = samples(tmp_path / "out.wav")
            found.append(integrated(heard, audio.RATE))
            assert true_peak(heard, audio.RATE) <= -0.95
    assert max(found) - min(found) <= 0.5
    assert found[0] == pytest.approx(target_lufs(enhancement), abs=0.3)


def test_the_more_noise_the_louder() -> None:
    levels = [target_lufs(EnhancementSettings(noise=noise)) for noise in (30.0, "quiet", "street", 4.0, "storm", -5.0)]
    assert levels == sorted(levels)


def test_nothing_is_lost_at_the_ends(tmp_path: Path) -> None:
    joined = spoken(tmp_path, TEXTS[0], "vi")
    finish(joined, tmp_path / "out.wav", EnhancementSettings())
    before, after = samples(joined), samples(tmp_path / "out.wav")
    assert len(before) == len(after)
    shift = np.argmax(np.correlate(np.abs(after[::48]), np.abs(before[::48]), "full")) - (len(before[::48]) - 1)
    assert abs(shift) <= 3, "milliseconds"


def test_levelling_does_not_raise_what_keeps_the_driver_cool(tmp_path: Path) -> None:
    """A horn that bears little is turned down in the finished sound, whatever loudness was wanted."""
    profile = tmp_path / "small.yaml"
    hot = "rated_w: 0.5\namplifier_w: 60\nthermal: {coil_s: 0.5, body_s: 10}\n"
    profile.write_text(f"name: small\nband: [350, 6000]\n{hot}")
    joined = spoken(tmp_path, " ".join(TEXTS * 3), "vi")
    finish(joined, tmp_path / "cool.wav", EnhancementSettings(noise="storm", horn=str(profile)))
    finish(joined, tmp_path / "hot.wav", EnhancementSettings(noise="storm"))
    cool, loud = samples(tmp_path / "cool.wav"), samples(tmp_path / "hot.wav")
    end = slice(-4 * audio.RATE, None)
    assert 10 * np.log10(np.mean(cool[end] ** 2) / np.mean(loud[end] ** 2)) < -6


def test_a_silent_file_stays_silent(tmp_path: Path) -> None:
    audio.write(tmp_path / "silent.wav", [np.zeros(audio.RATE, np.int16)])
    finish(tmp_path / "silent.wav", tmp_path / "out.wav", EnhancementSettings())
    assert np.abs(samples(tmp_path / "out.wav")).max() < 1e-3


def test_a_wrong_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechError) as caught:
        finish(spoken(tmp_path, TEXTS[1], "vi"), tmp_path / "out.wav", EnhancementSettings(horn="megaphone"))
    assert caught.value.code == "speech.horn"
    assert "generic-30w" in caught.value.detail


def test_another_profile_file_is_another_sound(tmp_path: Path) -> None:
    profile = tmp_path / "horn.yaml"
    profile.write_text("name: a\nband: [350, 6000]\n")
    first = maker(EnhancementSettings(horn=str(profile)))
    profile.write_text("name: b\nband: [350, 6000]\n")
    assert maker(EnhancementSettings(horn=str(profile))) != first

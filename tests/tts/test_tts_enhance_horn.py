"""Loudspeaker profiles, and the model that keeps their drivers cool."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tts.enhance import EnhancementSettings, Enhancer, Horn, enhance, load_horn
from tts.enhance.horn import shipped_horns
from tts.enhance.thermal import Guard
from tts.errors import SpeechError

RATE = 8_000


def loud(seconds: float) -> np.ndarray:
    """A full-scale square: twice the power of a sine."""
    return np.where(np.arange(int(seconds * RATE)) // 8 % 2, 1.0, -1.0).astype(np.float32)


def horn(**fields: object) -> Horn:
    return Horn.model_validate({"name": "test", "band": [350, 6000], **fields})


def test_every_shipped_profile_loads() -> None:
    assert {"generic-30w", "none"} <= set(shipped_horns())
    for name in shipped_horns():
        assert load_horn(name).band[1] >= 6000


def test_a_profile_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "sân vận động.yaml"
    path.write_text(
        "name: Sân vận động\nband: [400, 5000]\nrated_w: 50\nresponse: [[400, -3], [1000, 4], [5000, 0]]\n", "utf-8"
    )
    assert load_horn(str(path)).response == ((400, -3), (1000, 4), (5000, 0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\n", "band"),
        ("name: x\nband: [6000, 350]\n", "octave"),
        ("name: x\nband: [350, 6000]\nratd_w: 30\n", "ratd_w"),
        ("name: x\nband: [350, 6000]\nrated_w: -1\n", "rated_w"),
        ("name: x\nband: [350, 6000]\nresponse: [[900, 1], [800, 2]]\n", "rise"),
        ("name: x\nband: [350, 6000]\nresponse: [[900, 100]]\n", "dB"),
        ("- 1\n", "file"),
        ("", "file"),
        ("name: [x\n", "x.yaml"),
        ("a: &a [*a]\n" * 3, "x.yaml"),
        ("#" * 200_000, "bytes"),
    ],
)
def test_a_wrong_profile_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(SpeechError) as caught:
        load_horn(str(path))
    assert caught.value.code == "speech.horn"
    assert told in caught.value.detail


def test_a_profile_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00\x01")
    for name in ("generic", str(tmp_path / "y.yaml"), str(tmp_path), str(tmp_path / "x.yaml"), "a\0b.yaml"):
        with pytest.raises(SpeechError) as caught:
            load_horn(name)
        assert caught.value.code == "speech.horn"


def test_ups_and_downs_of_a_horn_are_levelled_out(tmp_path: Path) -> None:
    path = tmp_path / "peaky.yaml"
    path.write_text("name: x\nband: [350, 6000]\nresponse: [[350, 0], [1200, 0], [1600, 12], [2100, 0], [6000, 0]]\n")
    noise = (0.1 * np.random.default_rng(1).standard_normal(5 * 16_000)).astype(np.float32)

    def spectrum(profile: str) -> np.ndarray:
        out = enhance(noise, 16_000, EnhancementSettings(noise="storm", limit="power", horn=profile))
        return np.mean(np.abs(np.fft.rfft(out.reshape(-1, 1600))) ** 2, axis=0)

    change = 10 * np.log10(spectrum(str(path)) / spectrum("generic-30w"))
    assert change[150:170].mean() < change[300:400].mean() - 2  # 1.5 to 1.7 kHz against 3 to 4 kHz


def test_nothing_is_sent_below_the_horns_band() -> None:
    noise = (0.1 * np.random.default_rng(1).standard_normal(5 * 16_000)).astype(np.float32)
    out = enhance(noise, 16_000, EnhancementSettings(noise="storm"))
    power = np.mean(np.abs(np.fft.rfft(out.reshape(-1, 1600) * np.hanning(1600))) ** 2, axis=0)
    assert 10 * np.log10(power[:10].sum() / power.sum()) < -25  # up to 100 Hz


def test_a_matched_amplifier_may_play_at_full_level_for_ever() -> None:
    given = np.sin(2 * np.pi * 500 * np.arange(RATE * 3600) / RATE).astype(np.float32)
    assert np.array_equal(Guard(RATE, load_horn("generic-30w")).process(given), given)


@pytest.mark.parametrize("amplifier_w", [30, 60, 240])
@pytest.mark.long
def test_the_limit_is_never_passed_in_three_hours_of_the_worst(amplifier_w: int) -> None:
    guard = Guard(RATE, horn(rated_w=30, amplifier_w=amplifier_w))
    minute, highest = loud(60.0), 0.0
    for _ in range(180):
        out = guard.process(minute)
        highest = max(highest, guard.rise)
    assert 0.9 < highest <= 1.02
    # in the end it plays what it could play for ever: the rated power
    assert np.mean(out.astype(np.float64) ** 2) * 2 * amplifier_w == pytest.approx(30, rel=0.05)


def test_the_driver_cools_down_again() -> None:
    guard = Guard(RATE, horn(rated_w=30, amplifier_w=120))
    guard.process(loud(600.0))
    hot = guard.rise
    guard.process(np.zeros(RATE * 600, np.float32))
    assert guard.rise < hot / 2
    assert np.abs(guard.process(loud(1.0))[-100:]).min() > 0.9


def test_the_level_is_turned_without_steps() -> None:
    out = Guard(RATE, horn(rated_w=30, amplifier_w=240)).process(loud(120.0))
    assert np.abs(np.diff(np.abs(out))).max() < 0.001


def test_the_cut_into_blocks_changes_nothing() -> None:
    given, profile = loud(20.0), horn(rated_w=30, amplifier_w=600)
    whole = Guard(RATE, profile).process(given)
    guard = Guard(RATE, profile)
    assert np.array_equal(np.concatenate([guard.process(given[k : k + 333]) for k in range(0, len(given), 333)]), whole)
    assert np.abs(whole[-1]) < 0.9


def test_without_a_rated_power_nothing_is_turned_down() -> None:
    given = loud(5.0)
    assert np.array_equal(Guard(RATE, load_horn("none")).process(given), given)


def test_the_whole_stream_is_turned_down_and_tells_the_heat(tmp_path: Path) -> None:
    path = tmp_path / "weak.yaml"
    path.write_text("name: x\nband: [350, 6000]\nrated_w: 5\namplifier_w: 100\n")
    tone = (0.2 * np.sin(2 * np.pi * 1000 * np.arange(RATE * 60) / RATE)).astype(np.float32)
    stream = Enhancer(RATE, EnhancementSettings(noise="storm", horn=str(path)))
    out = stream.process(tone)
    assert 0.5 < stream.heat <= 1.02
    assert np.std(out[-RATE:]) < np.std(out[RATE : 2 * RATE]) / 2


@pytest.mark.parametrize("noise", [float("nan"), 61.0, -31.0, "rain", "12"])
def test_a_noise_that_makes_no_sense_is_refused(noise: object) -> None:
    with pytest.raises(ValidationError):
        EnhancementSettings.model_validate({"noise": noise})


def test_strength_follows_the_noise() -> None:
    assert EnhancementSettings(noise="quiet").strength() == 0
    assert EnhancementSettings(noise="storm").strength() == 1
    assert EnhancementSettings(noise=-12).strength() == 1
    assert EnhancementSettings(noise=10.0).strength() == pytest.approx(0.5)

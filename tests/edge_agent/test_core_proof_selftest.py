"""A sweep tells level, response and delay; against the calibration: ok, quiet, deaf, or a band is missing."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from core_hearing import RATE, street

from drivers.audio.microphone_acoustics import clocked, through_horn
from drivers.audio.wav import read_info
from edge_agent.proof import calibration, sweep
from edge_agent.proof.model import ProofError, Response
from edge_agent.proof.samples import Floats, read


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Floats:
    path = tmp_path_factory.mktemp("sweep") / "sweep.wav"
    sweep.make_sweep(path)
    assert (read_info(path).rate, read_info(path).channels) == (48_000, 1)
    return read(path, RATE)


def measured(
    played: Floats, gain: float = 0.5, delay_s: float = 0.2, without: tuple[float, float] = (0, 0), noise: float = 0.003
) -> Response:
    """Through a horn that lacks a band, on a street of about -50 dBFS."""
    frames = len(played) + RATE // 2
    spectrum = np.fft.rfft(played)
    hz = np.fft.rfftfreq(len(played), 1 / RATE)
    spectrum[(hz > without[0]) & (hz < without[1])] *= 0.05
    sound = through_horn(np.fft.irfft(spectrum, len(played)), RATE)
    heard = clocked(gain * sound, RATE, delay_s, 50, frames)
    return sweep.response(heard + noise * street(frames, "street", 3))


def test_a_straight_wire_has_a_flat_response_of_its_gain(played: Floats) -> None:
    flat = sweep.response(np.pad(0.5 * played, (1600, 1600)))
    assert flat.delay_s == pytest.approx(0.1, abs=0.001)
    assert all(level == pytest.approx(-6.0, abs=0.7) for hz, level in flat.bands.items() if 250 <= hz <= 5000)
    assert flat.level_db == pytest.approx(-6.0, abs=0.3)


def test_the_same_again_is_ok_and_half_as_loud_is_quiet(played: Floats) -> None:
    installed = measured(played)
    again = calibration.judge(measured(played, delay_s=0.25, noise=0.01), installed)
    assert again.verdict == "ok" and abs(again.change_db or 0) < 1 and again.missing == ()
    assert again.response.delay_s == pytest.approx(0.25, abs=0.002)
    softer = calibration.judge(measured(played, gain=0.2), installed)
    assert softer.verdict == "quiet" and softer.change_db == pytest.approx(-8, abs=0.6)


def test_a_lost_band_is_named(played: Floats) -> None:
    report = calibration.judge(measured(played, without=(1700, 4500)), measured(played))
    assert report.verdict == "band_missing" and set(report.missing) <= {1600, 2000, 2500, 3150, 4000}
    assert {2000, 2500, 3150} <= set(report.missing)


def test_a_dead_horn_is_deaf_in_any_noise(played: Floats) -> None:
    for kind in ("street", "rain", "music", "hum", "speech"):
        heard = 0.03 * street(len(played) + RATE, kind, 5)
        assert calibration.judge(sweep.response(heard), None).verdict == "deaf"


def test_without_a_calibration_it_says_so(played: Floats) -> None:
    assert calibration.judge(measured(played), None).verdict == "uncalibrated"


def test_a_short_recording_is_an_error(played: Floats) -> None:
    with pytest.raises(ProofError) as error:
        sweep.response(played[:RATE])
    assert error.value.code == "proof.failed"


def test_the_calibration_survives_the_disk_and_a_damaged_one_is_none(played: Floats, tmp_path: Path) -> None:
    path = tmp_path / "loa" / "calibration.json"
    assert calibration.load(path) is None
    installed = measured(played)
    calibration.save(path, installed, datetime.now(UTC))
    assert calibration.load(path) == installed
    for damage in ("", "[]", '{"bands": {"x": 1}}', '{"bands": 3}', path.read_text()[:100]):
        path.write_text(damage)
        assert calibration.load(path) is None

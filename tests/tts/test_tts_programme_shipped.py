"""The scripts that come with the software."""

import re
from datetime import date, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

import tts
from tts.audio import RATE
from tts.loudness import integrated, true_peak
from tts.programme import check, load, render

REPO = Path(tts.__file__).parent.parent
EXAMPLES = [
    (name, text)
    for name in ("programmes.md", "guide-staff.md")
    for text in re.findall(r"^```yaml\n(title: .*?)^```", (REPO / "docs" / name).read_text("utf-8"), re.M | re.S)
]
SCRIPTS = sorted(REPO.glob("configs/programmes/*.yaml"))


def test_there_is_a_morning_bulletin() -> None:
    assert "morning.yaml" in [path.name for path in SCRIPTS]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_nothing_in_it_must_be_asked_on_any_day(path: Path) -> None:
    script = load(path)
    for days in range(0, 400, 37):
        tried = check(script, date(2026, 11, 23) + timedelta(days))
        assert not tried.problems, [str(problem) for problem in tried.problems]
        assert not any(char.isdigit() for _, reading in tried.lines for char in reading.spoken)


def test_the_morning_bulletin_lasts_about_five_minutes() -> None:
    (path,) = [path for path in SCRIPTS if path.name == "morning.yaml"]
    assert 240 < check(load(path)).seconds < 360


def test_the_scripts_of_the_guides_are_right(tmp_path: Path) -> None:
    assert len(EXAMPLES) == 2
    for name, text in EXAMPLES:
        (tmp_path / "script.yaml").write_text(text, encoding="utf-8")
        assert not check(load(tmp_path / "script.yaml"), date(2026, 11, 23)).problems, name


@pytest.mark.long
def test_the_morning_bulletin_is_equally_loud_from_item_to_item(tmp_path: Path) -> None:
    (path,) = [path for path in SCRIPTS if path.name == "morning.yaml"]
    out = tmp_path / "morning.flac"
    sheet = render(load(path), out, day=date(2026, 11, 23))
    assert 270 < sheet.seconds < 330
    assert sheet.spread() < 0.5
    assert all(cue.reached for cue in sheet.items)
    with av.open(str(out)) as container:
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]) / 32768
    heard = [integrated(samples[round(cue.start_s * RATE) : round(cue.end_s * RATE)], RATE) for cue in sheet.items]
    assert max(heard) - min(heard) < 0.5, "with the music"
    assert true_peak(samples, RATE) <= -1.0

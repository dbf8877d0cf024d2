from math import inf
from pathlib import Path

import numpy as np
import pytest

from tts.audio import RATE
from tts.programme import sound
from tts.programme.model import Music
from tts.programme.studio import Made
from tts.programme.timeline import MOST_LOWER_LU, Timeline


@pytest.fixture
def second(tmp_path: Path) -> Path:
    path = tmp_path / "second.wav"
    sound.write(path, [np.zeros(RATE, np.float32)])
    return path


def item(path: Path, lufs: float) -> Made:
    return Made(path, lufs, cached=False)


def gains(timeline: Timeline, level: float) -> list[float]:
    return [round(placed.gain_db, 2) for placed in timeline.items(level)]


def test_all_items_come_down_to_the_one_that_cannot_be_louder(second: Path) -> None:
    timeline = Timeline(0.5)
    for lufs in (-14.0, -15.5, -13.9):
        timeline.place(0, "text", item(second, lufs))
    level = timeline.level(-14.0)
    assert level == -15.5
    assert gains(timeline, level) == [-1.5, 0.0, -1.6]


def test_one_very_soft_item_does_not_silence_the_rest(second: Path) -> None:
    timeline = Timeline(0.5)
    for lufs in (-14.0, -30.0, -inf):
        timeline.place(0, "text", item(second, lufs))
    level = timeline.level(-14.0)
    assert level == -14.0 - MOST_LOWER_LU
    assert gains(timeline, level) == [-MOST_LOWER_LU, 0.0, 0.0]


def test_a_softer_programme_lowers_all(second: Path) -> None:
    timeline = Timeline(0.5)
    timeline.place(0, "text", item(second, -14.0))
    assert timeline.level(-20.0) == -20.0
    assert gains(timeline, -20.0) == [-6.0]


def test_gaps_stand_between_items_but_not_beside_pauses(second: Path) -> None:
    timeline = Timeline(0.5)
    timeline.place(0, "text", item(second, -14.0))
    timeline.place(1, "text", item(second, -14.0))
    timeline.wait(2.0)
    timeline.place(3, "text", item(second, -14.0))
    assert [spot.start / RATE for spot in timeline.spots] == [0.0, 1.5, 4.5]
    assert timeline.at == 5.5 * RATE


def test_music_plays_from_its_mark_until_the_next_or_the_end(second: Path) -> None:
    timeline = Timeline(0.5)
    first = Music(music="calm", lead_s=2, fade_s=1)
    timeline.play(first, item(second, -16.0))
    timeline.place(1, "text", item(second, -14.0))
    timeline.play(Music(music="bright", lead_s=1, fade_s=0.5), item(second, -14.0))
    timeline.place(3, "text", item(second, -14.0))
    timeline.stop(Music(music="stop", lead_s=3, fade_s=1))
    timeline.place(5, "text", item(second, -14.0))
    timeline.stop(Music(music="stop"))
    timeline.close()
    beds = timeline.beds(-16.0)
    assert [(bed.start / RATE, bed.end / RATE) for bed in beds] == [(0.0, 3.5), (3.0, 8.0)]
    assert [(bed.fade_in / RATE, bed.fade_out / RATE) for bed in beds] == [(1.0, 0.5), (0.5, 3.0)]
    assert [(bed.alone_db, bed.under_db) for bed in beds] == [(4.0, 14.0), (6.0, 16.0)]
    assert timeline.at == 9 * RATE


def test_music_that_nobody_stops_ends_with_the_programme(second: Path) -> None:
    timeline = Timeline(0.5)
    timeline.play(Music(music="calm", lead_s=2, fade_s=1), item(second, -14.0))
    timeline.place(1, "text", item(second, -14.0))
    timeline.close()
    (bed,) = timeline.beds(-14.0)
    assert (bed.end / RATE, timeline.at / RATE, bed.fade_out / RATE) == (5.0, 5.0, 2.0)

"""What a picture is like over minutes: told when it lasts, and not for night, fog, rain or a body before the lens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from bench.camera_scenes import Passage, Plane, Scene, Weathering
from camera.eye.decode import print_of
from camera.eye.finder import small_of
from camera.eye.picture import PictureJudge

NOON = datetime(2026, 5, 1, 5, tzinfo=UTC)
STREET = Scene(31)


class Sitting:
    """A judge with a clock of its own, shown a picture every five seconds."""

    def __init__(self) -> None:
        self.judge, self.at = PictureJudge(), 0.0

    def show(self, draw: Callable[[float], Plane], seconds: float) -> set[str | None]:
        seen: set[str | None] = set()
        end = self.at + seconds
        while self.at < end:
            plane = draw(self.at)
            seen.add(self.judge.look(small_of(plane), NOON + timedelta(seconds=self.at), print_of(plane)))
            self.at += 5
        return seen


def shown_street(seconds: float = 120) -> Sitting:
    sitting = Sitting()
    assert sitting.show(STREET.draw, seconds) <= {None, "good"}
    assert sitting.judge.state == "good"
    return sitting


def bag(at: float) -> Plane:
    rng = np.random.default_rng(int(at))
    folds = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 200, (360, 640)), (0, 0), 40)
    return np.clip(110 + folds + rng.normal(0, 3, (360, 640)), 0, 255).astype(np.uint8)


def night_without_light(at: float) -> Plane:
    return np.clip(np.random.default_rng(int(at)).normal(6, 2, (360, 640)), 0, 255).astype(np.uint8)


def turned(at: float) -> Plane:
    return np.roll(STREET.draw(at), 60, axis=1)


def elsewhere(at: float) -> Plane:
    return Scene(77).draw(at)


def unfocused(at: float) -> Plane:
    return cv2.GaussianBlur(STREET.draw(at), (0, 0), 6)


def stuck(_at: float) -> Plane:
    return STREET.draw(11)


@pytest.mark.parametrize(
    ("draw", "state"),
    [
        (bag, "covered"),
        (night_without_light, "dark"),
        (turned, "moved"),
        (elsewhere, "moved"),
        (unfocused, "blurred"),
        (stuck, "frozen"),
    ],
)
def test_told_when_it_lasts_and_taken_back_when_it_is_over(draw, state):
    sitting = shown_street()
    begun = NOON + timedelta(seconds=sitting.at)
    assert sitting.show(draw, 30) == {"good"}, "half a minute is nothing yet"
    assert state in sitting.show(draw, 420)
    assert sitting.judge.state == state
    assert sitting.judge.since is not None
    assert begun <= sitting.judge.since <= begun + timedelta(seconds=30), "since it began, not since it was told"
    sitting.show(STREET.draw, 60)
    assert sitting.judge.state == "good"


@pytest.mark.long
def test_dusk_night_lamps_and_infrared_are_good():
    sitting = shown_street(300)

    def dusk(at: float) -> Plane:
        part = min(1.0, (at - 300) / 1800)
        day, night = STREET.draw(at), Scene(31, going_on=Weathering(night=True, noise=4)).draw(at)
        return cv2.addWeighted(day, 1 - part, night, part, 0)

    assert sitting.show(dusk, 2400) == {"good"}
    lamps = Scene(31, going_on=Weathering(night=True, noise=5, switches=(2900.0, 3100.0)))
    assert sitting.show(lamps.draw, 600) == {"good"}
    infrared = Scene(31, going_on=Weathering(infrared_at=0, noise=4))
    assert sitting.show(infrared.draw, 600) == {"good"}
    assert sitting.show(STREET.draw, 300) == {"good"}


@pytest.mark.long
def test_an_hour_of_fog_is_good():
    sitting = shown_street(300)

    def fog(at: float) -> Plane:
        clear = 1 - 0.85 * np.sin(np.pi * min(1.0, (at - 300) / 3600))
        noise = np.random.default_rng(int(at)).normal(0, 2, (360, 640))
        return np.clip(190 + (STREET.draw(at).astype(float) - 190) * clear + noise, 0, 255).astype(np.uint8)

    assert sitting.show(fog, 3600) == {"good"}


def test_rain_and_a_lorry_that_stands_before_the_lens_for_a_minute():
    sitting = shown_street()
    assert sitting.show(Scene(31, going_on=Weathering(weather="rain")).draw, 600) == {"good"}
    lorry = Passage(sitting.at, sitting.at + 180, "vehicle", -1.0, True, 0.7, stops=True)
    assert sitting.show(Scene(31, passages=[lorry]).draw, 180) == {"good"}


def test_a_view_that_stays_turned_is_the_right_one_after_hours():
    sitting = shown_street()
    sitting.show(elsewhere, 180)
    assert sitting.judge.state == "moved"
    sitting.at += 6.1 * 3600
    sitting.show(elsewhere, 60)
    assert sitting.judge.state == "good"
    sitting.show(STREET.draw, 200)
    assert sitting.judge.state == "moved", "the old view is another one now"


def test_a_clock_that_is_put_back_does_no_harm():
    sitting = shown_street()
    sitting.at = 1.0
    assert sitting.show(STREET.draw, 120) == {"good"}
    sitting.show(bag, 120)
    assert sitting.judge.state == "covered"

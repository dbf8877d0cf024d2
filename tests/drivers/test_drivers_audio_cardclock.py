"""The line through a card's readings, on readings that are computed."""

import random

import pytest

from drivers.audio.cardclock import CardClock

RATE = 48_000


class Crystal:
    """A card that is read at irregular instants, late now and then; tells its position in steps."""

    def __init__(self, ppm, step=1, seed=1, hint=None):
        self.ppm, self.step = ppm, step
        self.random = random.Random(seed)
        self.clock = CardClock(RATE, hint)
        self.time, self.shift = 1000.0, 0.0

    def frames(self, time):
        return (time - 1000.0) * RATE * (1 + self.ppm * 1e-6) + self.shift

    def run(self, seconds):
        end = self.time + seconds
        while self.time < end:
            self.time += self.random.uniform(0.004, 0.010)
            told = int(self.frames(self.time))
            held_up = self.random.random() * 2e-3 if self.random.random() < 0.05 else self.random.expovariate(3e5)
            if told - told % self.step > 0:
                self.clock.read(self.time + held_up, told - told % self.step)

    def off_us(self):
        """By how much it is wrong about what is heard 60 ms from now."""
        later = self.time + 0.06
        return (self.clock.frame_at(later) - self.frames(later)) / RATE * 1e6


@pytest.mark.parametrize("ppm", [-100, -40, 0, 40, 100])
@pytest.mark.parametrize(("step", "soon_us", "late_us"), [(1, 30, 5), (48, 120, 15), (240, 300, 50)])
@pytest.mark.parametrize("seed", range(3))
def test_it_knows_the_card_within_seconds(ppm, step, soon_us, late_us, seed):
    crystal = Crystal(ppm, step, seed)
    crystal.run(2)
    assert crystal.clock.ready
    assert abs(crystal.off_us()) < soon_us
    crystal.run(28)
    assert abs(crystal.off_us()) < late_us
    assert crystal.clock.drift_ppm == pytest.approx(ppm, abs=3)
    assert 0 < crystal.clock.uncertainty_s < step / RATE + 1e-4
    assert crystal.clock.restarts == 0
    frame = crystal.frames(crystal.time)
    assert crystal.clock.frame_at(crystal.clock.time_of(frame)) == pytest.approx(frame)


def test_it_follows_a_crystal_that_warms_up():
    crystal = Crystal(0.0)
    for _ in range(120):
        crystal.run(1)
        before = crystal.frames(crystal.time)
        crystal.ppm += 0.05
        crystal.shift += before - crystal.frames(crystal.time)
        assert crystal.clock.restarts == 0
    assert abs(crystal.off_us()) < 20


def test_what_is_known_of_the_pace_outlives_a_restart():
    crystal = Crystal(80.0)
    crystal.run(10)
    crystal.clock.restart()
    assert not crystal.clock.ready
    crystal.run(0.3)
    assert crystal.clock.ready
    assert crystal.clock.drift_ppm == pytest.approx(80, abs=2)


def test_a_card_that_stands_still_is_noticed_and_found_again():
    crystal = Crystal(40.0, 240)
    crystal.run(5)
    stood = crystal.frames(crystal.time)
    crystal.ppm = -1e6
    crystal.shift = stood
    crystal.run(1)
    assert crystal.clock.still
    assert not crystal.clock.ready
    crystal.ppm = 40.0
    crystal.shift = stood - (crystal.time - 1000.0) * RATE * (1 + 40e-6)
    crystal.run(1)
    assert crystal.clock.ready
    assert crystal.clock.restarts == 1
    assert abs(crystal.off_us()) < 500


@pytest.mark.parametrize("jump_s", [0.02, -0.02, 0.3])
def test_a_pause_or_a_leap_that_nobody_told_of_is_found(jump_s):
    crystal = Crystal(-40.0)
    crystal.run(10)
    crystal.shift += jump_s * RATE
    crystal.run(2)
    assert abs(crystal.off_us()) < 50
    assert crystal.clock.restarts == 1


def test_a_hint_spares_the_learning():
    crystal = Crystal(300.0, hint=300.0)
    crystal.run(0.5)
    assert abs(crystal.off_us()) < 30
    assert crystal.clock.drift_ppm == pytest.approx(300, abs=3)

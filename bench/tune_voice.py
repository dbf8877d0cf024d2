"""Searches the numbers of `tts/enhance/tuning.py`: `python -m bench.tune_voice peak --minutes 20 --seed 1`.

CMA-ES (N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016) over all numbers of a `Tuning` at once. Goal: the
gain in dB over what is aimed at, mean over both noises and three SNRs plus the worst of the six. Each generation hears
six of the training sentences, each at a place of its own with random resonances, echoes, band and noise; half of the
profiles know the resonances. Prints the best `Tuning` found, without the learned correction: train that anew after it
(`bench.voice_train`). Run in the environment of `make bench-voice`.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.voice import TARGETS, random_place
from bench.voice_model import NOISES, SNRS, Sentence, amplified, speak
from bench.voice_sentences import TRAINING
from tts.enhance.horn import Horn
from tts.enhance.law import CENTRES
from tts.enhance.rails import Rails
from tts.enhance.shape import Shaper
from tts.enhance.tuning import STORM_PEAK, STORM_POWER, Tuning

Doubles = NDArray[np.float64]

_HEARD = 6
# name: (least, most, on a logarithmic scale)
_RANGES = {
    "low": (0.4, 1.1, False),
    "horn": (0, 1.2, False),
    "tau_m": (0.004, 0.14, True),
    "tau_s": (0.05, 2.7, True),
    **dict.fromkeys(("b_up", "b_down", "b_mid", "b_slow", "d_up", "d_down", "d_mid", "d_slow"), (0, 2.2, False)),
    "b_curve": (-1, 1, False),
    "d_fine": (-0.8, 1.5, False),
    **dict.fromkeys(("d_fast_slope", "d_mid_slope", "d_slow_slope"), (-0.8, 0.8, False)),
    "energy": (-0.2, 1.2, False),
    "w_tilt": (-2, 2, False),
    "floor": (-75, -25, False),
    "gate": (-60, -30, False),
    "most": (5, 40, False),
}
_RAILS = {"drive": (10, 34, False), "over": (0, 30, False), "knee": (1.5, 33, True)}
_EQ_DB = 18.0


class Scale:
    """A `Tuning` as a point of numbers from 0 to 1, and back."""

    def __init__(self, start: Tuning) -> None:
        self._start = start
        self._ranges = _RANGES if start.keep else _RANGES | _RAILS
        self.size = len(self._ranges) + len(start.eq)

    def point(self) -> Doubles:
        values = []
        for name, (least, most, log) in self._ranges.items():
            value = getattr(self._start, name)
            values.append(np.log(value / least) / np.log(most / least) if log else (value - least) / (most - least))
        return np.clip(np.array(values + [(db / _EQ_DB + 1) / 2 for db in self._start.eq]), 0.02, 0.98)

    def tuning(self, point: Doubles) -> Tuning:
        unit = np.clip(point, 0, 1).tolist()
        values = {
            name: least * (most / least) ** u if log else least + u * (most - least)
            for u, (name, (least, most, log)) in zip(unit, self._ranges.items(), strict=False)
        }
        return replace(self._start, eq=tuple((2 * u - 1) * _EQ_DB for u in unit[len(values) :]), **values)


def places() -> list[tuple[Sentence, Horn]]:
    """Every training sentence at a place of its own, with a profile that knows every other horn."""
    rng, found = np.random.default_rng(1), []
    for k, (voice, speed, text) in enumerate(TRAINING):
        clean, place = speak(text, voice, speed), random_place(rng)
        response = place.response_db(np.minimum(CENTRES, 7900)) if k % 2 else None
        points = () if response is None else tuple(zip(CENTRES.tolist(), response.tolist(), strict=True))
        horn = Horn(name="training", band=(350, 6000), response=points)
        found.append((Sentence(clean, voice, clean, 500 + k, place), horn))
    return found


def over_target(tuning: Tuning, heard: list[tuple[Sentence, Horn]]) -> Doubles:
    """(2 noises, 3 SNRs): gain less the target, dB, mean over the sentences."""
    limit = "power" if tuning.keep else "peak"
    found = []
    for sentence, horn in heard:
        shaper, rails = Shaper(16_000, tuning, horn), Rails(16_000, tuning)
        delay = shaper.latency + rails.latency
        given = np.pad(sentence.clean, (0, delay)).astype(np.float32)
        out = amplified(rails.process(shaper.process(given))[delay:].astype(np.float64), sentence.clean, limit)
        found.append([sentence.gains(out, kind, np.array(SNRS))[1] for kind in NOISES])
    return np.asarray(np.mean(found, axis=0) - TARGETS[limit])


class Cma:
    """Ask for points, tell them from best to worst."""

    def __init__(self, mean: Doubles, step: float, rng: np.random.Generator) -> None:
        self.mean, self.step, self._rng = mean, step, rng
        n, self.size = len(mean), 16
        parents = self.size // 2
        weights = np.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
        self._weights = weights / weights.sum()
        mass = 1 / (self._weights**2).sum()
        self._mass = mass
        self._c_path = (4 + mass / n) / (n + 4 + 2 * mass / n)
        self._c_step = (mass + 2) / (n + mass + 5)
        self._c_one = 2 / ((n + 1.3) ** 2 + mass)
        self._c_rank = min(1 - self._c_one, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
        self._damping = 1 + 2 * max(0.0, np.sqrt((mass - 1) / (n + 1)) - 1) + self._c_step
        self._usual = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
        self._cov, self._path, self._turns = np.eye(n), np.zeros(n), np.zeros(n)

    def ask(self) -> Doubles:
        values, self._axes = np.linalg.eigh((self._cov + self._cov.T) / 2)
        self._lengths = np.sqrt(np.maximum(values, 1e-14))
        self._moves = (self._rng.standard_normal((self.size, len(self.mean))) * self._lengths) @ self._axes.T
        return np.asarray(self.mean + self.step * self._moves)

    def tell(self, order: NDArray[np.int64]) -> None:
        best = self._moves[order[: len(self._weights)]]
        move = self._weights @ best
        self.mean = self.mean + self.step * move
        white = self._axes @ ((self._axes.T @ move) / self._lengths)
        fresh = np.sqrt(self._c_step * (2 - self._c_step) * self._mass)
        self._turns = (1 - self._c_step) * self._turns + fresh * white
        length = np.linalg.norm(self._turns) / self._usual
        steady = length < 1.4 + 2 / (len(self.mean) + 1)
        fresh = np.sqrt(self._c_path * (2 - self._c_path) * self._mass)
        self._path = (1 - self._c_path) * self._path + steady * fresh * move
        self._cov = (
            (1 - self._c_one - self._c_rank) * self._cov
            + self._c_one * np.outer(self._path, self._path)
            + self._c_rank * (best.T * self._weights) @ best
        )
        self.step *= float(np.exp(min(0.3, (self._c_step / self._damping) * (length - 1))))


def main() -> None:
    """Search until the time is over."""
    ask = argparse.ArgumentParser(prog="python -m bench.tune_voice", description=__doc__)
    ask.add_argument("limit", choices=["peak", "power"])
    ask.add_argument("--minutes", type=float, default=20)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--step", type=float, default=0.07, help="how far to look at first, of each number's range")
    options = ask.parse_args()
    start = STORM_PEAK if options.limit == "peak" else replace(STORM_POWER, learned=0.0)
    heard, rng = places(), np.random.default_rng(options.seed)
    scale = Scale(start)
    search, began, best = Cma(scale.point(), options.step, rng), time.monotonic(), (-1e9, start)
    generation = 0
    while time.monotonic() - began < 60 * options.minutes:
        points = search.ask()
        some = [heard[k] for k in rng.choice(len(heard), _HEARD, replace=False)]
        costs = []
        for point in points:
            over = over_target(scale.tuning(point), some)
            outside = ((point - np.clip(point, 0, 1)) ** 2).sum()
            costs.append(50 * outside - over.mean() - over.min())
        search.tell(np.argsort(costs))
        generation += 1
        if generation % 10 == 0:
            found = scale.tuning(search.mean)
            over = over_target(found, heard)
            best = max(best, (float(over.mean() + over.min()), found), key=lambda pair: pair[0])
            print(f"{generation} step {search.step:.3f}, over target: {over.round(2).tolist()}", flush=True)
    print(best[1])


if __name__ == "__main__":
    main()

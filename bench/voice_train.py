"""Trains the correction of `tts/enhance/learned.py`: `python -m bench.voice_train OUT.npz`, in `.venv-bench`.

A network of 252 figures, twice 44, and 18 gains; Adam; each step hears eight sentences of `bench.voice_lessons`, each
at a place and in a noise of its own, at two SNRs between -8 and 8 dB and at equal mean power. What is raised: the gain
in dB by ESTOI, and beside it, so that it is not only that measure that gains, the SII and a likeness of cepstra.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.voice import random_place
from bench.voice_hearing import Hearing
from bench.voice_lessons import Row, lessons
from bench.voice_measures import sii
from bench.voice_model import NOISES, RATE, SNRS, Sentence, rms, speak
from tts.enhance.horn import load_horn
from tts.enhance.law import _START_DB, CENTRES, GainLaw, Level
from tts.enhance.learned import MOST_DB, Correction
from tts.enhance.shape import Shaper
from tts.enhance.tuning import STORM_POWER

Doubles = NDArray[np.float64]

_TUNING = replace(STORM_POWER, learned=0.0)
_HOP, _SIZE, _AHEAD = 64, 256, STORM_POWER.ahead
_LONGEST = 6 * RATE
_HEARD = 8
_HIDDEN = 44


class Given:
    """A sentence as the enhancement sees it: all that does not depend on the network, computed once."""

    def __init__(self, clean: Doubles) -> None:
        self.clean = clean
        shaper = Shaper(RATE, _TUNING, load_horn("generic-30w"))
        count = (len(clean) + _SIZE) // _HOP + 1
        padded = np.pad(clean, (_SIZE - _HOP, count * _HOP + _SIZE - len(clean))).astype(np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP][:count]
        spectra = np.fft.rfft(frames * shaper._window, axis=1).astype(np.complex64)
        self._energies = ((spectra.real**2 + spectra.imag**2) @ shaper._collect).astype(np.float64)
        energies = np.concatenate([self._energies, np.zeros((_AHEAD, len(CENTRES)))])
        level, _, law = GainLaw(_HOP / RATE, _TUNING, np.zeros(len(CENTRES))).plan(energies)
        seen = Correction(_HOP / RATE).seen(energies * 10 ** (-level[:, None] / 10), law)
        self.seen = torch.tensor(seen[_AHEAD:], dtype=torch.float32)
        self._law, self._level = torch.tensor(law[_AHEAD:], dtype=torch.float32), level[_AHEAD:]
        self._spectra = torch.tensor(spectra)
        self._spread, self._pass = torch.tensor(shaper._spread), torch.tensor(shaper._pass)
        self._window = torch.tensor(shaper._window)

    def played(self, network: nn.Module) -> Tensor:
        """What is played, (n,), of the mean power of what came."""
        gain = self._law + MOST_DB * torch.tanh(network(self.seen) * 4 / MOST_DB)
        with torch.no_grad():
            out = Level(_HOP / RATE, _START_DB).track((self._energies * 10 ** (gain.numpy() / 10)).sum(axis=1))
        gain = gain + torch.tensor((self._level - out)[:, None], dtype=torch.float32)
        shaped = self._spectra * ((10 ** (gain / 20) @ self._spread) * self._pass)
        frames = torch.fft.irfft(shaped, _SIZE, dim=1) * self._window
        size = (1, (len(frames) - 1) * _HOP + _SIZE)
        samples = nn.functional.fold(frames.T[None], size, (1, _SIZE), stride=(1, _HOP)).reshape(-1)
        samples = samples[_SIZE - _HOP :][: len(self.clean)]
        return samples * rms(self.clean) / torch.sqrt((samples**2).mean() + 1e-12)


class Scaled(nn.Module):
    """The network behind a scaling of what it sees; at first it changes next to nothing."""

    def __init__(self, seen: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", seen.mean(0))
        self.register_buffer("spread", seen.std(0) + 0.05)
        last = nn.Linear(_HIDDEN, len(CENTRES))
        with torch.no_grad():
            last.weight.mul_(0.05)
            last.bias.zero_()
        first = nn.Linear(seen.shape[1], _HIDDEN)
        self.layers = nn.Sequential(first, nn.Tanh(), nn.Linear(_HIDDEN, _HIDDEN), nn.Tanh(), last)

    def forward(self, seen: Tensor) -> Tensor:
        return self.layers((seen - self.mean) / self.spread)

    def write(self, target: Path) -> None:
        """Store it as `tts/enhance/learned.py` reads it: the scalings are part of the first and the last layer."""
        arrays = {}
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        for k, layer in enumerate(linear):
            weights, bias = layer.weight.detach().double(), layer.bias.detach().double()
            if k == 0:
                weights = weights / self.spread
                bias = bias - weights @ self.mean.double()
            part = 4 / MOST_DB if k == len(linear) - 1 else 1.0
            arrays[f"weights_{k}"] = np.ascontiguousarray((weights.T * part).numpy(), np.float32)
            arrays[f"bias_{k}"] = (bias * part).numpy().astype(np.float32)
        np.savez(target, **arrays)


def spoken(rows: list[Row], rng: np.random.Generator) -> list[Given]:
    """The sentences; a quarter of them with the noise of a recording."""
    found = []
    for voice, speed, text in rows:
        samples = speak(text, voice, speed)[:_LONGEST]
        if rng.random() < 0.25:
            samples = samples + rng.standard_normal(len(samples)) * 0.08 * 10 ** (-rng.uniform(42, 60) / 20)
        found.append(Given(samples))
    return found


def step(network: Scaled, given: list[Given], shares: tuple[float, float], rng: np.random.Generator) -> Doubles:
    """Add up the gradients of some sentences; return the three figures' means."""
    figures = np.zeros(3)
    for _ in range(_HEARD):
        one, other = given[rng.integers(len(given))], given[rng.integers(len(given))]
        like = other if rng.random() < 0.5 else one
        kind = ("ssn", "ssn", "traffic", "any")[rng.integers(4)]
        hearing = Hearing(one.clean, like.clean, kind, random_place(rng), rng)
        estoi, audible, cepstra = hearing(one.played(network), rng.uniform(-8, 8, 2))
        (-(estoi + shares[0] * audible + shares[1] * cepstra) / _HEARD).backward()
        figures += np.array([estoi.item(), audible.item(), cepstra.item()]) / _HEARD
    return figures


def check(network: Scaled, rows: list[Row]) -> str:
    """Gain in dB in both noises at the three SNRs, and the SII, for voices that are not trained on."""
    gains, audible = [], []
    for voice, speed, text in rows:
        clean = speak(text, voice, speed)[:_LONGEST]
        sentence = Sentence(clean, voice, clean, 77)
        with torch.no_grad():
            played = Given(clean).played(network).double().numpy()
        gains.append([sentence.gains(played, kind, np.array(SNRS))[1] for kind in NOISES])
        audible.append([sii(sentence, played, kind) for kind in NOISES])
    return f"gain {np.mean(gains, axis=0).round(2).tolist()}, SII {np.mean(audible, axis=0).round(3).tolist()}"


def main() -> None:
    """Train for a while, tell how it goes, write the weights."""
    ask = argparse.ArgumentParser(prog="python -m bench.voice_train", description=__doc__)
    ask.add_argument("out", type=Path)
    ask.add_argument("--minutes", type=float, default=20)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--rate", type=float, default=0.004, help="of learning, at first")
    ask.add_argument("--sii", type=float, default=6.0, help="decibels that the whole SII is worth")
    ask.add_argument("--cepstra", type=float, default=4.0, help="decibels that perfect cepstra are worth")
    options = ask.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng, (rows, checked) = np.random.default_rng(options.seed), lessons()
    given = spoken(rows, rng)
    network = Scaled(torch.cat([one.seen for one in given]))
    search = torch.optim.Adam(network.parameters())
    began, count, mean = time.monotonic(), 0, np.zeros(3)
    while (done := (time.monotonic() - began) / 60 / options.minutes) < 1:
        for group in search.param_groups:
            group["lr"] = options.rate * min(1, count / 50) * (1 + np.cos(np.pi * done)) / 2 + 1e-5
        search.zero_grad()
        mean += step(network, given, (options.sii, options.cepstra), rng) / 100
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        search.step()
        count += 1
        if count % 100 == 0:
            print(f"{count} heard {mean.round(3).tolist()}; {check(network, checked)}", flush=True)
            mean[:] = 0
    network.write(options.out)
    print(f"{count} steps; {check(network, checked)}")


if __name__ == "__main__":
    main()

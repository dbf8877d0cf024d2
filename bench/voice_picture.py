"""The drawing of `docs/enhancement.md`."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from bench.voice_model import NOISES, RATE, SNRS, Sentence, amplified

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Doubles = NDArray[np.float64]
Method = Callable[..., Doubles]

_COLOURS = {"untouched": "#777777", "ffmpeg": "#c77800", "ours": "#00679a"}
_WIDE = np.arange(-10, 16, 2.5)


def draw(
    target: Path,
    sentences: list[Sentence],
    gains: Mapping[tuple[str, str], Doubles],
    targets: Mapping[str, Sequence[float]],
    ours: Method,
    ffmpeg: Method,
) -> None:
    """Write the drawing: curves of ESTOI, gains against targets, one sentence before and after."""
    figure, axes = plt.subplots(3, 2, figsize=(11, 11.5), constrained_layout=True)
    for column, kind in enumerate(NOISES):
        _curves(axes[0, column], sentences, kind, ours, ffmpeg)
    for column, limit in enumerate(targets):
        _bars(axes[1, column], limit, gains, targets[limit])
    first = sentences[0]
    played = {"untouched": first.clean, "ours": ours(first.clean, limit="peak")}
    for column, (name, samples) in enumerate(played.items()):
        _spectrogram(axes[2, column], first, amplified(samples, first.clean, "peak"), name)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=75)
    plt.close(figure)


def _curves(axes: Axes, sentences: list[Sentence], kind: str, ours: Method, ffmpeg: Method) -> None:
    methods: dict[str, Method] = {"untouched": lambda x: x, "ffmpeg": ffmpeg, "ours": partial(ours, limit="peak")}
    for name, method in methods.items():
        values = [s.estoi(amplified(method(s.clean), s.clean, "peak"), kind, _WIDE) for s in sentences]
        axes.plot(_WIDE, np.mean(values, axis=0), color=_COLOURS[name], label=name, marker="o", markersize=3)
    axes.set(title=f"Intelligibility at equal peak, {kind} noise", xlabel="SNR of untouched speech, dB", ylabel="ESTOI")
    axes.set_ylim(0, 0.75)
    axes.grid(alpha=0.3)
    axes.legend()


def _bars(axes: Axes, limit: str, gains: Mapping[tuple[str, str], Doubles], target: Sequence[float]) -> None:
    place = np.arange(len(SNRS))
    for k, kind in enumerate(NOISES):
        bars = axes.bar(place + 0.36 * (k - 0.5), gains[limit, kind], 0.34, label=kind, color=("#00679a", "#5fb3d9")[k])
        axes.bar_label(bars, fmt="%.1f")
    for k, level in enumerate(target):
        axes.plot([k - 0.4, k + 0.4], [level, level], color="#b00020", label="target" if k == 0 else None)
    axes.set_xticks(place, [f"{snr:+.0f} dB" for snr in SNRS])
    axes.set(title=f"Gain at equal {limit}, all Vietnamese sentences", ylabel="dB of untouched speech", xlabel="SNR")
    axes.set_ylim(0, 26)
    axes.legend(loc="upper right", ncols=3)


def _spectrogram(axes: Axes, sentence: Sentence, played: Doubles, name: str) -> None:
    heard = sentence.place.heard(played) + sentence.noises["traffic"]
    axes.specgram(heard + 1e-9, NFFT=512, Fs=RATE, noverlap=384, vmin=-100, vmax=-40, cmap="magma")
    axes.set(title=f"What arrives in traffic at 0 dB: {name}", xlabel="seconds", ylabel="Hz")

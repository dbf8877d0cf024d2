"""How clear the enhancement makes speech through a horn in noise: `make bench-voice`.

Prints every figure with its target, writes `docs/images/enhancement.png`. Method and limits: docs/enhancement.md.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from bench.voice_measures import check_estoi, haspi, sii
from bench.voice_model import NOISES, RATE, SNRS, Place, Sentence, active_rms, amplified, speak
from bench.voice_sentences import ENGLISH, FAMILIAR, UNKNOWN
from tts.enhance import EnhancementSettings, Enhancer, enhance

Doubles = NDArray[np.float64]
Method = Callable[[Doubles], Doubles]

TARGETS = {"peak": (16.0, 15.5, 14.0), "power": (8.0, 7.7, 7.0)}
_FILTERS = (
    "highpass=f=350:p=2,equalizer=f=2500:t=q:w=0.8:g=9,highshelf=f=3000:g=4,"
    "acompressor=threshold=-30dB:ratio=6:attack=3:release=60:makeup=8,alimiter=limit=0.9"
)


def ours(samples: Doubles, rate: int = RATE, **settings: object) -> Doubles:
    """The enhancement, at another rate if asked."""
    wanted = EnhancementSettings.model_validate({"noise": "storm", **settings})
    given = soxr.resample(samples, RATE, rate) if rate != RATE else samples
    out = enhance(given.astype(np.float32), rate, wanted).astype(np.float64)
    out = soxr.resample(out, rate, RATE) if rate != RATE else out
    return np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)]


def ffmpeg(samples: Doubles) -> Doubles:
    """What a careful person does with ffmpeg's own filters: equaliser, compressor, limiter."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        soundfile.write(source, samples, RATE, subtype="FLOAT")
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-af", _FILTERS, "-ar", str(RATE)]
        subprocess.run([*command, "-c:a", "pcm_f32le", str(target)], check=True)
        out, _ = soundfile.read(target)
    out = np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)]
    # what look-ahead shifted
    lag = np.argmax(fftconvolve(out, samples[::-1])[len(samples) - 801 : len(samples) + 800]) - 800
    return np.roll(out, -lag)


def spoken(rows: Sequence[tuple[str, int, str]], seed: int, place: Place | None = None) -> list[Sentence]:
    """Sentences of a list, all at one place."""
    clean = [speak(text, voice, speed) for voice, speed, text in rows]
    like = np.concatenate(clean)
    place = place or Place()
    return [Sentence(x, row[0], like, seed + k, place) for k, (x, row) in enumerate(zip(clean, rows, strict=True))]


def mean_gains(sentences: list[Sentence], method: Method, limit: str, kind: str) -> tuple[Doubles, Doubles]:
    """ESTOI and gain in dB at `SNRS`, (3,) each, mean over the sentences."""
    results = [s.gains(amplified(method(s.clean), s.clean, limit), kind, np.array(SNRS)) for s in sentences]
    return np.mean([r[0] for r in results], axis=0), np.mean([r[1] for r in results], axis=0)


def gain_table(groups: dict[str, list[Sentence]]) -> dict[tuple[str, str], Doubles]:
    """Print ESTOI and gains; return ours over all Vietnamese sentences, by (limit, noise)."""
    kept = {}
    for limit in ("peak", "power"):
        for kind in NOISES:
            print(f"\nequal {limit}, {kind} noise: ESTOI (gain in dB) at SNR {SNRS} dB")
            methods: dict[str, Method] = {
                "untouched": lambda x: x,
                "ffmpeg": ffmpeg,
                "ours": partial(ours, limit=limit),
            }
            for name, method in methods.items():
                for group, sentences in groups.items():
                    values, gains = mean_gains(sentences, method, limit, kind)
                    row = "  ".join(f"{v:.3f} ({g:+5.1f})" for v, g in zip(values, gains, strict=True))
                    print(f"  {name:10s} {group:34s} {row}")
                    if name == "ours" and group.startswith("all"):
                        kept[limit, kind] = gains
            print(f"  {'target':45s} " + "  ".join(f"      ({t:+5.1f})" for t in TARGETS[limit]))
    return kept


def other_places(sentences: list[Sentence]) -> None:
    """The same sentences through horns and echoes that nothing was tuned on; the profile knows of none of them."""
    rng = np.random.default_rng(20)
    print("\nfive other horns, echoes and noises, ours: gain in dB at SNR -5, 0, 5 dB, mean (worst horn)")
    places = [random_place(rng) for _ in range(5)]
    for limit in ("peak", "power"):
        for kind in NOISES:
            gains = []
            for k, place in enumerate(places):
                there = [Sentence(s.clean, s.name, s.like, 2000 + 50 * k + j, place) for j, s in enumerate(sentences)]
                gains.append(mean_gains(there, partial(ours, limit=limit), limit, kind)[1])
            means, worst = np.mean(gains, axis=0), np.min(gains, axis=0)
            row = "  ".join(f"{m:5.1f} ({w:5.1f})" for m, w in zip(means, worst, strict=True))
            print(f"  {limit:6s} {kind:8s} {row}")


def random_place(rng: np.random.Generator) -> Place:
    """A horn and air by chance, within what is usual."""
    hz = np.array([700, 1500, 2500, 3700, 4800]) * 2 ** rng.uniform(-0.3, 0.3, 5)
    resonances = tuple((float(f), float(rng.uniform(-6, 6)), float(rng.uniform(2.5, 6))) for f in hz)
    delays, gains = np.sort(rng.uniform(0.04, 0.3, 2)), 10 ** (-rng.uniform(6, 14, 2) / 20)
    echoes = ((0.0, 1.0), *((float(d), float(g)) for d, g in zip(delays, gains, strict=True)))
    return Place(resonances, echoes, (float(rng.uniform(300, 420)), float(rng.uniform(5000, 7000))))


def other_measures(sentences: list[Sentence]) -> None:
    """HASPI, which nothing was tuned on, and SII, which the correction at equal power was also trained for, at 0 dB."""
    print("\nother measures, at SNR 0 dB, mean (least):  untouched | ffmpeg | ours")
    for limit in ("peak", "power"):
        methods: dict[str, Method] = {"untouched": lambda x: x, "ffmpeg": ffmpeg, "ours": partial(ours, limit=limit)}
        for kind in NOISES:
            for name, measure in (("HASPI", haspi), ("SII", sii)):
                cells = []
                for method in methods.values():
                    values = [measure(s, amplified(method(s.clean), s.clean, limit), kind) for s in sentences]
                    cells.append(f"{np.mean(values):.3f} ({np.min(values):.3f})")
                aim = "   target 0.95" if name == "HASPI" and limit == "peak" else ""
                print(f"  {limit:6s} {kind:8s} {name:6s} " + " | ".join(cells) + aim)


def quiet(sentences: list[Sentence]) -> None:
    """What the enhancement costs where there is no noise."""
    print("\nESTOI without noise, ours less untouched (target at quiet: -0.010 or better), and peak to RMS in dB")
    for limit in ("peak", "power"):
        for level in ("quiet", "street", "storm"):
            drops, crests = [], []
            for s in sentences:
                out = ours(s.clean, limit=limit, noise=level)
                played = amplified(out, s.clean, "power")
                drops.append(s.estoi(played, None, np.zeros(1))[0] - s.estoi(s.clean, None, np.zeros(1))[0])
                crests.append(20 * np.log10(np.abs(out).max() / active_rms(out)))
            print(f"  {limit:6s} {level:7s} {np.mean(drops):+.4f} (worst {np.min(drops):+.4f})  {np.mean(crests):5.1f}")


def rates(sentences: list[Sentence]) -> None:
    """Every sample rate gives the same clearness."""
    print("\nsample rates, ours, equal peak, ssn: gain in dB at SNR -5, 0, 5 dB")
    for rate in (16_000, 22_050, 24_000, 44_100, 48_000):
        gains = mean_gains(sentences, partial(ours, rate=rate), "peak", "ssn")[1]
        print(f"  {rate:6d} Hz  " + "  ".join(f"{g:5.1f}" for g in gains))


def cost(sentences: list[Sentence]) -> None:
    """Time and delay."""
    samples = soxr.resample(np.concatenate([s.clean for s in sentences]), RATE, 48_000).astype(np.float32)
    seconds = len(samples) / 48_000
    cases = product(("peak", "power"), (("whole", len(samples)), ("blocks of 20 ms", 960)))
    for limit, (what, size) in cases:
        enhancer = Enhancer(48_000, EnhancementSettings.model_validate({"noise": "storm", "limit": limit}))
        start = time.process_time()
        for k in range(0, len(samples), size):
            enhancer.process(samples[k : k + size])
        spent = time.process_time() - start
        print(f"  {limit:6s} {what:16s} real-time factor {spent / seconds:.4f} at 48 kHz (target 0.02)", end="; ")
        print(f"delay {1000 * enhancer.latency / 48_000:.1f} ms (limit 30)")


def main() -> None:
    """Print the tables, draw the picture."""
    ask = argparse.ArgumentParser(prog="python -m bench.voice", description=__doc__)
    ask.add_argument("--picture", type=Path, help="write the drawing here instead of docs/images/enhancement.png")
    ask.add_argument("--fast", action="store_true", help="only the table of gains")
    options = ask.parse_args()
    familiar, unknown, english = spoken(FAMILIAR, 100), spoken(UNKNOWN, 900), spoken(ENGLISH, 950)
    check_estoi(familiar[0])
    groups = {
        "new sentences, a voice tuned on": familiar,
        "new sentences, voices never met": unknown,
        "all Vietnamese": familiar + unknown,
        "English, other synthesisers": english,
    }
    kept = gain_table(groups)
    if options.fast:
        return
    other_places(familiar)
    other_measures([*familiar[:2], *unknown[:4]])  # HASPI takes seconds for each
    quiet(familiar + unknown)
    rates(familiar)
    print("\ncost on this machine")
    cost(familiar)
    from bench.voice_picture import draw

    place = options.picture or Path(__file__).parent.parent / "docs/images/enhancement.png"
    draw(place, familiar, kept, TARGETS, ours, ffmpeg)
    print(f"\ndrawn: {place}")


if __name__ == "__main__":
    main()

"""`python -m bench.heard [--trials N] [--hours H] [--json]`: how surely the microphone tells what was heard.

Speech of espeak-ng (several voices, made here) through a random horn with echoes, delayed, by another crystal, in
noise, partly recorded: is it heard? Other sentences of the same voice, other voices, the same chime before another
text, music, crowds, noise: is it taken for it? Then hours of streets, rain, voices and music at an idle speaker: how
often is there a false alarm, and how soon is a real fault told? All sounds are synthetic.
"""

import argparse
import itertools
import json
import os
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from drivers.audio import microphone_noise as noise
from drivers.audio.microphone_acoustics import clocked, through_horn
from edge_agent.proof import idle, match
from edge_agent.proof.samples import Floats, read, resample
from edge_agent.proof.service import EVERY_S, LISTEN_S
from edge_agent.proof.watch import LEARN, Floor, Watch

RATE = match.RATE
VOICES = ("vi", "vi+f2", "vi+m3", "vi+f4", "vi-vn-x-central", "vi-vn-x-south")
TEXTS = (
    "Kính mời bà con thôn Đông ra nhà văn hoá họp lúc mười chín giờ.",
    "Đề nghị bà con đi đúng giờ và mang theo giấy tờ.",
    "Trạm y tế xã thông báo lịch tiêm chủng cho trẻ em dưới năm tuổi.",
    "Ngày mai cắt điện từ bảy giờ sáng đến mười một giờ trưa.",
    "Hợp tác xã thông báo lịch lấy nước đổ ải vụ xuân.",
    "Bão số ba đang vào gần bờ, bà con khẩn trương chằng chống nhà cửa.",
    "Uỷ ban nhân dân xã mời các hộ có tên sau đây đến nhận tiền hỗ trợ.",
    "Đoàn thanh niên tổ chức vệ sinh đường làng ngõ xóm sáng chủ nhật.",
    "Công an xã nhắc bà con cảnh giác với cuộc gọi lừa đảo.",
    "Nước sông đang lên, mời các hộ ven đê sẵn sàng di dời.",
)
NOISES = ("speech", "traffic", "street", "rain", "music", "crowd")
SNRS = (10, 0, -6, -10)
OTHERS = ("sentence", "voice", "chime", "music", "crowd", "noise")
FAULTS = ("hum", "crackle", "music", "voice")
QUIET = ("street", "traffic", "rain", "wind", "speech", "people", "loud music")


class Sounds:
    """Sentences by voice and text, at `RATE`."""

    def __init__(self, folder: Path) -> None:
        self.speech = {
            (voice, text): read(folder / f"{voice}-{text}.wav", RATE)
            for voice, text in itertools.product(VOICES, range(len(TEXTS)))
        }

    def sentence(self, rng: np.random.Generator) -> tuple[tuple[str, int], Floats]:
        """Any one."""
        key = (str(rng.choice(VOICES)), int(rng.integers(len(TEXTS))))
        return key, self.speech[key]

    def crowd(self, frames: int, rng: np.random.Generator, without: int = -1) -> Floats:
        """Eight people at once; nobody says the text `without`."""
        out, people = np.zeros(frames), 0
        while people < 8:
            (_, text), speech = self.sentence(rng)
            if text != without:
                people += 1
                noise.add(out, speech, int(rng.integers(-frames // 2, frames)))
        return noise.unit(out)


def make_speech(folder: Path) -> None:
    """Have espeak-ng say everything."""
    for voice, number in itertools.product(VOICES, range(len(TEXTS))):
        subprocess.run(["espeak-ng", "-v", voice, "-w", folder / f"{voice}-{number}.wav", TEXTS[number]], check=True)


def in_band(samples: Floats) -> float:
    """RMS within the band that is matched."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < match.BAND_HZ[0]) | (hz > match.BAND_HZ[1])] = 0
    return float(np.sqrt(np.mean(np.fft.irfft(spectrum, len(samples)) ** 2))) + 1e-9


def trial(sounds: Sounds, seed: int, other: str | None, kind: str, snr_db: float) -> tuple[float, float, bool]:
    """Return the score, the error of the delay (s), and the verdict. `other`: what was on air instead, None: the sound.

    The SNR is that of the band over the whole of the recording.
    """
    rng = np.random.default_rng(seed)
    key, played = sounds.sentence(rng)
    chime = noise.music(2 * RATE, RATE, np.random.default_rng(1)) * 0.1
    if other == "chime":
        played = np.concatenate([chime, played, sounds.sentence(rng)[1]])
    elif rng.random() < 0.3:
        played = np.concatenate([chime, played])
    source = played
    if other == "sentence":
        source = sounds.speech[key[0], (key[1] + 1 + int(rng.integers(len(TEXTS) - 1))) % len(TEXTS)]
    elif other == "voice":
        source = sounds.speech[VOICES[(VOICES.index(key[0]) + 1) % len(VOICES)], key[1]]
    elif other == "chime":
        source = np.concatenate([chime, *(sounds.speech[key[0], (key[1] + n) % len(TEXTS)] for n in (3, 4))])
    elif other == "noise":
        source = np.zeros(len(played))
    elif other == "crowd":
        source = sounds.crowd(len(played), rng, without=key[1])
    elif other is not None:
        source = noise.make(other, len(played), RATE, rng)
    frames = len(played) + RATE // 2
    delay_s = rng.uniform(0, 2)
    heard = clocked(through_horn(source, RATE, rng=rng), RATE, delay_s, rng.uniform(-100, 100), frames)
    around = sounds.crowd(frames, rng, without=key[1]) if kind == "crowd" else noise.make(kind, frames, RATE, rng)
    level = in_band(heard) if other != "noise" else 0.03
    heard = heard + around / in_band(around) * level * 10 ** (-snr_db / 20)
    reference = np.concatenate([np.zeros(round(match.LATEST_S * RATE)), played, np.zeros(RATE)])
    latest = max(delay_s * RATE, len(heard) - 2.5 * RATE)
    begin = int(rng.uniform(delay_s * RATE, latest)) if rng.random() < 0.3 and other != "chime" else 0
    heard, reference = heard[begin : begin + (frames if not begin else round(2.5 * RATE))], reference[begin:]
    wanted = len(heard) + round((match.LATEST_S - match.EARLIEST_S) * RATE)
    reference = np.concatenate([reference, np.zeros(max(0, wanted - len(reference)))])[:wanted]
    found = match.match(heard, reference)
    return found.score, abs((found.delay_s or 9.9) - delay_s), found.heard


def some_trials(job: tuple[str, range, str | None, str, float]) -> list[tuple[float, float, bool]]:
    """One process's share."""
    folder, seeds, other, kind, snr_db = job
    sounds = Sounds(Path(folder))
    return [trial(sounds, seed, other, kind, snr_db) for seed in seeds]


def hearing(folder: str, trials: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Misses by noise and SNR, and false ones by what was on air instead."""
    true_jobs = [
        (folder, range(1000 * n, 1000 * n + trials), None, kind, snr)
        for n, (kind, snr) in enumerate(itertools.product(NOISES, SNRS))
    ]
    false_jobs = [
        (folder, range(500_000 + 5000 * n, 500_000 + 5000 * n + trials * 4), other, kind, snr)
        for n, (other, (kind, snr)) in enumerate(itertools.product(OTHERS, (("traffic", 20.0), ("speech", 0.0))))
    ]
    true = {job[3:]: found for job, found in zip(true_jobs, pool.map(some_trials, true_jobs), strict=True)}
    false: dict[str, list[tuple[float, float, bool]]] = {}
    for job, found in zip(false_jobs, pool.map(some_trials, false_jobs), strict=True):
        false.setdefault(str(job[2]), []).extend(found)
    return {
        "threshold": match.THRESHOLD,
        "misses": {
            f"{kind} {snr:+d} dB": [sum(not t[2] for t in found), len(found)] for (kind, snr), found in true.items()
        },
        "delays": delays([t[1] for found in true.values() for t in found if t[2]]),
        "false": {other: [sum(t[2] for t in found), len(found)] for other, found in false.items()},
        "false_highest": {other: max(t[0] for t in found) for other, found in false.items()},
        "curve": curve([t[0] for each in false.values() for t in each], true),
    }


def delays(errors_s: list[float]) -> dict[str, float]:
    """How right the delays of what was heard are."""
    right = [error for error in errors_s if error < 0.005]
    return {
        "heard": len(errors_s),
        "off_by_5_ms": len(errors_s) - len(right),
        "largest_of_others_ms": round(max(right) * 1e3, 2),
    }


def curve(false: list[float], true: dict[Any, list[tuple[float, float, bool]]]) -> list[list[float]]:
    """Rows of threshold, share of false ones, share of misses at each SNR."""
    rows = []
    for threshold in (5.0, 6.0, 7.0, 8.0, match.THRESHOLD, 9.0, 10.0, 12.0):
        row = [threshold, float(np.mean([score >= threshold for score in false]))]
        for snr in SNRS:
            scores = [t[0] for (_, at), found in true.items() if at == snr for t in found]
            row.append(float(np.mean([score < threshold for score in scores])))
        rows.append([round(each, 5) for each in row])
    return rows


def surroundings(sounds: Sounds, kind: str, rng: np.random.Generator) -> Floats:
    """One recording of an idle speaker at -50 dBFS or so, with what people do near it."""
    frames = round(LISTEN_S * idle.RATE)
    quiet = 10 ** (-50 / 20)
    if kind not in ("people", "loud music"):
        return quiet * noise.make(kind, frames, idle.RATE, rng)
    out = quiet * noise.street(frames, idle.RATE, rng)
    if kind == "people":  # two neighbours talk below the pole for a third of the time
        if rng.random() < 0.33:
            _, speech = sounds.sentence(rng)
            speech = noise.unit(resample(speech, RATE, idle.RATE)) * quiet * 10 ** (rng.uniform(0, 15) / 20)
            noise.add(out, speech, int(rng.integers(0, frames // 2)))
    else:  # a loudspeaker in a yard, with its bass
        bass = noise.coloured(((30, 0), (120, 0), (250, -12), (8000, -60)), frames, idle.RATE, rng)
        out = out + quiet * 10 ** (rng.uniform(5, 20) / 20) * (noise.music(frames, idle.RATE, rng) + bass) / 2
    return out


def faulty(sounds: Sounds, fault: str, over_db: float, rng: np.random.Generator) -> Floats:
    """One recording on a street with a fault `over_db` above the noise of the horn's band."""
    frames = round(LISTEN_S * idle.RATE)
    street = surroundings(sounds, "street", rng)
    if fault == "voice":
        source = resample(np.concatenate([sounds.sentence(rng)[1] for _ in range(2)]), RATE, idle.RATE)[:frames]
        source = np.pad(source, (0, frames - len(source)))
    else:
        source = noise.make(fault, frames, idle.RATE, rng)
    source = through_horn(source, idle.RATE)
    own, usual = (
        idle.measure(source).horn_dbfs,
        idle.measure(10 ** (-50 / 20) * noise.make("traffic", frames, idle.RATE, rng)).horn_dbfs,
    )
    return street + source * 10 ** ((usual + over_db - own) / 20)


def alarms(job: tuple[str, str, float, int]) -> dict[str, int]:
    """Alarms in so many hours of a surrounding whose level swings by 8 dB over the day."""
    folder, kind, hours, seed = job
    sounds, rng, watch = Sounds(Path(folder)), np.random.default_rng(seed), Watch()
    told: dict[str, int] = {}
    for number in range(round(hours * 3600 / EVERY_S)):
        swing = 10 ** (8 * np.sin(2 * np.pi * number * EVERY_S / 86_400) / 20)
        if watch.hear(idle.measure(surroundings(sounds, kind, rng) * swing)) and watch.fault is not None:
            told[watch.fault.code] = told.get(watch.fault.code, 0) + 1
    return told


def detections(job: tuple[str, str, float, int]) -> list[float]:
    """Seconds until each of some faults is told, at the latest; 0 for one that is not told within a minute."""
    folder, fault, over_db, trials = job
    sounds, rng, floor = Sounds(Path(folder)), np.random.default_rng(7), Floor()
    for _ in range(4 * LEARN):
        floor.learn(idle.measure(surroundings(sounds, "street", rng)))
    code = {"hum": "speaker.hum", "crackle": "speaker.crackle"}.get(fault, "speaker.foreign_audio")
    found = []
    for _ in range(trials):
        watch = Watch(Floor.from_json(floor.as_json()))
        for number in range(1, int(60 // EVERY_S) + 1):
            watch.hear(idle.measure(faulty(sounds, fault, over_db, rng)))
            if watch.fault is not None and watch.fault.code == code:
                found.append(number * EVERY_S)
                break
        else:
            found.append(0.0)
    return found


def watching(folder: str, hours: float, trials: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """False alarms by surrounding, and how soon real faults are told."""
    quiet_jobs = [(folder, kind, hours, 11) for kind in QUIET]
    fault_jobs = [(folder, fault, over, trials) for fault, over in itertools.product(FAULTS, (6.0, 12.0, 20.0))]
    quiet = dict(zip(QUIET, pool.map(alarms, quiet_jobs), strict=True))
    told = pool.map(detections, fault_jobs)
    return {
        "hours": hours,
        "false_alarms": quiet,
        "told_within_a_minute": {
            f"{fault} {over:+g} dB": [sum(s > 0 for s in seconds), len(seconds), max(seconds)]
            for (_, fault, over, _), seconds in zip(fault_jobs, told, strict=True)
        },
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.heard", description=__doc__)
    parser.add_argument("--trials", type=int, default=60, help="of each noise and SNR; four times as many false ones")
    parser.add_argument("--hours", type=float, default=24.0, help="of each surrounding of an idle speaker")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(asked.processes) as pool:
        make_speech(Path(folder))
        found = {
            "hearing": hearing(folder, asked.trials, pool),
            "watching": watching(folder, asked.hours, max(10, asked.trials // 3), pool),
        }
    print(json.dumps(found, indent=1) if asked.json else table(found))


def table(found: dict[str, Any]) -> str:
    """For people."""
    hearing, watching = found["hearing"], found["watching"]
    off = hearing["delays"]
    lines = [
        f"heard from a score of {hearing['threshold']}; delay right within {off['largest_of_others_ms']} ms, "
        f"but for {off['off_by_5_ms']} of {off['heard']}",
        "",
    ]
    lines += [f"{name:<22}{missed:>5} of {count} missed" for name, (missed, count) in hearing["misses"].items()]
    lines += [""]
    for name, (wrong, count) in hearing["false"].items():
        lines.append(
            f"other: {name:<15}{wrong:>5} of {count} taken for it, highest score {hearing['false_highest'][name]}"
        )
    lines += ["", "threshold  false     missed at " + "  ".join(f"{snr:+d} dB" for snr in SNRS)]
    lines += ["  ".join(f"{each:<8}" for each in row) for row in hearing["curve"]]
    lines += ["", f"false alarms in {watching['hours']:g} h at an idle speaker:"]
    lines += [f"{kind:<12}{told or 'none'}" for kind, told in watching["false_alarms"].items()]
    lines += ["", "faults above the noise of the horn's band:"]
    for name, (told, count, latest) in watching["told_within_a_minute"].items():
        lines.append(f"{name:<16}{told} of {count} told within a minute, the latest after {latest:g} s")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

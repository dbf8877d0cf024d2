"""Makes one recording of the simulated microphone: `python -m drivers.audio.microphone_scene '{...}'`."""

import json
import re
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from drivers.audio import wav
from drivers.audio.microphone_acoustics import sampled, scene
from drivers.audio.microphone_noise import add

_NAME = re.compile(r"^\.?(\d{8}T\d{6}\.\d{3})Z(?:-\d+)?\.wav(?:\.part)?$")
_LONGEST_S = 4 * 3600.0


def main() -> None:
    """Read the speaker's files of that time, mix them into the street, write the recording."""
    settings = json.loads(sys.argv[1])
    fault_file = Path(settings["fault_file"])
    if fault_file.exists():
        settings["fault"] = fault_file.read_text(encoding="utf-8").strip() or "none"
    rate, frames = settings["rate"], round(settings["seconds"] * settings["rate"])
    sound = played(Path(settings["speaker"]), datetime.fromisoformat(settings["started_at"]), settings)
    heard = scene(sound[:frames], rate, settings, np.random.default_rng(settings["seed"]))
    data = np.clip(np.rint(heard * 32767), -32768, 32767).astype("<i2").tobytes()
    path = Path(settings["path"])
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(wav.header(rate, 1, 2, len(data)) + data)
    part.replace(path)


def played(folder: Path, started_at: datetime, settings: dict[str, Any]) -> Any:
    """What the speaker played from `started_at` on, `delay_s` later, at the microphone's rate."""
    rate, frames = settings["rate"], round(settings["seconds"] * settings["rate"])
    out = np.zeros(frames)
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _NAME.match(file.name)
        if match is None:
            continue
        began = datetime.strptime(match[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        at_s = (began - started_at).total_seconds() + settings["delay_s"]
        if -_LONGEST_S < at_s < settings["seconds"]:
            _mix(out, file, at_s, rate)
    return out


def _mix(out: Any, file: Path, at_s: float, rate: int) -> None:
    """Add a file of the speaker, also one that still grows, whose header says nothing of its length."""
    try:
        with file.open("rb") as opened:
            head = opened.read(44)
            if len(head) < 44:
                return
            channels, file_rate, _, block, bits = struct.unpack("<HIIHH", head[22:36])
            width = bits // 8
            first = max(0, int((-at_s - 0.1) * file_rate))
            opened.seek(44 + first * block)
            data = opened.read(int((len(out) / rate + 1.0) * file_rate) * block)
    except OSError:  # pruned, or renamed when it was finished: what it held is heard from its other name
        return
    data = data[: len(data) // block * block]
    if not data:
        return
    samples = _samples(data, width).reshape(-1, channels).mean(axis=1)
    at_s += first / file_rate
    add(out, _at_rate(samples, file_rate, rate, at_s), round(at_s * rate))


def _at_rate(samples: Any, rate: int, to_rate: int, at_s: float) -> Any:
    """Low-pass and resample; the part of a sample that `at_s` lies beyond a whole one is kept."""
    size = 1 << len(samples).bit_length()
    hz = np.fft.rfftfreq(size, 1 / rate)
    spectrum = np.fft.rfft(samples, size) * (hz < 0.45 * to_rate)
    low = np.fft.irfft(spectrum, size)[: len(samples)]
    beyond_s = at_s - round(at_s * to_rate) / to_rate
    places = (np.arange(int(len(low) * to_rate / rate)) / to_rate - beyond_s) * rate
    return sampled(low, places)


def _samples(data: bytes, width: int) -> Any:
    if width == 2:
        return np.frombuffer(data, "<i2") / 2.0**15
    if width == 4:
        return np.frombuffer(data, "<i4") / 2.0**31
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4").ravel() / 2.0**31


if __name__ == "__main__":
    main()

"""Computed sound cards (see card/card.c) for tests and figures: built, configured, moved by hand, and read back.

What is measured with them comes from the card's own record: which frame of which sound left it when.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).with_name("card") / "card.c"
_MODULE = "libasound_module_pcm_edgecard.so"
WORKS, STANDS, GONE = b".", b"s", b"u"


@dataclass(frozen=True)
class Run:
    """Frames `first` to `last` of the file were heard from `began` (CLOCK_MONOTONIC, s) on, `pace` a second."""

    began: float
    first: float
    pace: float
    last: float
    why: str


@dataclass(frozen=True)
class VirtualCard:
    """One card. `ppm`: its crystal is fast by that; `step`: it tells its position in so many frames.

    `rate` and `channels`: the only ones it takes; 0: any.
    """

    folder: Path
    name: str
    ppm: float = 0.0
    step: int = 1
    rate: int = 0
    channels: int = 0

    @property
    def sound(self) -> Path:
        return self.folder / f"{self.name}.raw"

    @property
    def story(self) -> Path:
        return self.folder / f"{self.name}.story"

    @property
    def control(self) -> Path:
        return self.folder / f"{self.name}.ctl"

    def order(self, what: bytes) -> None:
        """Let it work, stand still, or be pulled out."""
        if not self.control.exists():
            self.control.write_bytes(WORKS)
        with self.control.open("r+b") as file:
            file.write(what)

    def config(self) -> str:
        """Its entry in an ALSA configuration."""
        entry = f'sound "{self.sound}" story "{self.story}" control "{self.control}" ppm {self.ppm} step {self.step}'
        entry += f" rate {self.rate} channels {self.channels}"
        hint = f'hint {{ show on description "{self.name}" }}'
        return f"pcm.{self.name} {{ type edgecard {entry} {hint} }}"

    def runs(self) -> list[Run]:
        """What it did, in order. A run that goes on has an endless `last`."""
        runs: list[Run] = []
        for line in self.story.read_text().splitlines():
            word, *rest = line.split()
            if word == "run":
                runs.append(Run(int(rest[0]) * 1e-9, float(rest[1]), float(rest[2]), float("inf"), ""))
            elif word == "halt" and runs:
                begun = runs[-1]
                runs[-1] = Run(begun.began, begun.first, begun.pace, float(rest[1]), rest[2])
        return runs

    def heard(self) -> Any:
        """The left side of all that it was given, int16."""
        import numpy as np

        opened = [line.split() for line in self.story.read_text().splitlines() if line.startswith("open")]
        channels, width = int(opened[-1][2]), int(opened[-1][3])
        samples = np.fromfile(self.sound, dtype="<i2" if width == 2 else "<i4")
        samples = samples[: len(samples) // channels * channels].reshape(-1, channels)[:, 0]
        return samples if width == 2 else (samples >> 16).astype(np.int16)


def build(folder: Path) -> Path:
    """Compile the plugin into a folder, once. Needs gcc and the headers of ALSA (libasound2-dev)."""
    module = folder / _MODULE
    if not module.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = module.with_suffix(f".{os.getpid()}")
        flags = ("-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O2", "-DPIC")
        subprocess.run(["gcc", *flags, "-o", str(part), str(_SOURCE), "-lasound", "-lm"], check=True)
        part.replace(module)
    return module


def environment(cards: list[VirtualCard], plugins: Path) -> dict[str, str]:
    """Write the ALSA configuration of these cards, the first the default; return what the players' environment needs.

    `pcm.!default` has to be there: without one PortAudio aborts.
    """
    folder = cards[0].folder
    for card in cards:
        card.order(WORKS)
    conf = folder / "asound.conf"
    entries = [card.config() for card in cards]
    default = cards[0].config().replace(f"pcm.{cards[0].name} ", "pcm.!default ", 1)
    conf.write_text("\n".join(["</usr/share/alsa/alsa.conf>", *entries, default]) + "\n")
    return {"ALSA_CONFIG_PATH": str(conf), "ALSA_PLUGIN_DIR": str(plugins)}

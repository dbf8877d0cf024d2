"""The builder of the Debian package, for its tests: its modules, and small trees to pack."""

import subprocess
import sys
from pathlib import Path

from system_rig import ROOT

PACKAGING = ROOT / "packaging/deb"
sys.path.insert(0, str(PACKAGING))

from debtools import pack, system  # noqa: E402 - found by the line above

WHEN = 1_700_000_000
"""2023-11-14: the time that everything packed here gets, s since 1970."""


def laid_out(folder: Path) -> tuple[Path, list[str]]:
    """What the package brings for the system, without the programs; and the names of its units."""
    stage = folder / "stage"
    units = system.units(ROOT, stage)
    system.launchers(PACKAGING, stage)
    return stage, units


def packed(stage: Path, file: Path, texts: dict[str, str]) -> Path:
    """`stage` as a package."""
    pack.settle(stage, WHEN)
    pack.control(stage, texts)
    pack.settle(stage, WHEN)
    pack.pack(stage, file, WHEN)
    return file


def field(file: Path, name: str) -> str:
    """One line of a package's control data, read by dpkg."""
    shown = subprocess.run(["dpkg-deb", "-f", file, name], check=True, capture_output=True, text=True)
    return shown.stdout.strip()

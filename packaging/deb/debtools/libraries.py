"""Which of Debian's libraries the compiled modules need beside those that came along in the wheels."""

import re
import subprocess
from pathlib import Path

_PACKAGES = {
    "libc.so.6": "libc6 (>= 2.34)",
    "libdl.so.2": "libc6 (>= 2.34)",
    "libm.so.6": "libc6 (>= 2.34)",
    "libmvec.so.1": "libc6 (>= 2.34)",
    "libpthread.so.0": "libc6 (>= 2.34)",
    "librt.so.1": "libc6 (>= 2.34)",
    "libutil.so.1": "libc6 (>= 2.34)",
    "ld-linux-x86-64.so.2": "libc6 (>= 2.34)",
    "ld-linux-aarch64.so.1": "libc6 (>= 2.34)",
    "libgcc_s.so.1": "libgcc-s1",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
    "libatomic.so.1": "libatomic1",
}


def packages(stage: Path) -> list[str]:
    """The packages, sorted. Raises SystemExit for a library that nobody knows: the package would not run."""
    files = [file for file in stage.rglob("*.so*") if file.is_file() and not file.is_symlink()]
    inside = {file.name for file in files}
    needed = {name for file in files for name in _needed(file)} - inside
    unknown = needed - set(_PACKAGES)
    if unknown:
        raise SystemExit(f"libraries of no known package: {', '.join(sorted(unknown))} (debtools/libraries.py)")
    return sorted({_PACKAGES[name] for name in needed})


def _needed(file: Path) -> list[str]:
    shown = subprocess.run(["readelf", "-d", file], check=False, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]+)\]", shown)

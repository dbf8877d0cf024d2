"""The package's own texts: control, maintainer scripts, changelog."""

import gzip
import re
from pathlib import Path

from debtools import libraries, pack
from debtools.target import Target

_ALWAYS = (
    "ca-certificates",
    "espeak-ng",  # the voice that needs no network
    "libopus0",  # live voices, by its name at run time
    "python3-pyaudio",
    "systemd (>= 252)",
    "tzdata",
)
_BY_HAND = ("edge-hub.service", "edge-hub-backup.timer")
"""Not enabled by the package: a node has no console."""
_LONG_LIVED = ("edge-agent.service", "edge-hub.service")
"""What an upgrade starts anew when it runs."""
_ENABLE = """deb-systemd-helper unmask {name} >/dev/null || true
    if deb-systemd-helper --quiet was-enabled {name}; then
        deb-systemd-helper enable {name} >/dev/null || true
    else
        deb-systemd-helper update-state {name} >/dev/null || true
    fi"""


def depends(stage: Path, target: Target) -> str:
    """Debian's packages that the programs need: by name, and those of the libraries that they link."""
    python = [f"python3 (>= {target.python})", f"python3 (<< {target.next_python})"]
    gpio = ["python3-lgpio"] if target.suite != "bookworm" else []
    return ", ".join([*python, *sorted([*_ALWAYS, *gpio, *libraries.packages(stage)])])


def control(packaging: Path, stage: Path, target: Target, version: str) -> str:
    """DEBIAN/control."""
    gaps = {"VERSION": version, "ARCH": target.arch, "SIZE": str(pack.size_kb(stage)),
            "DEPENDS": depends(stage, target)}  # fmt: skip
    return fill((packaging / "control.in").read_text(), gaps)


def scripts(packaging: Path, stage: Path, units: list[str]) -> dict[str, str]:
    """The maintainer scripts for these units."""
    folder = stage / "usr/lib/systemd/system"
    installable = [name for name in units if re.search(r"(?m)^\[Install\]", (folder / name).read_text())]
    enabled = [name for name in installable if name not in _BY_HAND]
    helpers = [name for name in enabled if not name.endswith(".service")]
    enable = "\n    ".join(_ENABLE.format(name=name) for name in enabled)
    kinds = {kind: " ".join(file.name for file in sorted((stage / f"usr/lib/{kind}.d").glob("*.conf")))
             for kind in ("sysusers", "tmpfiles")}  # fmt: skip
    gaps = {
        "SYSUSERS": kinds["sysusers"], "TMPFILES": kinds["tmpfiles"],
        "ENABLE": enable, "UNITS": " ".join(units), "INSTALLED": " ".join(installable), "ENABLED": " ".join(enabled),
        "HELPERS": " ".join(helpers) or "''", "SERVICES": " ".join(name for name in _LONG_LIVED if name in units),
    }  # fmt: skip
    return {name: fill((packaging / name).read_text(), gaps) for name in ("postinst", "prerm", "postrm")}


def changelog(packaging: Path, stage: Path, version: str) -> None:
    """changelog.gz, whose first line names this version."""
    text = re.sub(r"^(\S+) \([^)]*\)", rf"\1 ({version})", (packaging / "changelog").read_text(), count=1)
    compress(text.encode(), stage / "usr/share/doc/edge-agent/changelog.gz")


def compress(content: bytes, file: Path) -> None:
    """Write `content` by gzip, without name and time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content, 9, mtime=0))


def fill(text: str, gaps: dict[str, str]) -> str:
    """Put `gaps` where `@NAME@` stands; KeyError for one that is not known."""
    return re.sub(r"@([A-Z]+)@", lambda found: gaps[found[1]], text)

"""Gets the wheels of all pinned requirements for a target, from whatever index pip is set up with."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from debtools.target import Target
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

FROM_DEBIAN = ("pyaudio", "psycopg", "psycopg-binary")
"""Taken from Debian's own packages, see `debtools.tree.DEBIAN_MODULES`."""
NOT_NEEDED = ("pip",)
FROM_SOURCE = ("sdnotify",)
"""Published as source only; pure Python, so the wheel made here fits every processor."""
GPIO = ("rpi-lgpio", "lgpio")
"""The `RPi.GPIO` interface, an extra in pyproject.toml; each node may have relays on its pins."""


def fetch(root: Path, target: Target, folder: Path) -> list[Path]:
    """The wheels of `requirements/` for `target`, kept in `folder`; what lies there already is not fetched again.

    Raises SystemExit when there is none for one of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pins = _wanted(root, target)
    asked = folder / "asked.txt"
    asked.write_text("".join(f"{name}=={version}\n" for name, version in pins.items() if name not in FROM_SOURCE))
    platforms = [part for tag in target.platforms for part in ("--platform", tag)]
    _pip("download", "--no-deps", "--only-binary=:all:", "--dest", folder, "--find-links", folder,
         "--python-version", target.python, *platforms, "-r", asked)  # fmt: skip
    for name in FROM_SOURCE:
        if name in pins and not list(folder.glob(f"{name}-{pins[name]}-*.whl")):
            _pip("wheel", "--no-deps", "--wheel-dir", folder, f"{name}=={pins[name]}")
    there = {_identity(file): file for file in sorted(folder.glob("*.whl"))}
    missing = [f"{name} {version}" for name, version in pins.items() if (name, version) not in there]
    if missing:
        raise SystemExit(f"no wheel for {target.arch} on {target.suite}: {', '.join(missing)}")
    return [there[pin] for pin in sorted(pins.items())]


def build(source: Path, folder: Path) -> Path:
    """Our own wheel, made from the tree `source`."""
    _pip("wheel", "--no-deps", "--wheel-dir", folder, source)
    (made,) = folder.glob("edge_agent-*.whl")
    return made


def unpack(wheel: Path, site: Path) -> None:
    """Lay the wheel's modules into `site`; its scripts, headers and data files are not needed on a node."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = member.filename
            inside = re.match(r"[^/]+\.data/(\w+)/(.*)", name)
            if inside:
                if inside[1] not in ("purelib", "platlib"):
                    continue
                name = inside[2]
            if member.is_dir() or name.endswith(".dist-info/RECORD"):
                continue
            file = site / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(member))


def _wanted(root: Path, target: Target) -> dict[str, str]:
    """Name and version of all that the package brings along."""
    pins = _pins(root / "requirements/runtime.txt", target)
    extras = _pins(root / "requirements/dev.txt", target)
    pins |= {name: extras[name] for name in GPIO}
    if target.suite != "bookworm":  # lgpio has no wheel for Python 3.13; Debian 13 has the module itself
        del pins["lgpio"]
    return {name: version for name, version in pins.items() if name not in (*FROM_DEBIAN, *NOT_NEEDED)}


def _pins(file: Path, target: Target) -> dict[str, str]:
    """The lines that hold for the target's Python; pip would judge their markers by the Python that runs it."""
    place = {"python_full_version": f"{target.python}.0", "python_version": target.python,
             "implementation_name": "cpython", "platform_python_implementation": "CPython",
             "sys_platform": "linux", "platform_system": "Linux"}  # fmt: skip
    pins: dict[str, str] = {}
    for line in file.read_text().splitlines():
        if not line.strip() or line.startswith(("#", "-")):
            continue
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate(place):
            pins[canonicalize_name(need.name)] = str(need.specifier).removeprefix("==")
    return pins


def _identity(wheel: Path) -> tuple[str, str]:
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return name, str(version)


def _pip(*argv: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, argv)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"pip {argv[0]} failed:\n{done.stderr[-2000:]}")

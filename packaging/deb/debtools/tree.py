"""Lays out the programs: a virtual environment for Debian's Python, without what no node needs."""

import shutil
from pathlib import Path

from debtools import wheels
from debtools.target import Target

DEBIAN_MODULES = ("pyaudio", "psycopg", "psycopg_c")
"""Modules of Debian's packages that the environment sees, and no others: links, which lead nowhere while the package
is not installed, so that importing it fails as for any module that is not there."""
DIST_PACKAGES = "/usr/lib/python3/dist-packages"

_SOURCES = {".pyx", ".pxd", ".pxi", ".c", ".h", ".hpp", ".cpp", ".cc", ".cxx", ".pyi", ".f", ".f90", ".a", ".la"}
_TEST_FOLDERS = {"tests", "test", "_tests"}
_USELESS = ("cv2/data", "cv2/misc", "numpy/_core/include", "lxml/includes", "numpy/f2py", "numpy/_pyinstaller")


def lay(base: Path, target: Target, parts: list[Path], version: str) -> None:
    """Make the environment `base` of the wheels `parts`; `base/VERSION` says what it is."""
    site = base / f"lib/python{target.python}/site-packages"
    site.mkdir(parents=True)
    for part in parts:
        wheels.unpack(part, site)
    _slim(site)
    _link_debian(site, target)
    (base / "bin").mkdir()
    (base / "bin/python").symlink_to("/usr/bin/python3")
    (base / "bin/python3").symlink_to("python")
    (base / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {target.python}\n"
    )
    (base / "VERSION").write_text(f"{version}\n")


def _link_debian(site: Path, target: Target) -> None:
    names = [*DEBIAN_MODULES]
    if target.suite != "bookworm":
        names += ["lgpio.py", f"_lgpio.cpython-{target.python.replace('.', '')}-{target.triplet}.so"]
    for name in names:
        (site / name).symlink_to(f"{DIST_PACKAGES}/{name}")


def _slim(site: Path) -> None:
    """Take out tests, sources of what is compiled, hints for type checkers."""
    for name in _USELESS:
        shutil.rmtree(site / name, ignore_errors=True)
    for folder in sorted(site.rglob("*"), reverse=True):
        if folder.is_dir() and folder.name in _TEST_FOLDERS and (folder / "__init__.py").exists():
            shutil.rmtree(folder)
    for font in sorted((site / "reportlab/fonts").glob("*.pf[ab]")):  # Adobe's outlines, which our pages do not use
        font.unlink()
    for file in sorted(site.rglob("*")):
        if file.is_file() and (file.suffix in _SOURCES or file.name == "py.typed") and ".dist-info" not in str(file):
            file.unlink()

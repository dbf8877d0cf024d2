"""Builds the Debian package; called by scripts/deb."""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from debtools import copyright_file, manuals, pack, system, texts, tree, wheels
from debtools.target import Target

ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    """Build one package and print its name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--version", help="for a test of upgrades; else what edge_agent/version.py says")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--quick", action="store_true", help="pack in seconds, a third larger: for trying out")
    given = parser.parse_args()
    target = Target(given.arch, given.suite)
    kept = ROOT / "build/deb"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as folder:
        file = build(target, Path(folder), given)
    print(f"{file} ({file.stat().st_size / 1e6:.0f} MB)")  # noqa: T201 - its answer


def build(target: Target, work: Path, given: argparse.Namespace) -> Path:
    """Build the package in the folder `work`; gives its file."""
    source = work / "source"
    when = checkout(source)
    version = given.version or (source / "edge_agent/version.py").read_text().split('"')[1]
    if given.version:
        (source / "edge_agent/version.py").write_text(f'VERSION = "{version}"\n')
    stage = work / "stage"
    parts = wheels.fetch(ROOT, target, ROOT / "build/deb/wheels" / f"{target.suite}-{target.arch}")
    tree.lay(stage / "opt/edge-agent/base", target, [*parts, wheels.build(source, work)], version)
    full = target.version(version)
    finish(source, stage, target, full, when)
    file: Path = given.out / f"edge-agent_{full}_{target.arch}.deb"
    pack.pack(stage, file, when, quick=given.quick)
    return file


def checkout(source: Path) -> int:
    """Lay out the last commit, with the page's scripts; gives its time (s since 1970)."""
    source.mkdir(parents=True)
    packed = subprocess.run(["git", "-C", ROOT, "archive", "HEAD"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", source], input=packed, check=True)
    vendor = ROOT / "hub/static/vendor"
    shutil.copytree(
        vendor, source / "hub/static/vendor", ignore=lambda _folder, names: {n for n in names if n[0] == "."}
    )
    shown = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], check=True, capture_output=True, text=True)
    return int(shown.stdout)


def finish(source: Path, stage: Path, target: Target, full: str, when: int) -> None:
    """Add to the programs all that Debian wants beside them; `full` is the package's version."""
    packaging = source / "packaging/deb"
    units = system.units(source, stage)
    system.launchers(packaging, stage)
    system.examples(source, stage)
    manuals.write(source, stage, full, when)
    copyright_file.write(packaging, stage)
    texts.changelog(packaging, stage, full)
    pack.settle(stage, when)
    control = texts.control(packaging, stage, target, full)
    pack.control(stage, {"control": control, **texts.scripts(packaging, stage, units)})
    pack.settle(stage, when)


if __name__ == "__main__":
    main()

"""Lays out what belongs to the system: units, accounts, folders, device rules, launchers, examples, guides."""

import shutil
from pathlib import Path

_PLACES = (
    ("*.sysusers.conf", "usr/lib/sysusers.d", ".sysusers.conf"),
    ("*.tmpfiles.conf", "usr/lib/tmpfiles.d", ".tmpfiles.conf"),
    ("*.manager.conf", "usr/lib/systemd/system.conf.d", ".manager.conf"),
    ("*.journald.conf", "usr/lib/systemd/journald.conf.d", ".journald.conf"),
    ("*.rules", "usr/lib/udev/rules.d", ".rules"),
    *((f"*.{kind}", "usr/lib/systemd/system", f".{kind}") for kind in ("service", "path", "socket", "timer", "target")),
)


def units(source: Path, stage: Path) -> list[str]:
    """Install all of `systemd/` by what its names end in; gives the names of the units.

    Raises SystemExit for a file that has no place, so that none is forgotten.
    """
    found = []
    for file in sorted((source / "systemd").iterdir()):
        if file.name == "README.md":
            continue
        if file.is_dir() and file.name.endswith(".d"):  # lines that we add to another unit
            for extra in sorted(file.glob("*.conf")):
                _copy(extra, stage / "usr/lib/systemd/system" / file.name / extra.name)
            continue
        if not file.suffix and file.name.startswith("edge-agent-"):  # a program that units start
            program = stage / "usr/lib/edge-agent" / file.name.removeprefix("edge-agent-")
            _copy(file, program)
            continue
        place = next(((folder, end) for pattern, folder, end in _PLACES if file.match(pattern)), None)
        if place is None:
            raise SystemExit(f"systemd/{file.name}: nobody knows where this goes (debtools/system.py)")
        folder, end = place
        name = file.name.removesuffix(end) + ("." + end.rsplit(".", 1)[1])
        _copy(file, stage / folder / name)
        if folder.endswith("systemd/system"):
            found.append(name)
    return found


def launchers(packaging: Path, stage: Path) -> None:
    """`/usr/bin/edge-agent` and `edge-hub`: one small script each; and what lintian is told to leave alone."""
    _copy(packaging / "lintian-overrides", stage / "usr/share/lintian/overrides/edge-agent")
    text = (packaging / "launcher").read_text()
    for name, module in (("edge-agent", "edge_agent"), ("edge-hub", "hub")):
        file = stage / "usr/bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("@MODULE@", module))
        file.chmod(0o755)


def examples(source: Path, stage: Path) -> None:
    """`configs/` as /usr/share/edge-agent, the pages for people as /usr/share/doc/edge-agent."""
    shutil.copytree(source / "configs", stage / "usr/share/edge-agent")
    doc = stage / "usr/share/doc/edge-agent"
    for page in sorted((source / "docs").glob("*.md")):
        _copy(page, doc / page.name)


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)

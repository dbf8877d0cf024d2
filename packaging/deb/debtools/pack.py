"""Packs a tree into a Debian package, the same bytes each time."""

import hashlib
import os
import subprocess
from pathlib import Path


def settle(stage: Path, when: int) -> None:
    """Give everything the one time and plain modes: 755 for folders and programs, 644 for the rest."""
    for path in sorted(stage.rglob("*"), reverse=True):
        if not path.is_symlink():
            runs = path.is_dir() or _is_program(path)
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (when, when), follow_symlinks=False)
    stage.chmod(0o755)
    os.utime(stage, (when, when))


def control(stage: Path, texts: dict[str, str]) -> None:
    """Write DEBIAN/: `texts` by name, and the sums of all files."""
    folder = stage / "DEBIAN"
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(stage)}\n"
        for path in sorted(stage.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    folder.mkdir()
    for name, text in {**texts, "md5sums": "".join(sums)}.items():
        (folder / name).write_text(text)


def size_kb(stage: Path) -> int:
    """What Installed-Size says: each file rounded up to whole KiB, one for everything else."""
    return sum(-(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1
               for path in stage.rglob("*"))  # fmt: skip


def pack(stage: Path, file: Path, when: int, *, quick: bool = False) -> None:
    """Write the package; it has its name only when it is whole. `quick`: larger, in a twentieth of the time.

    One thread: with more, the bytes would depend on how many processors there are.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.part")
    how = ["-Zgzip", "-z1"] if quick else ["-Zxz", "-z6"]
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--threads-max=1", *how, "--build", stage, draft],
        check=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(when), "LC_ALL": "C.UTF-8"}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    draft.replace(file)


def _is_program(path: Path) -> bool:
    if path.parent.name == "DEBIAN":
        return path.name in ("preinst", "postinst", "prerm", "postrm")
    return path.parent.parts[-2:] in (("usr", "bin"), ("lib", "edge-agent"))

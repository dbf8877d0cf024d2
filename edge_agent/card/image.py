"""The FAT partition of an image file or of a device, by mtools: no mount, no root."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_agent.card.faults import CardFault
from edge_agent.card.partition import fat_partitions

LIMIT_S = 120.0
"""For one step; a slow card takes seconds."""
_MARKS = ("cmdline.txt", "config.txt", "meta-data")
"""By which of several partitions is told that a Pi boots from it."""


class ImageTarget:
    """An image file, a device (`/dev/sdb`) or a partition of one (`/dev/sdb1`)."""

    def __init__(self, path: Path) -> None:
        """Raise CardFault: no such file, mounted, not ours to write, no FAT partition, or mtools are missing."""
        self._path = path.resolve()
        if shutil.which("mcopy") is None:
            raise CardFault("card.no_mtools")
        try:
            mode = self._path.stat().st_mode
            if stat.S_ISBLK(mode):
                _refuse_mounted(self._path)
            elif not stat.S_ISREG(mode):
                raise CardFault("card.no_image", path=str(path))
            with self._path.open("r+b") as file:
                found = fat_partitions(file, str(path))
        except OSError as error:
            raise CardFault("card.unwritable", path=str(path), detail=error.strerror or str(error)) from error
        self._drive = f"{self._path}@@{found[0].offset}"
        for partition in found[1:]:
            if any(self.read(name) is not None for name in _MARKS):
                break
            self._drive = f"{self._path}@@{partition.offset}"

    def read(self, path: str) -> bytes | None:
        if not self._is_there(path):
            return None
        return self._run("mtype", f"::{path}")

    def listed(self, folder: str) -> Sequence[str]:
        if folder and not self._has_folder(folder):
            return []
        lines = self._run("mdir", "-b", "-a", f"::{folder}/").decode("utf-8", "replace").splitlines()
        names = [line.removeprefix("::").lstrip("/") for line in lines]
        return sorted(name for name in names if name and not name.endswith("/"))

    def put(self, path: str, data: bytes) -> None:
        folder = path.rpartition("/")[0]
        if folder and not self._has_folder(folder):
            for depth in range(1, folder.count("/") + 2):
                part = "/".join(folder.split("/")[:depth])
                if not self._has_folder(part):
                    self._run("mmd", f"::{part}")
        with tempfile.TemporaryDirectory(prefix="edge-agent-card-") as place:
            file = Path(place) / "file"
            file.write_bytes(data)
            self._run("mcopy", "-o", str(file), f"::{path}")

    def rename(self, old: str, new: str) -> None:
        self.remove(new)
        self._run("mren", f"::{old}", f"::{new}")

    def remove(self, path: str) -> None:
        if self._is_there(path):
            self._run("mdel", f"::{path}")

    def settle(self) -> None:
        try:
            with self._path.open("r+b") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise CardFault("card.unwritable", path=str(self._path), detail=error.strerror or str(error)) from error

    def _is_there(self, path: str) -> bool:
        """FAT knows no difference between capital and small letters."""
        return path.casefold() in (name.casefold() for name in self.listed(path.rpartition("/")[0]))

    def _has_folder(self, folder: str) -> bool:
        parent, _, name = folder.rpartition("/")
        if parent and not self._has_folder(parent):
            return False
        lines = self._run("mdir", "-b", "-a", f"::{parent}/").decode("utf-8", "replace").splitlines()
        return any(re.fullmatch(rf"(?i)::/*{re.escape(parent)}/*{re.escape(name)}/", line) for line in lines)

    def _run(self, tool: str, *arguments: str) -> bytes:
        words = [tool, "-i", self._drive, *arguments]
        env = {**os.environ, "MTOOLSRC": os.devnull, "LC_ALL": "C"}
        try:
            done = subprocess.run(
                words, capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S, env=env, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CardFault("card.mtools", tool=tool, detail=str(error)[:200]) from error
        if done.returncode:
            told = " ".join(done.stderr.decode(errors="replace").split())
            if re.search(r"(?i)disk full|no space|no free", told):
                raise CardFault("card.full")
            raise CardFault("card.mtools", tool=tool, detail=told[:200] or str(done.returncode))
        return done.stdout


def _refuse_mounted(device: Path) -> None:
    """Two that write one FAT file system destroy it."""
    name = device.name
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        source, place = line.split(" ")[:2]
        if source.startswith("/dev/") and re.fullmatch(rf"{re.escape(name)}(p?\d+)?", Path(source).resolve().name):
            raise CardFault("card.mounted", path=str(device), place=place.replace("\\040", " "))

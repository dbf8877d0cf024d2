"""Unpacks an archive of programs, and nothing that an archive should not have.

Python's own extraction filters (PEP 706) came with 3.11.4, and Debian 12 has 3.11.2: the rules stand here.
"""

import contextlib
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from edge_agent.contract.errors import Refusal
from edge_agent.update.bundle import Custom
from edge_agent.update.points import point
from edge_agent.update.room import disk_refusal

_CHUNK = 256 * 1024
_DEEPEST = 32
_LONGEST = 400
_OURS = ("bin/python", "pyvenv.cfg", "VERSION")
"""Made by the installer: which interpreter runs is the node's word, not the archive's."""
_COMPILE_S = 900


def unpack(archive: Path, folder: Path, custom: Custom, python: Path) -> None:
    """Unpack into a folder that is not there yet, make it a virtual environment, and bring all of it to the disk.

    Raises Refusal `update.archive` (what is wrong with it), `update.no_room`, `update.disk`.
    """
    try:
        folder.mkdir(parents=True)
        with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r|xz") as tar:
            _members(tar, folder, custom)
        _links_stay(folder)
        point("unpacked-half")
        _environment(folder, python, custom.version)
        _compile(folder, python)
        sync_tree(folder)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise _bad(f"{type(error).__name__}: {error}") from error
    except OSError as error:
        raise disk_refusal(error) from error
    except Exception as error:  # lzma.LZMAError is no OSError, and lzma may be missing in a Python
        if type(error).__name__ == "LZMAError":
            raise _bad(str(error)) from error
        raise


def _members(tar: tarfile.TarFile, folder: Path, custom: Custom) -> None:
    count = size = 0
    for member in tar:
        count, size = count + 1, size + max(0, member.size)
        if count > custom.files:
            raise _bad(f"more than {custom.files} entries")
        if size > custom.unpacked:
            raise _bad(f"more than {custom.unpacked} bytes")
        _extract(tar, member, folder)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = _inside(member.name)
    if path is None:
        return  # the folder itself
    if str(path) in _OURS:
        return
    if any((folder / parent).is_symlink() for parent in path.parents):
        raise _bad(f"{path}: through a link")
    place = folder / path
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True, mode=0o755)
    elif member.isreg():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        content = tar.extractfile(member)
        if content is None:
            raise _bad(f"{path}: no content")
        _write(content, place, 0o755 if member.mode & stat.S_IXUSR else 0o644)
    elif member.issym():
        _inside(str(PurePosixPath(os.path.normpath(path.parent / member.linkname))), of=member)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        place.symlink_to(member.linkname)
    else:
        raise _bad(f"{path}: neither file, folder nor link")


def _links_stay(folder: Path) -> None:
    """Links by way of links may lead elsewhere than they say: each is followed to its end."""
    inside = folder.resolve()
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise _bad(f"{path.relative_to(folder)} leads out of its folder")


def _inside(name: str, of: tarfile.TarInfo | None = None) -> PurePosixPath | None:
    """A relative path that stays in the folder; None for the folder itself."""
    path = PurePosixPath(name)
    link = of.linkname if of is not None else ""
    if path.is_absolute() or ".." in path.parts or link.startswith("/") or not name.isprintable():
        raise _bad(f"{(of.name if of else name)[:100]!r} leads out of its folder")
    if len(path.parts) > _DEEPEST or len(name) > _LONGEST:
        raise _bad(f"{name[:100]!r} is too long")
    return path if path.parts else None


def _write(content: IO[bytes], place: Path, mode: int) -> None:
    # O_EXCL: no entry twice, and never through a link of an entry before it
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := content.read(_CHUNK):
            file.write(chunk)
    place.chmod(mode)  # whatever the umask


def _environment(folder: Path, python: Path, version: str) -> None:
    """What makes a folder a virtual environment of the system's interpreter, and what the package reads of it."""
    binary = folder / "bin"
    binary.mkdir(exist_ok=True)
    (binary / "python").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
    (folder / "VERSION").write_text(f"{version}\n")


def _compile(folder: Path, python: Path) -> None:
    """Compile the modules, for no service may write here later. What does not compile is found by the trial run.

    By the system's interpreter without any site: nothing of the archive is run by it.
    """
    words = ["-I", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder / "lib")]
    with contextlib.suppress(subprocess.SubprocessError):
        subprocess.run(
            [str(python), *words],
            timeout=_COMPILE_S,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def sync_tree(folder: Path) -> None:
    """Everything below a folder is on the disk when this returns. Raises OSError."""
    os.sync()  # at once, all of it; what follows finds little left to do, and hears of what went wrong
    for path in _files_then_folders(folder):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _files_then_folders(folder: Path) -> Iterator[Path]:
    for place, _folders, files in os.walk(folder, topdown=False):
        yield from (path for name in files if not (path := Path(place, name)).is_symlink())
        yield Path(place)
    yield folder.parent


def _bad(detail: str) -> Refusal:
    return Refusal("update.archive", detail=detail[:200])

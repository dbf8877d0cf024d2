"""Files that survive a power cut: complete under their name, or not there. No name of a person's is spoilt."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path


class TargetError(OSError):
    """A file must not be written there; nothing was touched.

    `code` is `files.no_file` (something other than a file has that name: a device, a pipe, a folder) or `files.same`
    (it would destroy a file that is still needed). `filename` is the name as it was given.
    """

    def __init__(self, code: str, path: Path, reason: str) -> None:
        super().__init__(errno.EINVAL, reason, str(path))
        self.code = code


def real_target(target: Path, needed: Iterable[Path] = ()) -> Path:
    """Return where to write so that `target` holds it: its links followed, which stay links.

    Raises:
        TargetError: `target` exists and is no regular file, or is one of the files that are `needed`.
        OSError: its links lead in a circle.
    """
    try:
        real = target.resolve(strict=False)
        real.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    else:
        if not real.is_file():
            raise TargetError("files.no_file", target, "is no file: a device, a pipe or a folder")
    for other in needed:
        if real == other.resolve() or (real.exists() and other.exists() and real.samefile(other)):
            raise TargetError("files.same", target, f"is {other}, which is still needed")
    return real


@contextlib.contextmanager
def draft(target: Path, needed: Iterable[Path] = ()) -> Iterator[Path]:
    """Give an empty file to fill, which becomes `target` at the end, whole, or is gone if anything was raised.

    What stands at `target` stays until then. A new file may be read by everybody, an old one keeps its rights.

    Raises:
        TargetError: as `real_target`.
        OSError: the disk refused, or the folder of `target` is missing; it names `target`.
    """
    real = real_target(target, needed)
    try:
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=".tts-")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(real.stat().st_mode & 0o777 if real.exists() else 0o644)
        durable_replace(temporary, real)
    finally:
        temporary.unlink(missing_ok=True)


def durable_replace(source: Path, target: Path) -> None:
    """Move `source` to `target` (same file system) so that a power cut leaves the old or the new file, whole.

    Raises:
        TargetError: `target` is no regular file, nor a link to one.
        OSError: the disk refused.
    """
    if target.exists() and not target.is_file():
        raise TargetError("files.no_file", target, "is no file: a device, a pipe or a folder")
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    _sync_folder(target.parent)


def durable_copy(source: Path, target: Path) -> None:
    """Copy `source` to `target`, atomically and durably, replacing what is there.

    Raises:
        OSError: as `draft`.
    """
    with draft(target) as temporary:
        shutil.copyfile(source, temporary)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

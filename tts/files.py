"""Files that survive a power cut: complete under their name, or not there."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path


def durable_replace(source: Path, target: Path) -> None:
    """Move `source` to `target` (same file system) so that a power cut leaves the old or the new file, whole.

    Raises:
        OSError: the disk refused.
    """
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    _sync_folder(target.parent)


def durable_copy(source: Path, target: Path) -> None:
    """Copy `source` to `target`, atomically and durably, replacing what is there.

    Raises:
        OSError: the disk refused, or the folder of `target` is missing.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".tts-")
    os.close(handle)
    temporary = Path(name)
    try:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o644)
        durable_replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


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

"""What is nobody else's on the machine: the data folder, and the database with the secrets of people in it."""

import os
from pathlib import Path


def folder(path: Path) -> None:
    """Make it for this account only (0700). One that is there keeps what its owner decided. Raises OSError."""
    if not path.exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def file(path: Path) -> None:
    """Have it there, readable by this account only (0600): SQLite's files beside it take after it. Raises OSError."""
    folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(handle)
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)

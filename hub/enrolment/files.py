"""Files that a power cut leaves whole: the old one or the new one."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

SECRET, OPEN, GROUP = 0o600, 0o644, 0o640
"""Only this account; everybody; also the group of the folder, which is the broker's."""


def put(path: Path, content: bytes, mode: int) -> None:
    """Write or replace. Raises OSError."""
    draft = _draft(path, content, mode)
    draft.replace(path)
    _keep(path.parent)


def put_first(path: Path, content: bytes, mode: int) -> None:
    """Write where nothing is; what another process wrote meanwhile stays. Raises OSError."""
    draft = _draft(path, content, mode)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    _keep(path.parent)


def _draft(path: Path, content: bytes, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, SECRET)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    return draft


def _keep(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

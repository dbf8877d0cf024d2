"""The socket itself. Its address goes by way of an open folder: a Unix socket's own path has room for 107 bytes."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

NAME = "local.sock"
MOST_BYTES = 8_000_000
"""Of one question or answer: a camera's picture fits."""


def listening(folder: Path) -> socket.socket:
    """A socket that listens in a folder; one that an agent left behind is replaced. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        (folder / NAME).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(folder) as address:
            listener.bind(address)
        (folder / NAME).chmod(0o600)  # before it listens: nobody else gets in between
        listener.listen(16)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def dial(folder: Path, timeout_s: float) -> socket.socket:
    """A connection to the agent of a folder. Raises OSError where none listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        with _address(folder) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)

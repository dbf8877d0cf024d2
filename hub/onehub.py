"""One hub for one data folder: whoever comes second is told who was first, before anything is touched."""

import fcntl
import os
from pathlib import Path

from hub.database import Taken


class OneHub:
    """An advisory lock (flock) beside the database's file; the kernel gives it back however the hub ends."""

    def __init__(self, database: Path) -> None:
        """`database`: the file; the lock is called as it is, with `.lock` behind."""
        self._database = database
        self._file: int | None = None

    def take(self) -> None:
        """Raises Taken while another program holds it, OSError."""
        file = os.open(self._database.with_name(f"{self._database.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            first = os.pread(file, 20, 0).decode(errors="replace").strip()
            os.close(file)
            raise Taken(
                f"another hub{f' (process {first})' if first else ''} already uses the data folder "
                f"{self._database.parent}. Stop that one first, or give this one a folder of its own: "
                "key `data` of its configuration"
            ) from error
        except OSError:
            os.close(file)
            raise
        self._file = file
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return  # a full disk: the lock holds all the same, only its owner's number is not told

    def leave(self) -> None:
        """Give it back."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

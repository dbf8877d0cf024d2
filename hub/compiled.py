"""The templates of the pages as they were compiled once: in this process, and in the data folder for the next start.

Compiling them takes most of what a first page costs: a second on a PC, several on a small board.
"""

import contextlib
import logging
import os
from functools import cache
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

from hub import private

logger = logging.getLogger(__name__)


class Compiled(jinja2.BytecodeCache):
    """One file for each template. A file that is damaged or of another version is compiled anew; a folder that
    cannot be written costs only the time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """What is known of a template, if it is still the same."""
        known = _known().get(bucket.key)
        if known is not None:
            bucket.bytecode_from_string(known)
        if bucket.code is None:
            with contextlib.suppress(OSError), self._file(bucket).open("rb") as file:
                bucket.load_bytecode(file)
            self._know(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._know(bucket)
        path = self._file(bucket)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            private.folder(self._folder)
            part.write_bytes(bucket.bytecode_to_string())
            part.replace(path)
        except OSError as error:
            logger.warning("cannot keep a compiled page: %s", error)
            with contextlib.suppress(OSError):
                part.unlink()

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / bucket.key

    @staticmethod
    def _know(bucket: Bucket) -> None:
        if bucket.code is not None:
            _known()[bucket.key] = bucket.bytecode_to_string()


@cache
def _known() -> dict[str, bytes]:
    """Of this process, by the name of the template: as many as there are."""
    return {}

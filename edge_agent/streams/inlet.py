"""The worker's end of `StreamChild`: records from standard input without blocking, JSON lines to standard output."""

import json
import os
import select
import struct
import sys
from typing import Any

CONTROL, FRAME = b"C", b"F"
HEAD = struct.Struct(">cH")
"""Of a record: its kind, and how many bytes follow."""
_MOST = 256 * 1024


class Inlet:
    """Records `(kind, body)` as they come. `over`: the parent is gone, or wants us to end."""

    def __init__(self) -> None:
        self.fileno = sys.stdin.fileno()
        os.set_blocking(self.fileno, False)
        self._held = bytearray()
        self.over = False

    def wait(self, seconds: float) -> list[tuple[bytes, bytes]]:
        """Wait at most so long for records; those that are whole."""
        select.select([self.fileno], [], [], max(0.0, seconds))
        self._read()
        place, records = 0, []
        while len(self._held) - place >= HEAD.size:
            kind, length = HEAD.unpack_from(self._held, place)
            end = place + HEAD.size + length
            if len(self._held) < end:
                break
            records.append((kind, bytes(self._held[place + HEAD.size : end])))
            place = end
        del self._held[:place]
        return records

    def _read(self) -> None:
        while len(self._held) < _MOST:
            try:
                data = os.read(self.fileno, 65_536)
            except BlockingIOError:
                return
            if not data:
                self.over = True
                return
            self._held += data


class Outlet:
    """Standard output, kept for events; whatever else prints there goes to standard error."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)

    def say(self, event: str, **data: Any) -> None:
        """One JSON line. A parent that does not listen any more ends us."""
        try:
            os.write(self._out, json.dumps({"event": event, **data}).encode() + b"\n")
        except BrokenPipeError:
            os._exit(0)

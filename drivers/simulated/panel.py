"""The fault panel of a simulated cabinet: a few small files in the driver's folder, so that any process can work it.

`panel.json` holds what is broken (thing -> word), `ask` is touched by who wants to see values, and the driver answers
in `shown.json`. The driver looks about three times a second; nothing is written while nobody asks.
"""

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.simulated.memory import replace

_MAX_BYTES = 200_000


class Panel:
    """Both sides of the panel; all of it blocks for a short time. Methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the driver; it is made when something is set."""
        self._folder = folder
        self._seen: tuple[int, int] | None = None
        self._answered = 0

    def faults(self) -> dict[str, str]:
        """What is broken now: thing -> word. Raises ValueError when the file is not what `change` wrote."""
        try:
            text = self._file("panel.json").read_bytes()[:_MAX_BYTES]
        except FileNotFoundError:
            return {}
        data = json.loads(text)
        if not isinstance(data, dict) or not all(isinstance(word, str) for word in data.values()):
            raise ValueError("it should hold names and words only")
        return data

    def change(self, words: Mapping[str, str | None], *, clear: bool = False) -> dict[str, str]:
        """Break (word) and mend (None) things; `clear` mends all others. Returns what is broken then."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            try:
                before = {} if clear else self.faults()
            except ValueError:
                before = {}
            after = {thing: word for thing, word in {**before, **words}.items() if word is not None}
            replace(self._file("panel.json"), json.dumps(after, ensure_ascii=False, indent=1))
        return after

    def ask(self, limit_s: float = 1.5) -> dict[str, Any] | None:
        """What the driver shows now, or None when it does not answer: the agent is not running."""
        if not self._folder.is_dir():
            return None
        ask = self._file("ask")
        ask.touch()
        asked, end = ask.stat().st_mtime_ns, time.monotonic() + limit_s
        while time.monotonic() < end:
            shown = self._shown()
            if shown is not None and shown.get("asked", 0) >= asked:
                return shown
            time.sleep(0.05)
        return None

    def changed(self) -> dict[str, str] | None:
        """For the driver: what is broken, if that was written since the last look. Raises ValueError as `faults`."""
        stamp = self._stamp("panel.json")
        if stamp == self._seen:
            return None
        self._seen = stamp
        return self.faults()

    def asked(self) -> int:
        """For the driver: a number for `answer` when somebody asked since, else 0."""
        stamp = self._stamp("ask")
        return stamp[0] if stamp is not None and stamp[0] > self._answered else 0

    def answer(self, asked: int, shown: Mapping[str, Any]) -> None:
        """For the driver: show what was asked for."""
        self._answered = asked
        replace(self._file("shown.json"), json.dumps({"asked": asked, **shown}))

    def _shown(self) -> dict[str, Any] | None:
        try:
            data = json.loads(self._file("shown.json").read_bytes())
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def _stamp(self, name: str) -> tuple[int, int] | None:
        try:
            found = self._file(name).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _file(self, name: str) -> Path:
        return self._folder / name

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._file("panel.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

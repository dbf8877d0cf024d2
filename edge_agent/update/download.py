"""Fetches an archive: goes on where it was cut off, slowly enough for others, and believes nothing but the hash."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.backoff import Backoff
from edge_agent.contract.errors import Refusal
from edge_agent.update.bundle import Bundle
from edge_agent.update.remote import Cut, Remote
from edge_agent.update.room import disk_refusal, must_have_room

_TRIES = 5
_SYNC_EVERY = 4 * 1024 * 1024
_STABLE_S = 3600.0
_BUSY = {408, 425, 429, 500, 502, 503, 504}


class Pace:
    """Keeps to a mean rate in bytes a second; None: as fast as it goes."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._began = time.monotonic()
        self._sent = 0

    def passed(self, count: int) -> None:
        """So many bytes came; wait as long as they should have taken."""
        self._sent += count
        if self._rate is None:
            return
        ahead = self._sent / self._rate - (time.monotonic() - self._began)
        if ahead > 0:
            time.sleep(ahead)


class Download:
    """One archive into one folder. Blocking."""

    def __init__(
        self,
        remote: Remote,
        folder: Path,
        rate: float | None = None,
        *,
        wait: Backoff | None = None,
        told: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        """`rate`: bytes a second at most; `told` hears now and then how many bytes are there."""
        self._remote = remote
        self._folder = folder
        self._rate = rate
        self._wait = wait or Backoff(1.0, 60.0)
        self._told = told

    def fetch(self, bundle: Bundle) -> Path:
        """The archive, whole and of the right hash; what has come is kept for the next call when it is not.

        Raises Refusal `update.offline`, `update.wrong_hash`, `update.no_room`, `update.disk`.
        """
        whole, part = self._folder / bundle.sha256, self._folder / f"{bundle.sha256}.part"
        if whole.exists() and _sha256(whole) == bundle.sha256:
            return whole
        try:
            self._clear(bundle)
            self._until_there(bundle, part)
            part.replace(whole)
        except OSError as error:
            raise disk_refusal(error) from error
        return whole

    def _clear(self, bundle: Bundle) -> None:
        """Archives of other versions are in the way."""
        for old in self._folder.iterdir():
            if len(old.name.partition(".")[0]) == 64 and not old.name.startswith(bundle.sha256):
                old.unlink()

    def _until_there(self, bundle: Bundle, part: Path) -> None:
        failed, again = 0, False
        while True:
            have = part.stat().st_size if part.exists() else 0
            if have >= bundle.length:
                if have == bundle.length and _sha256(part) == bundle.sha256:
                    return
                part.unlink()  # of before a power cut, or what was served is something else: once from the beginning
                if again:
                    raise Refusal("update.wrong_hash", name=bundle.name)
                again, have = True, 0
            must_have_room(self._folder, bundle.length - have)
            try:
                self._attempt(bundle, part, have)
            except Cut as cut:
                gained = part.exists() and part.stat().st_size > have
                failed = 0 if gained else failed + 1
                if failed >= _TRIES:
                    raise Refusal("update.offline", host=self._remote.host, detail=str(cut)) from cut
                time.sleep(self._wait.after(_STABLE_S if gained else 0.0))

    def _attempt(self, bundle: Bundle, part: Path, have: int) -> None:
        with self._remote.get(f"targets/{bundle.sha256}.{bundle.name}", have) as (status, pieces):
            if status not in (200, 206):
                detail = f"HTTP {status}"
                if status in _BUSY:
                    raise Cut(detail)
                raise Refusal("update.offline", host=self._remote.host, detail=detail)
            pace, synced = Pace(self._rate), have if status == 206 else 0
            with part.open("ab" if status == 206 else "wb") as file:
                try:
                    there = synced
                    for piece in pieces:
                        there += file.write(piece[: bundle.length - there])
                        pace.passed(len(piece))
                        if there - synced >= _SYNC_EVERY:
                            _sync(file.fileno(), file.flush)
                            synced = there
                            self._told(there)
                        if there >= bundle.length:
                            break
                finally:
                    _sync(file.fileno(), file.flush)


def _sync(descriptor: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

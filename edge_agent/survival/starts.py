"""Counts starts that came to nothing, in a small file, and says when only the safe core shall run.

Starts count within one boot alone: a village whose power comes and goes in a storm is no fault of the agent.
"""

import hashlib
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_agent.store.files import write_atomically
from edge_agent.version import VERSION

log = logging.getLogger(__name__)
STARTS = "starts.json"
LIVED_S = 60.0
"""A start that lived so long has not come to nothing."""
_WITHIN_S = 600.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class SafeMode(BaseModel):
    """That the safe core runs. `since`: seconds since boot. `reason`: one line; empty: it ended without a word."""

    model_config = ConfigDict(frozen=True)

    since: float
    reason: str = ""
    bare: bool = False
    """Even the safe core came to nothing: no driver is opened any more."""
    left_out: tuple[str, ...] = ()
    """Drivers in whose opening the agent ended."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    boot: str
    mark: str
    starts: tuple[float, ...] = ()
    error: str = ""
    trying: str | None = None
    safe: SafeMode | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """So many starts in vain within ten minutes, and after how many seconds the whole agent is tried again."""

    starts: int = 5
    safe_s: float = 6 * 3600.0


class Starts:
    """The file of the starts. A disk that fails is told, and counts nothing."""

    def __init__(
        self, file: Path, mark: str, limits: Limits = Limits(), now: Callable[[], float] | None = None
    ) -> None:
        """`mark` tells one configuration and package from another; `now` is seconds since boot."""
        self._file = file
        self._mark = mark
        self._limits = limits
        self._now = now or _since_boot
        self._kept = self._fresh()

    def begin(self) -> SafeMode | None:
        """A start: count it. Returns the safe mode to start in; None: the whole agent."""
        kept, now = self._read(), self._now()
        if kept is None or kept.boot != _boot() or kept.mark != self._mark:
            kept = self._fresh()
        if kept.safe is not None and now - kept.safe.since >= self._limits.safe_s:
            kept = self._fresh()
        recent = tuple(at for at in kept.starts if now - at < _WITHIN_S)
        many = 0 < self._limits.starts <= len(recent)
        safe = kept.safe
        if safe is not None and kept.trying is not None:
            safe = safe.model_copy(update={"left_out": (*safe.left_out, kept.trying)})
        elif safe is not None and many:
            safe = safe.model_copy(update={"bare": True})
        elif many:
            safe, recent = SafeMode(since=now, reason=kept.error), ()
        # of more starts than count nobody asks
        recent = (*recent, now)[-max(1, self._limits.starts) :]
        self._write(kept.model_copy(update={"starts": recent, "error": "", "trying": None, "safe": safe}))
        return safe

    def lived(self) -> None:
        """A start has come to something, or was ended by somebody who meant it."""
        if self._kept.safe is not None:
            self._write(self._kept.model_copy(update={"starts": (), "trying": None}))
        elif self._kept.starts:
            self._kept = self._fresh()
            self._remove()

    def failed(self, reason: str) -> None:
        """What ended this start, in one line."""
        self._write(self._kept.model_copy(update={"error": " ".join(reason.split())[:300]}))

    def trying(self, driver: str | None) -> None:
        """A driver is being opened in safe mode; None: all are open. Should the agent end now, it was this one."""
        self._write(self._kept.model_copy(update={"trying": driver}))

    def leave(self) -> bool:
        """Let the whole agent run; False when it was not in safe mode. Raises OSError."""
        kept = self._read()
        self._file.unlink(missing_ok=True)
        return kept is not None and kept.safe is not None

    def is_over(self) -> bool:
        """Whether safe mode, in which we are, has been left by somebody, or has lasted long enough."""
        kept = self._read()
        return kept is None or kept.safe is None or self._now() - kept.safe.since >= self._limits.safe_s

    def safe(self) -> SafeMode | None:
        """The safe mode of this boot, for who looks from outside."""
        kept = self._read()
        return kept.safe if kept is not None and kept.boot == _boot() else None

    def _fresh(self) -> _Kept:
        return _Kept(boot=_boot(), mark=self._mark)

    def _read(self) -> _Kept | None:
        try:
            return _Kept.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            log.warning("%s counts for nothing: %s", self._file, str(error).splitlines()[0])
            return None

    def _write(self, kept: _Kept) -> None:
        self._kept = kept
        try:
            write_atomically(self._file, kept.model_dump_json().encode())
        except OSError as error:
            log.warning("starts cannot be counted: %s", error)

    def _remove(self) -> None:
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("starts cannot be counted: %s", error)


def mark_of(file: Path) -> str:
    """What tells this configuration file and this installed package from others."""
    try:
        content = file.read_bytes()
    except OSError:
        content = b""
    about = f"{VERSION}\n{Path(sys.prefix).resolve()}\n".encode()
    return hashlib.sha256(about + content).hexdigest()[:16]


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""

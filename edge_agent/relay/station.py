"""One station as the worker sees it: a puller process, a buffer against jitter, its health. Imports numpy."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.relay.choice import Health
from edge_agent.streams.level import RATE, Leveller, dbfs

Floats = NDArray[np.float32]

BLOCK = 960
_PRIME_S = 1.0
"""So much must have come before the first of it is heard, and again after it ran dry."""
_MOST_S = 4.0
_END_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """As `edge_agent.relay.stream.Limits`."""

    open_s: float
    stall_s: float
    silence_s: float
    silence_dbfs: float
    healthy_s: float
    retry_s: float
    retry_most_s: float


class Station:
    """Calls it again and again, with growing pauses, for as long as it is `wanted`."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._url = url
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._held = bytearray()
        self._primed = False
        self._ended = False  # the puller has; what it gave is still heard
        self._called_at = 0.0
        self._dry_since: float | None = None
        self._silent_s = 0.0
        self._next_call = 0.0
        self._pause = limits.retry_s
        self._leveller = Leveller()
        self._ready = np.zeros(0, np.float32)
        self.health = Health()
        self.fault: tuple[str, dict[str, Any]] | None = None
        """Why it failed last: code and what fills its sentence."""
        self.calls = 0

    @property
    def fileno(self) -> int | None:
        """The pipe to wait on; None while there is none, or no room."""
        process = self._process
        if process is None or process.stdout is None or len(self._held) >= _MOST_S * RATE * 2:
            return None
        return process.stdout.fileno()

    @property
    def held_s(self) -> float:
        """Seconds in the buffer."""
        return len(self._held) / 2 / RATE

    @property
    def gain_db(self) -> float:
        """What is added to its level now."""
        return self._leveller.gain_db

    def call(self, now: float) -> None:
        """Call the station, unless it is called or it is too early."""
        if self._process is not None or self._ended or now < self._next_call:
            return
        self.calls += 1
        self._called_at = now
        self._dry_since = None
        limits = (str(self._limits.open_s), str(max(5.0, self._limits.stall_s)))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge_agent.relay.puller", self._url, *limits],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        os.set_blocking(self._process.stdout.fileno(), False)

    def hang_up(self) -> None:
        """It is not wanted any more."""
        self._end()
        self._forget()
        self.health = Health()
        self._pause, self._next_call = self._limits.retry_s, 0.0

    def receive(self, now: float) -> None:
        """Take in what has come; notice when nothing will come any more."""
        if self._ended and len(self._held) < 2 * BLOCK:
            code, params = self.fault or ("relay.ended", {"detail": "it came to an end"})
            self._fail(now, code, **params)
        pipe = self.fileno
        if pipe is None:
            return
        try:
            data = os.read(pipe, 65_536)
        except BlockingIOError:
            if not self._primed and now - self._called_at > self._limits.open_s + _END_S:
                self._fail(now, "relay.stalled", detail=f"no sound within {self._limits.open_s:g} s")
            return
        if data:
            self._held += data
        else:
            self._over()

    def step(self, now: float) -> Floats | None:
        """The next 20 ms, float32 (960,), levelled; None while there is nothing. To be called in real time."""
        while len(self._ready) < BLOCK:
            raw = self._next(now)
            if raw is None:
                return None
            self._ready = np.concatenate((self._ready, self._leveller.process(raw)))
        out, self._ready = self._ready[:BLOCK], self._ready[BLOCK:]
        return out

    def _next(self, now: float) -> Floats | None:
        enough = 2 * (int(_PRIME_S * RATE) if not self._primed else BLOCK)
        if len(self._held) < enough and not (self._ended and len(self._held) >= 2 * BLOCK):
            self._dry(now)
            return None
        self._primed, self._dry_since = True, None
        raw = np.frombuffer(bytes(self._held[: 2 * BLOCK]), "<i2").astype(np.float32) / np.float32(32768)
        del self._held[: 2 * BLOCK]
        self._silent_s = self._silent_s + BLOCK / RATE if dbfs(raw) < self._limits.silence_dbfs else 0.0
        if self._silent_s >= self._limits.silence_s:
            self._fail(now, "relay.silent", seconds=round(self._limits.silence_s))
            return None
        if self.health.well_since is None and self._silent_s == 0.0:
            self.health = Health(well_since=now)
        return raw

    def _dry(self, now: float) -> None:
        """Nothing to hear: wait, or give up."""
        if not self._primed or self._ended:
            return
        self._dry_since = now if self._dry_since is None else self._dry_since
        if now - self._dry_since >= self._limits.stall_s:
            self._fail(now, "relay.stalled", detail=f"nothing for {self._limits.stall_s:g} s")

    def _over(self) -> None:
        """The puller has ended; what waits is still heard."""
        said = self._end()
        self._ended = True
        self.fault = ("relay.worker", {"detail": said[:200] or "the pulling process was ended from outside"})
        try:
            told = json.loads(said.splitlines()[-1])
            self.fault = (str(told["code"]), {"detail": str(told["detail"])})
        except (ValueError, IndexError, KeyError, TypeError):
            pass

    def _fail(self, now: float, code: str, **params: Any) -> None:
        was_well_s = now - self.health.well_since if self.health.well_since is not None else 0.0
        self._end()
        self._forget()
        self.fault = (code, params)
        self.health = Health(failed=True)
        self._pause = (
            self._limits.retry_s
            if was_well_s >= self._limits.healthy_s
            else min(self._pause * 2, self._limits.retry_most_s)
        )
        self._next_call = now + self._pause

    def _forget(self) -> None:
        self._held.clear()
        self._ended = False
        self._ready = np.zeros(0, np.float32)
        self._primed, self._silent_s, self._dry_since = False, 0.0, None
        self._leveller = Leveller(self._leveller.gain_db)

    def _end(self) -> str:
        """End the puller; what it said."""
        process, self._process = self._process, None
        if process is None:
            return ""
        if process.stdout is not None:
            process.stdout.close()
        with process:
            try:
                said = process.communicate(timeout=_END_S)[1] if process.poll() is not None else b""
            except (subprocess.TimeoutExpired, ValueError):
                said = b""
            process.kill()
        return said.decode(errors="replace").strip()

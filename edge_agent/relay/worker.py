"""The worker of a relay: `python -m edge_agent.relay.worker`, driven over standard input (`edge_agent.streams`).

Control record: {"fifo", "main", "backup", "stand_in", "seconds", "limits"}, and of a worker that died before us
{"zero", "written_s"}: since when the FIFO is read, and how much was written. Events: hello, failover and back (from,
to, code, params), stats (once a second), ended (why_over: time, closed).
"""

import json
import select
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.relay.choice import Choice, Source, is_worse
from edge_agent.relay.station import BLOCK, Limits, Station
from edge_agent.streams.fifo import FifoWriter, ReaderGone
from edge_agent.streams.inlet import Inlet, Outlet
from edge_agent.streams.level import RATE, dbfs

Floats = NDArray[np.float32]

_AHEAD_S = 1.0
"""So far ahead of the speaker the sound is, at most: it rides out a busy machine."""
_BEHIND_S = 0.5
_STRETCH = 24_000
_FULL = 30_000
"""Samples in a FIFO that has no room for more, or hardly."""
_GRACE_S = 3.0
_READ_AHEAD_S = 3.0
"""A sound card takes so much at once, and reads on when its instant has come."""
_FADE_BLOCKS = 10


class Loop:
    """A WAV file again and again: mono, 16 bits, 48 kHz. Another file is none."""

    def __init__(self, path: Path | None) -> None:
        self._file: wave.Wave_read | None = None
        self.fault = ""
        if path is None:
            return
        try:
            file = wave.open(str(path), "rb")  # noqa: SIM115 - open for as long as the relay is
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE) or not file.getnframes():
                raise wave.Error("not mono, 16 bits, 48 kHz, or empty")
            self._file = file
        except (OSError, wave.Error, EOFError) as error:
            self.fault = str(error)

    def __bool__(self) -> bool:
        return self._file is not None

    def step(self) -> Floats:
        """The next 20 ms."""
        data = b""
        while self._file is not None and len(data) < 2 * BLOCK:
            more = self._file.readframes(BLOCK - len(data) // 2)
            if not more:
                if self._file.tell() == 0:  # it became empty
                    break
                self._file.rewind()
            data += more
        data = data.ljust(2 * BLOCK, b"\0")
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


class Worker:
    """Brings together stations, choice and FIFO."""

    def __init__(self, settings: dict[str, Any], inlet: Inlet, outlet: Outlet) -> None:
        limits = Limits(**settings["limits"])
        self._inlet, self._outlet = inlet, outlet
        self._fifo = FifoWriter(Path(settings["fifo"]), int(float(settings.get("written_s", 0)) * RATE))
        self._seconds = float(settings["seconds"])
        self._main = Station(settings["main"], limits)
        self._backup = Station(settings["backup"], limits) if settings["backup"] else None
        self._stand_in = Loop(Path(settings["stand_in"]) if settings["stand_in"] else None)
        has_backup = self._backup is not None
        self._choice = Choice(
            limits.healthy_s, min(_GRACE_S, limits.stall_s), has_backup=has_backup, has_stand_in=bool(self._stand_in)
        )
        self._zero: float | None = settings.get("zero")
        self._first_reader = self._zero is None
        self._source: Source | None = None
        self._old: Source | None = None
        self._fade = 0
        self._heard_s: dict[str, float] = {}
        self._failovers = 0
        self._level = -120.0
        self._told = 0.0

    def run(self) -> str:
        """Work until it is over; why it is."""
        while True:
            self._wait()
            if self._inlet.over:
                return "closed"
            now = time.monotonic()
            self._pull(now)
            try:
                if self._write(now):
                    self._fifo.close()
                    return "time"
            except ReaderGone:  # something more urgent is on air; we are ended when there is no more of us to come
                self._fifo.again()
                self._first_reader = False
            self._tell(now)

    def close(self) -> None:
        """Let go of the stations."""
        for station in self._stations():
            station.hang_up()

    def _stations(self) -> list[Station]:
        return [self._main] + ([self._backup] if self._backup is not None else [])

    def _wait(self) -> None:
        pipes = [pipe for station in self._stations() if (pipe := station.fileno) is not None]
        select.select([*pipes, self._inlet.fileno], [], [], 0.01)
        self._inlet.wait(0)

    def _pull(self, now: float) -> None:
        self._main.call(now)
        if self._backup is not None:
            if self._choice.wants_backup:
                self._backup.call(now)
            elif self._choice.source == "main" and self._fade == 0:
                self._backup.hang_up()
        for station in self._stations():
            station.receive(now)

    def _write(self, now: float) -> bool:
        """Write what is due. Returns whether the time is over."""
        ready = self._fifo.ready()
        if self._fifo.reading and self._first_reader:
            self._begin(now)
        if not ready:
            return False
        while self._fifo.ready():
            if self._fifo.position >= self._seconds * RATE:
                return True
            ahead = self._fifo.position / RATE - (0.0 if self._zero is None else now - self._zero)
            if ahead > _AHEAD_S:
                return False
            if ahead < -_BEHIND_S:  # another reader, or a machine that stood still: what is past is not made up
                self._fifo.write(bytes(2 * min(_STRETCH, int(-ahead * RATE))))
                continue
            sound = self._block(now)
            self._level = dbfs(sound)
            pcm = np.clip(np.rint(sound * np.float32(32767)), -32768, 32767).astype("<i2")
            self._fifo.write(pcm.tobytes())
        return False

    def _begin(self, now: float) -> None:
        """The time begins with the first sample that is read, not with the reader, who may come before its piece does.

        Whoever has taken no more than what he reads ahead, and leaves the FIFO full, still waits: we are not behind.
        """
        unread = self._fifo.unread()
        read = self._fifo.position - unread
        if self._zero is None:
            self._zero = now if read > 0 else None
        elif read < _READ_AHEAD_S * RATE and unread >= _FULL:
            self._zero = max(self._zero, now - self._fifo.position / RATE)

    def _block(self, now: float) -> Floats:
        """The next 20 ms of what is heard; what is not heard goes on unheard."""
        heard: dict[Source, Floats | None] = {"main": self._main.step(now), "silence": None}
        if self._backup is not None:
            heard["backup"] = self._backup.step(now)
        source = self._choice.decide(now, self._main.health, self._backup.health if self._backup else self._main.health)
        if source != self._source:
            self._change(source)
        if "stand-in" in (source, self._old):
            heard["stand-in"] = self._stand_in.step()
        self._heard_s[source] = self._heard_s.get(source, 0.0) + BLOCK / RATE
        return self._mixed(heard.get(source), heard.get(self._old) if self._old else None)

    def _change(self, source: Source) -> None:
        before = self._source
        self._source = source
        self._old, self._fade = before, _FADE_BLOCKS
        if not self._heard_s.keys() - {"silence"}:  # it begins
            if source in ("main", "silence"):
                return
            before = "main"  # which ought to be heard
        if before is None:
            return
        worse = is_worse(source, before)
        self._failovers += worse
        fault = self._main.fault if before == "main" or self._backup is None else self._backup.fault
        code, params = fault if worse and fault else (None, {})
        self._outlet.say("failover" if worse else "back", **{"from": before, "to": source}, code=code, params=params)

    def _mixed(self, new: Floats | None, old: Floats | None) -> Floats:
        out = np.zeros(BLOCK, np.float32) if new is None else new
        if self._fade == 0:
            return out
        begin = 1 - self._fade / _FADE_BLOCKS
        rise = np.linspace(begin, begin + 1 / _FADE_BLOCKS, BLOCK, endpoint=False, dtype=np.float32)
        self._fade -= 1
        if self._fade == 0:
            self._old = None
        return out * rise + (old * (1 - rise) if old is not None else 0)

    def _tell(self, now: float) -> None:
        if now - self._told < 1.0:
            return
        self._told = now
        self._outlet.say("stats", **self.numbers())

    def numbers(self) -> dict[str, Any]:
        """What is known so far."""
        stations = {"main": self._main} | ({"backup": self._backup} if self._backup is not None else {})
        return {
            "source": self._source or "silence",
            "heard_s": {name: round(seconds, 2) for name, seconds in self._heard_s.items()},
            "failovers": self._failovers,
            "level_dbfs": round(self._level, 1),
            "zero": self._zero,
            "written_s": round(self._fifo.position / RATE, 2),
            "why": self._main.fault or (self._backup.fault if self._backup is not None else None),
            "stand_in_fault": self._stand_in.fault,
            "stations": {
                name: {
                    "well": station.health.well_since is not None,
                    "held_s": round(station.held_s, 2),
                    "gain_db": round(station.gain_db, 1),
                    "calls": station.calls,
                    "fault": station.fault[0] if station.fault else None,
                }
                for name, station in stations.items()
            },
        }


def main() -> None:
    """Serve until it is over, or standard input ends."""
    outlet, inlet = Outlet(), Inlet()
    outlet.say("hello")
    records: list[tuple[bytes, bytes]] = []
    while not records and not inlet.over:
        records = inlet.wait(1.0)
    if not records:
        return
    worker = Worker(json.loads(records[0][1]), inlet, outlet)
    try:
        why = worker.run()
    finally:
        worker.close()
    outlet.say("ended", why_over=why, **worker.numbers())


if __name__ == "__main__":
    main()

"""Plays one file through one output, from one instant on, until its end or until it is stopped.

Runs in a thread of the playing process. While it waits for the instant it already feeds silence, so that the device
runs and what waits in it can be measured: the first sample is handed over so that it is heard at the instant.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.audio import outputs, pcm
from drivers.audio.outputs import Output
from drivers.audio.source import Source
from drivers.audio.wav import read_info

_POLL_S = 0.005
_BLOCK_S = 0.01
_SMALLEST_S = 0.005  # less is not worth a write
_LEAD_S = 0.5
_FADE_S = 0.03
_PROGRESS_S = 0.5
_STOP_WITHIN_S = 0.095

Emit = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to play. `target`: CLOCK_MONOTONIC seconds, None: now. `latency_s`: of what is behind the sound card."""

    path: Path
    target: float | None = None
    volume: float = 1.0
    device: str | None = None
    buffer_s: float = 0.1
    latency_s: float = 0.0


class Player:
    """One play. `emit(event, **fields)` is called for opened, started, progress and ended."""

    def __init__(self, job: Job, emit: Emit) -> None:
        self._job = job
        self._emit = emit
        self._stop = threading.Event()
        self._underruns = 0
        self._played = 0
        self._trail_s = 0.0

    def stop(self) -> None:
        """Make `run` fade out and return soon. From any thread."""
        self._stop.set()

    def run(self) -> None:
        """Play. Raises DriverFault."""
        info = read_info(self._job.path)
        audio = outputs.portaudio()
        try:
            output = Output(audio, outputs.find(audio, self._job.device), info, self._job.buffer_s)
            with contextlib.closing(output):
                self._emit("opened", output=output.name)
                source = Source(self._job.path, info, self._job.volume, output.form)
                with contextlib.closing(source):
                    self._play(output, source)
                unheard = max(0.0, output.queued() - self._trail_s)
                seconds = max(0.0, self._played / output.form.rate - unheard)
                underruns = 0 if output.unclocked else self._underruns
        finally:
            _quietly(audio.terminate)
        self._emit("ended", seconds=seconds, stopped=self._stop.is_set(), underruns=underruns)

    def _play(self, output: Output, source: Source) -> None:
        if self._job.target is not None:
            self._lead_in(output, self._job.target - self._job.latency_s)
        if self._stop.is_set():
            return
        self._emit("started", heard=time.monotonic() + output.queued() + self._job.latency_s, output=output.name)
        self._feed(output, source)
        if self._stop.is_set():
            self._fade(output, source)
        else:
            self._drain(output)

    def _lead_in(self, output: Output, target: float) -> None:
        """Return when the next sample that is handed over will be heard at `target`, or when that is past."""
        self._stop.wait(max(0.0, target - _LEAD_S - time.monotonic()))
        block = min(_BLOCK_S, output.depth_s / 2)
        while not self._stop.is_set():
            waiting = output.queued()
            gap = target - time.monotonic() - waiting
            if gap <= block:
                if gap > 0:
                    output.silence(gap)
                return
            if waiting + block <= output.depth_s:
                output.silence(block)
            self._stop.wait(_POLL_S)

    def _feed(self, output: Output, source: Source) -> None:
        form = output.form
        told = time.monotonic()
        while not self._stop.is_set():
            waiting = output.queued()
            if waiting <= 0 and self._played:
                self._underruns += 1
            room = output.depth_s - waiting
            if room < _SMALLEST_S:
                self._stop.wait(_POLL_S)
            elif data := source.read(max(1, int(room * form.rate))):
                output.write(data)
                self._played += len(data) // form.frame_bytes
            else:
                return
            if time.monotonic() - told >= _PROGRESS_S:
                told = time.monotonic()
                self._emit("progress", seconds=max(0.0, self._played / form.rate - waiting))

    def _fade(self, output: Output, source: Source) -> None:
        # With a long buffer there is no time for a fade: it would be heard too late.
        if self._played and output.queued() + _FADE_S <= _STOP_WITHIN_S:
            form = output.form
            tail = source.read(int(_FADE_S * form.rate))
            output.write(pcm.fade_out(tail, form.width, form.channels))
            self._played += len(tail) // form.frame_bytes
            self._drain(output, _STOP_WITHIN_S)

    def _drain(self, output: Output, limit: float = 3.0) -> None:
        # The silence fills the last period: a device may not begin one that is not full.
        until = time.monotonic() + limit
        output.silence(output.period_s)
        self._trail_s = output.period_s
        while output.queued() > self._trail_s and time.monotonic() < until:
            time.sleep(_POLL_S)


def _quietly(do: Callable[[], Any]) -> None:
    with contextlib.suppress(OSError):
        do()

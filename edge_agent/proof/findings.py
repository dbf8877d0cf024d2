"""What is known of one loudspeaker by listening: faults as they come and go, and what is usual there."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from edge_agent.contract.errors import Fault
from edge_agent.proof.calibration import read_json
from edge_agent.proof.model import Heard, Response, Sounds, TestReport
from edge_agent.proof.watch import LEARN, Floor, Watch
from edge_agent.recorder import Recorder
from edge_agent.store.files import write_atomically

log = logging.getLogger(__name__)
_SURE_S = 10.0
"""Seconds that were compared from which on one airing that was not heard is enough to tell."""
_OWN_DB = 40.0
"""Sound on the own horn is at most so much softer than its gain: speech in a file has some -20 dBFS, and 20 dB less is
what another node's horn, some 100 m away, still brings."""
_SAVE_EVERY = 300
_PAUSE_DB, _PAUSE_RISE_DB = 15.0, 6.0


class Memory:
    """What is usual at a place, on disk: a hum that began while the node was off is no part of it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "usual.json"

    def load(self) -> Floor:
        """Blocking. What cannot be read is learnt anew."""
        try:
            return Floor.from_json(read_json(self._path))
        except (KeyError, TypeError, ValueError):
            return Floor()

    def save(self, floor: Floor) -> None:
        """Blocking."""
        try:
            write_atomically(self._path, json.dumps(floor.as_json()).encode())
        except OSError as error:
            log.warning("what is usual could not be written: %s", error)


class Findings:
    """Faults of four kinds side by side; each tells one event when it comes or changes, and one when it goes."""

    def __init__(
        self, speaker: str, memory: Memory, recorder: Recorder, on_fault: Callable[[str, Fault | None], None]
    ) -> None:
        self._speaker = speaker
        self._memory = memory
        self._recorder = recorder
        self._on_fault = on_fault
        self._watch = Watch()
        self._faults: dict[str, Fault] = {}
        self._unheard = 0
        self._unsaved = 0
        self._idle_dbfs: float | None = None
        self.ambient_dbfs: float | None = None

    def load(self) -> None:
        """Read what is usual. Blocking."""
        self._watch = Watch(self._memory.load())

    def save(self, *, now_and_then: bool = False) -> None:
        """Write what is usual, if there is news; `now_and_then`: about once an hour. Blocking."""
        if self._unsaved >= (_SAVE_EVERY if now_and_then else 1) and self._watch.floor.seen >= LEARN:
            self._unsaved = 0
            self._memory.save(self._watch.floor)

    def idle(self, sounds: Sounds, installed: Response | None) -> None:
        """A few seconds in which nothing played; `installed`: the calibration."""
        self._unsaved += 1
        before = sounds.ambient_dbfs if self._idle_dbfs is None else self._idle_dbfs
        self._idle_dbfs = self.ambient_dbfs = round(before + 0.5 * (sounds.ambient_dbfs - before), 1)
        if self._watch.hear(sounds, least_dbfs=None if installed is None else installed.level_db - _OWN_DB):
            self._set("idle", self._watch.fault)

    def pauses(self, sounds: Sounds) -> None:
        """Some seconds of an airing: its pauses tell the noise, unless a music bed fills them.

        No more than 6 dB above the silence before: an echo must not make the loudspeaker louder and louder.
        """
        if self._idle_dbfs is not None and sounds.pause_dbfs <= sounds.level_dbfs - _PAUSE_DB:
            self.ambient_dbfs = round(min(sounds.pause_dbfs, self._idle_dbfs + _PAUSE_RISE_DB), 1)

    def aired(self, heard: Heard) -> None:
        """An airing was matched."""
        if heard.heard:
            self._unheard = 0
            self._set("air", None)
            return
        self._unheard += 1
        if self._unheard >= 2 or heard.seconds >= _SURE_S:
            self._set("air", Fault.of("speaker.not_heard"))

    def tested(self, report: TestReport, *, calibrated: bool) -> None:
        """A self-test was done."""
        self._recorder.event(
            "tested",
            f"speaker/{self._speaker}",
            verdict=report.verdict,
            calibrated=calibrated,
            level_db=report.response.level_db,
            change_db=report.change_db,
            snr_db=report.response.snr_db,
            delay_ms=round(report.response.delay_s * 1000, 1),
            missing=list(report.missing) or None,
        )
        self._set("test", _fault_of(report))

    def microphone(self, fault: Fault | None) -> None:
        """Recordings fail, or work again."""
        self._set("microphone", fault)

    def _set(self, kind: str, fault: Fault | None) -> None:
        before = self._faults.get(kind)
        if before == fault:
            return
        about = f"speaker/{self._speaker}"
        if fault is None:
            del self._faults[kind]
        else:
            self._faults[kind] = fault
        if fault is not None and (before is None or before.code != fault.code):
            self._recorder.event("fault", about, **{**fault.params, "code": fault.code, "detail": fault.en})
        elif fault is None and before is not None:
            self._recorder.event("cleared", about, code=before.code)
        self._on_fault(self._speaker, next(reversed(self._faults.values()), None))


def _fault_of(report: TestReport) -> Fault | None:
    if report.verdict == "deaf":
        return Fault.of("speaker.deaf")
    if report.verdict == "quiet":
        return Fault.of("speaker.quiet", db=round(-(report.change_db or 0.0)))
    if report.verdict == "band_missing":
        return Fault.of("speaker.band_missing", bands=", ".join(map(str, report.missing)))
    return None

"""What a loudspeaker sounded like when it was installed, and whether it still does."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_agent.contract.base import iso
from edge_agent.proof.model import Response, TestReport
from edge_agent.store.files import write_atomically

HEARD_DB = 20.0
"""`Response.snr_db` from which on the sweep was heard: noise alone reaches 13 (the highest of some 100,000 samples)."""
QUIET_DB = 6.0
"""Quieter by this: half the pressure, as when one of two horns is dead."""
BAND_DB = 12.0
"""A third octave that fell by so much more than the whole is missing; two neighbours have to be."""
_CLEAR_DB = 6.0  # a band can only be judged where it stood out of the noise


def judge(response: Response, calibration: Response | None) -> TestReport:
    """Compare a self-test with the calibration."""
    if response.snr_db < HEARD_DB:
        return TestReport("deaf", response)
    if calibration is None:
        return TestReport("uncalibrated", response)
    clear = [hz for hz, level in calibration.bands.items() if level - calibration.noise[hz] >= _CLEAR_DB]
    if not clear:
        return TestReport("uncalibrated", response)
    changes = {hz: response.bands[hz] - calibration.bands[hz] for hz in clear}
    usual = sorted(changes.values())[len(changes) // 2]
    lost = [hz for hz in clear if changes[hz] - usual <= -BAND_DB]
    places = {hz: place for place, hz in enumerate(response.bands)}
    missing = tuple(hz for hz in lost if any(abs(places[hz] - places[other]) == 1 for other in lost))
    change = round(response.level_db - calibration.level_db, 1)
    report = TestReport("ok", response, change, missing)
    if missing:
        return replace(report, verdict="band_missing")
    return replace(report, verdict="quiet") if change <= -QUIET_DB else report


def save(path: Path, response: Response, at: datetime) -> None:
    """Write a calibration so that a power cut leaves the old or the new one. Raises OSError."""
    write_atomically(path, json.dumps({"at": iso(at), **asdict(response)}).encode())


def load(path: Path) -> Response | None:
    """Read a calibration; None where there is none, or where it cannot be read as one."""
    plain = read_json(path)
    try:
        bands, noise = ({int(hz): float(level) for hz, level in plain[name].items()} for name in ("bands", "noise"))
        figures = {name: float(plain[name]) for name in ("level_db", "delay_s", "snr_db")}
        return Response(bands, noise, **figures) if set(bands) == set(noise) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def read_json(path: Path) -> dict[str, Any]:
    """Read a small file; empty where there is none, or none with an object in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

"""The clock, and the board itself: power, heat, room on the card and how fast it writes."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from edge_agent.acceptance.found import Found, joined, told
from edge_agent.contract.reports import ClockReport
from edge_agent.local.client import LocalAgent
from edge_agent.telemetry import temperature, under_voltage
from edge_agent.words import Both

LEAST_FREE_MB = 500.0
LEAST_MB_S = 2.0
"""Slower cards hold up recordings and updates."""
MOST_SYNC_MS = 1000.0
HOT_C = 80.0
_PROBE_MB = 8
_HWMON = Path("/sys/class/hwmon")


def clock(agent: LocalAgent) -> Found:
    """Whether the agent believes its clock. Raises AgentAway, Refusal."""
    answer = agent.ask("clock")
    report = ClockReport.model_validate(answer)
    named = {"offset_ms": report.offset_ms, "error_ms": report.error_ms, "uncertainty_ms": report.uncertainty_ms}
    figures = {name: round(value, 3) for name, value in named.items() if value is not None}
    if not report.trusted:
        return Found(False, told("accept.clock_bad"), "clock.untrusted", figures)
    if report.source == "assumed":
        return Found(None, told("accept.clock_assumed"), None, figures)
    source = report.reference or report.source
    if report.offset_ms is None:
        return Found(True, told("accept.clock_ok", source=source), None, figures)
    return Found(True, told("accept.clock_offset", source=source, offset=report.offset_ms), None, figures)


def power(storage: Path) -> Found:
    """Supply, heat, room and speed of the card. Raises OSError."""
    figures = {**_supply(), **temperature(), **_card(storage)}
    wrong: list[tuple[str, Both]] = []
    if figures.get("under_voltage") or figures.get("under_voltage_since_boot"):
        now = bool(figures.get("under_voltage"))
        code = "accept.voltage_now" if now else "accept.voltage_was"
        wrong.append((code, told(code)))
    if figures.get("temperature", 0) >= HOT_C:
        wrong.append(("accept.hot", told("accept.hot", at=figures["temperature"])))
    if figures["free_mb"] < LEAST_FREE_MB:
        wrong.append(("accept.full", told("accept.full", free=figures["free_mb"])))
    if figures["write_mb_s"] < LEAST_MB_S or figures["sync_ms"] > MOST_SYNC_MS:
        wrong.append(("accept.slow_card", told("accept.slow_card")))
    words = joined(
        told("accept.card", free=figures["free_mb"], speed=figures["write_mb_s"], sync=figures["sync_ms"]),
        *([told("accept.heat", at=figures["temperature"])] if "temperature" in figures else []),
        *([] if "under_voltage" in figures else [told("accept.voltage_unknown")]),
        *(each for _, each in wrong),
    )
    return Found(not wrong, words, wrong[0][0] if wrong else None, figures)


def _supply(hwmon: Path = _HWMON) -> dict[str, float]:
    """The firmware's flags; where only the kernel's sensor is there, its alarm."""
    if told_by_firmware := under_voltage():
        return told_by_firmware
    for name in sorted(hwmon.glob("*/name")):
        try:
            if name.read_text().strip() == "rpi_volt":
                return {"under_voltage": float(int((name.parent / "in0_lcrit_alarm").read_text()) > 0)}
        except (OSError, ValueError):
            continue
    return {}


def _card(storage: Path) -> dict[str, float]:
    """Write some megabytes and have them on the card; then one page, as a database does."""
    with tempfile.NamedTemporaryFile(dir=storage, prefix=".speed-") as file:
        began = time.perf_counter()
        for _ in range(_PROBE_MB):
            file.write(os.urandom(1_000_000))
        file.flush()
        os.fsync(file.fileno())
        speed = _PROBE_MB / (time.perf_counter() - began)
        began = time.perf_counter()
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())
        sync_ms = (time.perf_counter() - began) * 1000
    free = shutil.disk_usage(storage).free / 1e6
    return {"free_mb": float(round(free)), "write_mb_s": round(speed, 1), "sync_ms": round(sync_ms, 1)}

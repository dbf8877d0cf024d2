"""What the node measures of itself. Numbers and their units: `edge_agent.contract.units`."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from edge_agent.clock import Clock, SystemClock
from edge_agent.recorder import Recorder
from edge_agent.survival.wear import Wear

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_WIRELESS = Path("/proc/net/wireless")


def board(storage: Path) -> dict[str, float]:
    """Processor, memory, disk, temperature, power and Wi-Fi, as far as this board tells."""
    memory = psutil.virtual_memory()
    values = {
        "cpu": psutil.cpu_percent(interval=None),
        "load_1m": round(os.getloadavg()[0], 2),
        "memory": memory.percent,
        "memory_agent": round(psutil.Process().memory_info().rss / 1e6, 1),
        "uptime": round(time.time() - psutil.boot_time()),
    }
    values.update(_disk(storage))
    values.update(temperature())
    values.update(under_voltage())
    values.update(wifi())
    return values


def _disk(storage: Path) -> dict[str, float]:
    try:
        disk = shutil.disk_usage(storage)
    except OSError:  # a card that fails must not take the other measurements with it
        return {}
    return {"disk": round(100 * disk.used / disk.total, 1), "disk_free": round(disk.free / 1e6, 1)}


def temperature() -> dict[str, float]:
    """Of the processor, degrees Celsius; nothing where the board does not tell."""
    try:
        return {"temperature": int(_THERMAL.read_text()) / 1000}
    except (OSError, ValueError):
        return {}


def under_voltage(path: Path = _THROTTLED) -> dict[str, float]:
    """The firmware's word on the power supply: bit 0 under-voltage now, bit 16 since boot.

    Source: Raspberry Pi documentation, `vcgencmd get_throttled`.
    """
    try:
        bits = int(path.read_text().strip(), 16)
    except (OSError, ValueError):
        return {}
    return {"under_voltage": float(bits & 1), "under_voltage_since_boot": float(bits >> 16 & 1)}


def wifi(path: Path = _WIRELESS) -> dict[str, float]:
    """Signal of the first Wi-Fi network, dBm; nothing where there is none."""
    try:
        lines = path.read_text().splitlines()[2:]
        return {"wifi_signal": float(lines[0].split()[3].rstrip("."))} if lines else {}
    except (OSError, ValueError, IndexError):
        return {}


class Telemetry:
    """Measures again and again."""

    def __init__(
        self,
        every_s: float,
        storage: Path,
        clock: Clock,
        recorder: Recorder,
        more: Callable[[], dict[str, float]],
    ) -> None:
        """`more` adds what only the agent knows: link, outbox, drivers."""
        self._every_s = every_s
        self._storage = storage
        self._clock = clock
        self._recorder = recorder
        self._more = more

    async def run(self) -> None:
        """Measure for ever."""
        psutil.cpu_percent(interval=None)
        wear = Wear(self._storage, self._clock.monotonic())
        await self._clock.sleep(min(2.0, self._every_s))
        while True:
            worn = wear.values(self._clock.monotonic())
            self._recorder.sample({**board(self._storage), **worn, **self._clock_values(), **self._more()})
            await self._clock.sleep(self._every_s)

    def _clock_values(self) -> dict[str, float]:
        if not isinstance(self._clock, SystemClock):
            return {}
        report = self._clock.report()
        values = {"clock_trusted": float(report.trusted)}
        if report.offset_ms is not None:
            values["clock_offset"] = report.offset_ms
        if report.error_ms is not None:
            values["clock_error"] = report.error_ms
        return values

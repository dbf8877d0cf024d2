"""Where the kernel keeps what its sensors measure, and how it is read. All of it blocks for a short time.

1-Wire: `bus/w1/devices/28-.../w1_slave`, two lines, the first ends in YES where the sensor's CRC is right, the second
in t=MILLIDEGREES. hwmon and iio number their devices as they were found: here they are found by name.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from drivers.contract import DriverFault
from drivers.kernel.config import KernelLine

_MAX_BYTES = 4096
_POWER_ON = 85_000
"""What a DS18B20 holds from power-on until its first conversion (data sheet: 85 degrees): no measurement."""
_TEMPERATURE = re.compile(r"\bt=(-?\d{1,7})\s*$")


def value(root: Path, line: str, entry: KernelLine) -> float:
    """Return the number in a sensor's file times its scale.

    Raises DriverFault `driver.no_device` (the sensor is not there), `driver.no_permission`, `driver.io`,
    `driver.bad_value` (a wrong CRC, the value of power-on, no number, out of bounds).
    """
    if entry.w1 is not None:
        raw = _one_wire(root, line, entry.w1)
    else:
        raw = _number(line, _read(line, _place(root, line, entry)))
    found = raw * (0.001 if entry.scale is None else entry.scale)
    low, high = bounds(entry)
    if not low <= found <= high:
        raise _bad(line, f"{found:g} is not between {low:g} and {high:g}")
    return found


def unit_of(entry: KernelLine) -> str:
    """The unit: as configured, or by the name of the input."""
    if entry.unit is not None:
        return entry.unit
    name = entry.input or (entry.path.name if entry.path is not None else "temp")
    return "%" if "humidity" in name else "Cel" if "temp" in name else "1"


def bounds(entry: KernelLine) -> tuple[float, float]:
    """Between what a value can be true."""
    low, high = {"Cel": (-55.0, 125.0), "%": (0.0, 100.0)}.get(unit_of(entry), (-math.inf, math.inf))
    return low if entry.minimum is None else entry.minimum, high if entry.maximum is None else entry.maximum


def _one_wire(root: Path, line: str, id_: str) -> float:
    folder = root / "bus/w1/devices" / id_.lower()
    if (folder / "w1_slave").exists():
        text = _read(line, folder / "w1_slave")
        first, _, rest = text.partition("\n")
        if not first.rstrip().endswith("YES"):
            raise _bad(line, "the sensor's CRC is wrong: a bad line, or power taken from it")
        match = _TEMPERATURE.search(rest)
        if match is None:
            raise _bad(line, f"no temperature in {text[:100]!r}")
        raw = float(match[1])
    else:
        raw = _number(line, _read(line, folder / "temperature"))  # the kernel looked at the CRC, and refuses to read
    if raw == _POWER_ON:
        raise _bad(line, "85 degrees is what the sensor says before it has measured: its power is interrupted")
    return raw


def _place(root: Path, line: str, entry: KernelLine) -> Path:
    if entry.path is not None:
        return root / entry.path
    kind, name, folder = ("hwmon", entry.hwmon, "class/hwmon") if entry.hwmon else ("iio", entry.iio, "bus/iio/devices")
    found = [place for place in _devices(root / folder) if _name(place) == name and _matches(place, entry.address)]
    if not found:
        where = f" at {entry.address}" if entry.address else ""
        raise DriverFault("driver.no_device", f"line {line!r}: there is no {kind} device {name!r}{where}", retry=True)
    if len(found) > 1:
        known = ", ".join(_address(place) for place in found)
        detail = f"line {line!r}: there are {len(found)} {kind} devices {name!r}; give the address: {known}"
        raise DriverFault("driver.no_device", detail)
    return found[0] / (entry.input or "")


def _devices(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return


def _name(place: Path) -> str | None:
    try:
        with (place / "name").open(encoding="utf-8", errors="replace") as file:
            return file.read(100).strip()
    except OSError:  # it went away while we looked
        return None


def _matches(place: Path, address: str | None) -> bool:
    return address is None or _address(place) == address


def _address(place: Path) -> str:
    """The bus address (1-0048): the name of the device behind hwmon's `device`, or of the folder that iio lies in."""
    device = place / "device"
    target = device.resolve() if device.exists() else place.resolve().parent
    return target.name


def _read(line: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("ascii", "replace")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DriverFault("driver.no_device", f"line {line!r}: {path} is not there", retry=True) from error
    except PermissionError as error:
        raise DriverFault("driver.no_permission", f"line {line!r}: {path} may not be read", retry=True) from error
    except OSError as error:  # the bus does not answer, or the CRC was wrong
        raise DriverFault("driver.io", f"line {line!r}: {path}: {error.strerror}", retry=True) from error


def _number(line: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or "_" in text:
        raise _bad(line, f"no number: {text[:40]!r}")
    return found


def _bad(line: str, why: str) -> DriverFault:
    return DriverFault("driver.bad_value", f"line {line!r}: {why}", retry=True)

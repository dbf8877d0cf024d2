"""The Pi's own PWM, by the kernel's files under /sys/class/pwm. It goes on while no program looks after it.

The pin must have been led to it by an overlay in config.txt (`dtoverlay=pwm-2chan`): see docs/gpio.md.
"""

import os
from pathlib import Path

from drivers.contract import Check, DriverFault

ROOT = Path("/sys/class/pwm")
_EARLIER = {12: 0, 18: 0, 13: 1, 19: 1}
"""BCM2835 to BCM2711 (Pi 1 to 4): two channels, two pins each (BCM2711 ARM Peripherals, table of functions)."""
_RP1 = {12: 0, 13: 1, 18: 2, 19: 3}
"""RP1 (Pi 5): four channels, one pin each (RP1 Peripherals, table of GPIO functions)."""


class PwmChannel:
    """One channel. Blocking, but only for as long as a file in /sys takes. Raises DriverFault."""

    def __init__(self, pin: int, chip: int | None, channel: int | None, root: Path = ROOT) -> None:
        self._pin = pin
        self._wanted = chip
        self._number = channel
        self._root = root

    def check(self) -> Check:
        """Whether there is such a channel and this account may set it. Changes nothing."""
        try:
            chip, number = self._place()
        except DriverFault as fault:
            return Check(ok=False, code=fault.code, detail=fault.detail)
        folder = chip / f"pwm{number}"
        first = folder / "duty_cycle" if folder.exists() else chip / "export"
        if not os.access(first, os.W_OK):
            detail = f"this account may not write {first}: add it to the group gpio, and see docs/gpio.md for the unit"
            return Check(ok=False, code="driver.no_permission", detail=detail)
        return Check(ok=True, detail=f"{chip.name}, channel {number}")

    def width(self) -> float | None:
        """Share of high, 0..100, as the kernel has it; None while the channel was never begun."""
        chip, number = self._place()
        folder = chip / f"pwm{number}"
        if not folder.exists() or self._read(folder / "enable") == 0:
            return None
        period = self._read(folder / "period")
        return 100 * self._read(folder / "duty_cycle") / period if period else None

    def set(self, frequency: float, width: float) -> None:
        """Give the channel a share of high; begins it when it was not."""
        folder = self._exported()
        period = round(1e9 / frequency)
        high = round(period * width / 100)
        if self._read(folder / "period") != period:
            if self._read(folder / "duty_cycle") > period:
                self._write(folder / "duty_cycle", high)  # the kernel refuses pulses longer than their period
            self._write(folder / "period", period)
        self._write(folder / "duty_cycle", high)
        if self._read(folder / "enable") == 0:
            self._write(folder / "enable", 1)

    def _exported(self) -> Path:
        chip, number = self._place()
        folder = chip / f"pwm{number}"
        if not folder.exists():
            self._write(chip / "export", number)
        return folder

    def _place(self) -> tuple[Path, int]:
        """Folder of the chip and number of the channel."""
        if self._wanted is not None:
            chip = self._root / f"pwmchip{self._wanted}"
        else:
            # a Pi 5 has two chips; that of the header has the lower address, the other turns the fan
            chips = sorted(self._root.glob("pwmchip*"), key=lambda path: (path / "device").resolve().name)
            chip = chips[0] if chips else self._root / "pwmchip0"
        if not chip.exists():
            hint = "is dtoverlay=pwm-2chan in /boot/firmware/config.txt?"
            raise DriverFault("driver.no_device", f"pin {self._pin}: there is no {chip}; {hint}", retry=True)
        count = self._read(chip / "npwm")
        number = self._number if self._number is not None else (_RP1 if count >= 4 else _EARLIER)[self._pin]
        if number >= count:
            detail = f"pin {self._pin}: {chip.name} has {count} channels, 0 to {count - 1}; {number} is none of them"
            raise DriverFault("driver.no_device", detail)
        return chip, number

    def _read(self, path: Path) -> int:
        try:
            return int(path.read_text())
        except (OSError, ValueError) as error:
            raise DriverFault("driver.io", f"pin {self._pin}: {path}: {error}", retry=True) from error

    def _write(self, path: Path, value: int) -> None:
        try:
            path.write_text(str(value))
        except PermissionError as error:
            detail = f"pin {self._pin}: {path} may not be written: add the account to the group gpio"
            raise DriverFault("driver.no_permission", detail) from error
        except OSError as error:
            raise DriverFault("driver.io", f"pin {self._pin}: {path}: {error}", retry=True) from error

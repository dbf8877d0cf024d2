"""The part of the `RPi.GPIO` interface that is used here, and how the module is imported.

Up to Pi 4 that is RPi.GPIO itself (MIT licence), on a Pi 5 and on newer kernels the drop-in `rpi-lgpio` (BSD licence),
which also finds the right GPIO chip.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from drivers.contract import DriverFault


class Pulses(Protocol):
    """Pulses on one pin, made by a thread of the module."""

    def start(self, dutycycle: float, /) -> None:
        """Begin, with this share of high in per cent."""

    def ChangeDutyCycle(self, dutycycle: float, /) -> None:  # noqa: N802 - the module's own name
        """Change the share of high."""

    def ChangeFrequency(self, frequency: float, /) -> None:  # noqa: N802 - the module's own name
        """Change the number of pulses a second."""


class GpioModule(Protocol):
    """The module."""

    BCM: int
    OUT: int
    IN: int
    PUD_OFF: int
    PUD_DOWN: int
    PUD_UP: int
    RISING: int
    FALLING: int
    BOTH: int

    def setwarnings(self, value: bool, /) -> None:
        """Complain of pins in use, or not."""

    def setmode(self, mode: int, /) -> None:
        """Choose how pins are numbered; opens the chip."""

    def setup(self, channel: int, direction: int, /, *, initial: int = ..., pull_up_down: int = ...) -> None:
        """Claim a pin: an output with its first level, or an input with a resistor."""

    def output(self, channel: int, value: int, /) -> None:
        """Set the level of a claimed pin."""

    def input(self, channel: int, /) -> int:
        """Read the level of a claimed pin."""

    def gpio_function(self, channel: int, /) -> int:
        """What a pin is, claimed or not."""

    def PWM(self, channel: int, frequency: float, /) -> Pulses:  # noqa: N802 - the module's own name
        """Make pulses on a claimed output; one object a pin and process."""

    def add_event_detect(self, channel: int, edge: int, /, *, callback: Callable[[int], None]) -> None:
        """Call back at each edge, in a thread of the module."""

    def remove_event_detect(self, channel: int, /) -> None:
        """Call back no more."""


def import_gpio(directory: Path) -> GpioModule:
    """Import `RPi.GPIO`; `directory` is where it may put its pipe. Raises DriverFault."""
    # lgpio makes a pipe in LG_WD, by default in the working directory, which may be read-only for a service.
    os.environ.setdefault("LG_WD", str(directory))
    before = Path.cwd()
    try:
        from RPi import GPIO
    except ModuleNotFoundError as error:
        raise DriverFault("driver.missing_library", f"the module RPi.GPIO cannot be imported: {error}") from error
    except PermissionError as error:
        raise DriverFault("driver.no_permission", f"RPi.GPIO may not open the GPIO: {error}") from error
    except Exception as error:  # foreign library: off a Pi it raises RuntimeError, and others by version
        raise DriverFault("driver.not_supported", f"RPi.GPIO does not work here: {error}") from error
    finally:
        os.chdir(before)  # being imported, lgpio changes the working directory of the whole process
    return cast("GpioModule", GPIO)

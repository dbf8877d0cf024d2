"""The pins of this process: one module, one chip, whatever number of drivers share it.

What bites, and is kept in here:

- `rpi-lgpio` reads a pin that it has not claimed by making it an input, which drops a relay: see `peek`.
- `PWM.stop()`, and the end of a PWM object too, write 0 to the pin: on an active-low board that is ON. Pulses are ended
  here without them, and a PWM object, once made, is never let go of, not even when the interpreter ends.
- `cleanup()` makes the pins inputs, and then an active-low board does what it likes. It is never called.
"""

import contextlib
import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.contract import DriverFault
from drivers.gpio import kernel
from drivers.gpio.module import GpioModule, Pulses

_owners: dict[int, str] = {}
_shared: "dict[int, Pins]" = {}


def shared(gpio: GpioModule) -> "Pins":
    """The pins of a module; the same for every driver of this process."""
    return _shared.setdefault(id(gpio), Pins(gpio))


def own(user: str, pins: list[tuple[str, int]]) -> None:
    """Take pins for a driver. Raises DriverFault `driver.bad_config` when another driver of this process has one."""
    for line, pin in pins:
        other = _owners.get(pin, user)
        if other != user:
            raise DriverFault("driver.bad_config", f"line {line!r}: pin {pin} is used by the driver {other!r} already")
    _owners.update({pin: user for _, pin in pins})


def disown(user: str) -> None:
    """Give a driver's pins free for others of this process."""
    for pin in [pin for pin, owner in _owners.items() if owner == user]:
        del _owners[pin]


def owner(pin: int) -> str | None:
    """Which driver of this process has a pin."""
    return _owners.get(pin)


def chip_node(gpio: GpioModule) -> Path | None:
    """The device node that `rpi-lgpio` works with; None for RPi.GPIO, which needs none."""
    find = getattr(gpio, "_get_gpiochip_num", None)
    return Path(f"/dev/gpiochip{find()}") if find is not None else None


class Pins:
    """The module, opened. `generation` is another one after the chip was opened anew: nothing is claimed then."""

    def __init__(self, gpio: GpioModule) -> None:
        self._gpio = gpio
        self._pulses: dict[int, Pulses] = {}
        self._pulsing: set[int] = set()
        self._claimed: set[int] = set()
        self.generation = 0

    def open(self) -> None:
        """Open the chip. Raises DriverFault `driver.no_permission` and `driver.io`."""
        try:
            # The module warns of each pin that is already an output: after a restart that is the normal case.
            self._gpio.setwarnings(False)
            self._gpio.setmode(self._gpio.BCM)
        except PermissionError as error:
            raise DriverFault("driver.no_permission", f"the GPIO may not be opened: {error}") from error
        except Exception as error:  # foreign library: lgpio has its own exception types
            raise DriverFault("driver.io", f"the GPIO cannot be opened: {error}", retry=True) from error

    def gone(self) -> bool:
        """Whether the chip itself went away: a fault of one pin is no reason to let go of all the others."""
        lgpio, handle = self._lgpio()
        if lgpio is None:
            return False
        try:
            return handle is None or bool(lgpio.gpio_get_line_info(handle, 0)[0] < 0)
        except lgpio.error:
            return True

    def reopen(self) -> None:
        """Let go of a chip that went away and look for it anew. Raises DriverFault as `open`."""
        lgpio, handle = self._lgpio()
        if lgpio is not None and handle is not None:
            with contextlib.suppress(lgpio.error):  # it is gone already
                lgpio.gpiochip_close(handle)
            # cleanup() would talk to the chip that is lost
            self._gpio._chip = None  # type: ignore[attr-defined]
            self._gpio._alerts.clear()  # type: ignore[attr-defined]
        self._claimed.clear()
        self._pulsing.clear()
        self.open()
        self.generation += 1

    def _lgpio(self) -> tuple[Any, int | None]:
        """The library below rpi-lgpio and its handle of the chip; None with RPi.GPIO."""
        return getattr(self._gpio, "lgpio", None), getattr(self._gpio, "_chip", None)

    def peek(self, pin: int) -> int | None:
        """The level of an output that this process has not claimed; None for an input, or when nobody can tell."""
        gpio = self._gpio
        if gpio.gpio_function(pin) != gpio.OUT:
            return None
        node = chip_node(gpio)
        if node is not None:
            return kernel.level(node, pin)
        # RPi.GPIO: an output that is set up as one, without a level, stays as it is
        gpio.setup(pin, gpio.OUT)
        self._claimed.add(pin)
        return self.read(pin)

    def read(self, pin: int) -> int:
        """The level of a claimed pin."""
        return int(bool(self._gpio.input(pin)))

    def write(self, pin: int, level: int) -> None:
        """Make a pin an output of this level; the first time direction and level in one act: no blip."""
        if pin not in self._claimed:
            self._gpio.setup(pin, self._gpio.OUT, initial=level)
            self._claimed.add(pin)
            return
        if pin in self._pulsing:
            self._rest(pin, level)
        self._gpio.output(pin, level)

    def claimed(self, pin: int) -> bool:
        """Whether this process made it an output."""
        return pin in self._claimed

    def steady(self, pin: int) -> bool:
        """Whether no thread writes to the pin any more, so that what is read is what was written."""
        return pin not in self._pulsing

    def pulse(self, pin: int, frequency: float, high: float) -> None:
        """Pulses on a claimed output; `high` is the share of high, 0..100 without its ends."""
        pulses = self._pulses.get(pin)
        if pulses is None:
            pulses = self._pulses[pin] = self._gpio.PWM(pin, frequency)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(pulses))  # see above: its end would write 0
            pulses.start(high)
        else:
            pulses.ChangeFrequency(frequency)
            pulses.ChangeDutyCycle(high)
        self._pulsing.add(pin)

    def _rest(self, pin: int, level: int) -> None:
        """End the pulses of a pin at a level."""
        lgpio, handle = self._lgpio()
        if lgpio is not None:
            lgpio.tx_pwm(handle, pin, 0, 0)
            self._pulsing.discard(pin)
        else:
            # RPi.GPIO cannot end pulses at 1. Of full width they are a plain level, by a thread that goes on
            self._pulses[pin].ChangeDutyCycle(100.0 * level)

    def listen(self, pin: int, pull: int, edge: int, called: Callable[[], None]) -> bool:
        """Make a pin an input that calls back at edges, in a foreign thread. False when there are no edges here."""
        gpio = self._gpio
        gpio.setup(pin, gpio.IN, pull_up_down=pull)
        self._claimed.discard(pin)
        try:
            gpio.add_event_detect(pin, edge, callback=lambda _pin: called())
        except Exception:  # noqa: BLE001 - foreign library; the caller polls instead and says so
            return False
        return True

    def deafen(self, pin: int) -> None:
        """No more calls for a pin."""
        self._gpio.remove_event_detect(pin)

    def pull(self, name: str) -> int:
        """The module's constant for a resistor."""
        return {"up": self._gpio.PUD_UP, "down": self._gpio.PUD_DOWN, "none": self._gpio.PUD_OFF}[name]

    def edge(self, which: str) -> int:
        """The module's constant for an edge."""
        return {"rising": self._gpio.RISING, "falling": self._gpio.FALLING, "both": self._gpio.BOTH}[which]

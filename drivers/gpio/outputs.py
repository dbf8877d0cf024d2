"""One line that is switched or dimmed."""

from drivers.contract import Capability, DriverFault
from drivers.gpio.config import OutputLine
from drivers.gpio.curve import level_of, width_of
from drivers.gpio.pins import Pins
from drivers.gpio.pwm import PwmChannel


class Output:
    """A line. Levels are 0..100 per cent, as people mean them: active low and the curve are its own affair.

    Raises DriverFault `driver.not_dimmable`, `driver.stuck`, `driver.unclaimed`, `driver.io`.
    """

    def __init__(self, line: str, entry: OutputLine, pins: Pins, channel: PwmChannel | None) -> None:
        """`channel` is there for a line of hardware PWM only."""
        self._line = line
        self._entry = entry
        self._pins = pins
        self._channel = channel
        self._level: float | None = None

    @property
    def switched(self) -> bool:
        """Whether it was set since it was opened."""
        return self._level is not None

    @property
    def pulsed(self) -> bool:
        """Whether a thread of this process makes its pulses now."""
        return self._entry.pwm == "software" and self._level not in (None, 0, 100)

    def set(self, level: float) -> None:
        """Make it so."""
        if level not in (0, 100) and self._entry.pwm == "none":
            raise DriverFault("driver.not_dimmable", f"line {self._line!r} is only on or off: pwm is none")
        if not 0 <= level <= 100:  # NaN too
            raise DriverFault("driver.bad_value", f"line {self._line!r}: a level of {level} is not within 0 to 100")
        width = width_of(level, self._entry.curve, self._entry.minimum)
        high = 100 - width if self._entry.active_low else width
        if self._channel is not None:
            self._channel.set(self._entry.frequency_hz, high)
        elif high in (0, 100):
            self._plain(int(high == 100))
        else:
            self._pulse(high)
        self._level = level

    def level(self) -> float:
        """What it is."""
        if self._channel is not None:
            high = self._channel.width()
        elif self.pulsed:
            return self._level or 0.0
        else:
            pin = self._entry.pin
            value = self._pins.read(pin) if self._pins.claimed(pin) else self._pins.peek(pin)
            high = None if value is None else 100.0 * value
        if high is None:
            raise DriverFault("driver.unclaimed", f"line {self._line!r} has not been switched yet")
        width = 100 - high if self._entry.active_low else high
        return round(level_of(width, self._entry.curve, self._entry.minimum), 1)

    def forget(self) -> None:
        """The chip was opened anew: nothing is claimed."""
        self._level = None

    def _plain(self, value: int) -> None:
        pin = self._entry.pin
        self._pins.write(pin, value)
        actual = self._pins.read(pin)
        if actual != value and self._pins.steady(pin):
            detail = f"line {self._line!r}: pin {pin} stays at {actual} (short circuit or overload?)"
            raise DriverFault("driver.stuck", detail, retry=True)

    def _pulse(self, high: float) -> None:
        pin = self._entry.pin
        if not self._pins.claimed(pin):
            before = self._pins.peek(pin)  # on stays on until the pulses begin, and off stays off
            self._pins.write(pin, int(self._entry.active_low) if before is None else before)
        self._pins.pulse(pin, self._entry.frequency_hz, high)


def describe(line: str, entry: OutputLine) -> Capability:
    """A relay, or a dimmer with its bounds."""
    name = entry.name or line
    if entry.pwm == "none":
        return Capability(id=line, name=name, kind="relay")
    return Capability(id=line, name=name, kind="dimmer", unit="%", minimum=0, maximum=100)

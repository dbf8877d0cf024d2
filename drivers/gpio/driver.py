"""The driver of the GPIO header, by the `RPi.GPIO` module interface. Pins are BCM numbers.

What a pin does after this process has ended is the kernel's and the module's affair. RPi.GPIO leaves it driven;
rpi-lgpio hands it back to the kernel, which on Raspberry Pi OS keeps it, and elsewhere lets it float. A load that must
be off without the agent needs a relay that is off without current. docs/gpio.md has all of it.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, DriverFault, Measurement
from drivers.gpio import board, inputs, kernel, outputs, pins
from drivers.gpio.config import GpioConfig, OutputLine
from drivers.gpio.inputs import Inputs
from drivers.gpio.module import GpioModule, import_gpio
from drivers.gpio.outputs import Output
from drivers.gpio.pins import Pins
from drivers.gpio.pwm import PwmChannel
from drivers.relay.lines import require

T = TypeVar("T")


class Gpio:
    """Lines and inputs on GPIO pins. Implements `Driver`, `Switchable`, `Dimmable`, `Measuring` and `Watching`.

    `module` replaces `RPi.GPIO`, for tests.
    """

    Config: ClassVar[type[BaseModel]] = GpioConfig

    def __init__(self, config: GpioConfig, context: DriverContext, *, module: GpioModule | None = None) -> None:
        self._config = config
        self._context = context
        self._given = module
        self._pins: Pins | None = None
        self._outputs: dict[str, Output] = {}
        self._inputs: Inputs | None = None
        self._listener: Callable[[str, Measurement], None] | None = None
        self._generation = 0
        self._lost = False

    async def check(self) -> Check:
        """Library, machine, device node, permission, pins in use, PWM, in this order. Claims no pin."""
        if self._given is not None:
            return self._check_pwm() or Check(ok=True, detail="a module was passed in")
        for look in (board.library, board.model, board.device):
            result = look()
            if not result.ok:
                return result
        try:
            gpio = import_gpio(self._context.directory)
        except DriverFault as fault:
            return Check(ok=False, code=fault.code, detail=fault.detail)
        return self._check_pins(gpio) or self._check_pwm() or result

    def capabilities(self) -> Sequence[Capability]:
        """Lines, then inputs."""
        found = [outputs.describe(line, entry) for line, entry in self._config.lines.items()]
        return [*found, *(each for line, entry in self._config.inputs.items() for each in inputs.describe(line, entry))]

    async def __aenter__(self) -> Self:
        gpio = self._given or import_gpio(self._context.directory)
        pins.own(self._context.id, self._config.pins())
        try:
            opened = pins.shared(gpio)
            opened.open()
            self._outputs = {
                line: Output(line, entry, opened, _channel(entry)) for line, entry in self._config.lines.items()
            }
            self._inputs = Inputs(self._config.inputs, opened, self._context)
            if self._listener is not None:
                self._inputs.watch(self._listener)
            await self._open_inputs(self._inputs)
        except BaseException:
            pins.disown(self._context.id)
            raise
        self._pins = opened
        self._generation = opened.generation
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            for line, output in self._outputs.items():
                if output.switched and (self._config.on_close == "off" or output.pulsed):
                    await self._try_off(line)
            if self._inputs is not None:
                await self._inputs.close()
        finally:
            # No cleanup(): it turns the pins into inputs, and then an active-low relay does what it likes.
            self._pins = None
            self._outputs = {}
            self._inputs = None
            pins.disown(self._context.id)

    async def switch(self, line: str, on: bool) -> None:
        """Set a line and read it back. Raises DriverFault `driver.stuck` when the pin does not take the level."""
        self._do(line, lambda output: output.set(100.0 if on else 0.0))

    async def read(self, line: str) -> bool:
        """Whether the line is on at all. Says nothing of the contact behind it.

        Before the first `switch` it is what the last run left, where that can be told: then nothing is changed by it.
        """
        return self._do(line, Output.level) > 0

    async def dim(self, line: str, level: float) -> None:
        """Set a line to 0..100 per cent. Raises DriverFault `driver.not_dimmable` where there is no PWM."""
        self._do(line, lambda output: output.set(level))

    async def level(self, line: str) -> float:
        """What the line is, 0..100; known before the first `switch` as for `read`."""
        return self._do(line, Output.level)

    async def measure(self, channel: str) -> Measurement:
        """A contact (1 closed), a count or its rate."""
        opened = self._ready()
        found = self._guard(channel, lambda: opened[1].measure(channel))
        if found is None:
            raise inputs.unknown(channel, self._config.inputs)
        return found

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        """Tell contacts as they change, and counts once a second."""
        self._listener = changed
        if self._inputs is not None:
            self._inputs.watch(changed)

    def _do(self, line: str, act: Callable[[Output], T]) -> T:
        if self._pins is None:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        require(line, self._config.lines)
        self._ready()
        return self._guard(line, lambda: act(self._outputs[line]))

    def _ready(self) -> tuple[Pins, Inputs]:
        """The open chip; after a fault it is opened anew. Raises DriverFault."""
        if self._pins is None or self._inputs is None:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        if self._lost and self._pins.generation == self._generation:
            self._pins.reopen()
        if self._pins.generation != self._generation:
            for output in self._outputs.values():
                output.forget()
            self._guard("inputs", self._inputs.reopen)
            self._generation = self._pins.generation
        self._lost = False
        return self._pins, self._inputs

    def _guard(self, line: str, act: Callable[[], T]) -> T:
        """Turn what the foreign library raises into a fault."""
        try:
            return act()
        except DriverFault:
            raise
        except Exception as error:  # foreign library: lgpio has its own exception types
            self._lost = self._pins is not None and self._pins.gone()
            entry = self._config.lines.get(line) or self._config.inputs.get(line)
            place = f"line {line!r}, pin {entry.pin}" if entry else line
            raise DriverFault("driver.io", f"{place}: {error}", retry=True) from error

    async def _open_inputs(self, opened: Inputs) -> None:
        try:
            await opened.open()
        except DriverFault:
            raise
        except Exception as error:  # foreign library
            raise DriverFault("driver.io", f"an input cannot be claimed: {error}", retry=True) from error

    async def _try_off(self, line: str) -> None:
        try:
            await self.switch(line, False)
        except DriverFault as fault:
            self._context.logger.error("%s: could not switch off on close: %s", self._context.id, fault)

    def _check_pins(self, gpio: GpioModule) -> Check | None:
        """That nobody else holds one of the pins."""
        node = pins.chip_node(gpio)
        for line, pin in self._config.pins():
            mine = pins.owner(pin)
            if mine is not None and mine != self._context.id:
                detail = f"line {line!r}: pin {pin} is used by the driver {mine!r} already"
                return Check(ok=False, code="driver.bad_config", detail=detail)
            if node is None or mine is not None:
                continue
            try:
                holder = kernel.look(node, pin).holder
            except OSError as error:
                return Check(ok=False, code="driver.io", detail=f"{node}, pin {pin}: {error.strerror}")
            if holder:
                detail = f"line {line!r}: pin {pin} is held by {holder!r}, another program or an overlay"
                return Check(ok=False, code="driver.no_device", detail=detail)
        return None

    def _check_pwm(self) -> Check | None:
        for entry in self._config.lines.values():
            channel = _channel(entry)
            result = channel.check() if channel is not None else None
            if result is not None and not result.ok:
                return result
        return None


def _channel(entry: OutputLine) -> PwmChannel | None:
    return PwmChannel(entry.pin, entry.pwm_chip, entry.pwm_channel) if entry.pwm == "hardware" else None

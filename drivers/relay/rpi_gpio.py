"""Relay lines on the GPIO header of a Raspberry Pi, by the `RPi.GPIO` module interface.

Up to Pi 4 that is RPi.GPIO itself, on a Pi 5 and on newer kernels the drop-in `rpi-lgpio`, which also finds the right
GPIO chip. Pins are BCM numbers. What a pin does after this process has ended is the kernel's and the module's affair:
RPi.GPIO leaves it driven, rpi-lgpio hands it back to the kernel, which may keep it or float it, by version. A load
that must be off without the agent needs a relay that is off without current.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.contract import Capability, Check, DriverContext, DriverFault
from drivers.relay import board
from drivers.relay.lines import Line, LineId, describe, require


class GpioModule(Protocol):
    """The part of the `RPi.GPIO` interface that is used here."""

    BCM: int
    OUT: int

    def setwarnings(self, value: bool, /) -> None:
        """Complain of pins in use, or not."""

    def setmode(self, mode: int, /) -> None:
        """Choose how pins are numbered; opens the chip."""

    def setup(self, channel: int, direction: int, /, *, initial: int) -> None:
        """Claim a pin, an output with its first level."""

    def output(self, channel: int, value: int, /) -> None:
        """Set the level of a claimed pin."""

    def input(self, channel: int, /) -> int:
        """Read the level of a claimed pin."""


class GpioLine(Line):
    """One relay on one pin."""

    pin: int = Field(
        ge=0, le=27, title="Pin", description="BCM number of the GPIO, 0..27. 0 and 1 belong to the HAT's memory chip."
    )
    active_low: bool = Field(
        default=False,
        title="Active low",
        description="True when the relay board pulls in at 0 V, as most blue ones do.",
    )


class GpioRelayConfig(BaseModel):
    """Relays on GPIO pins."""

    model_config = ConfigDict(extra="forbid")

    lines: dict[LineId, GpioLine] = Field(
        title="Lines", description="The relays: id (a-z, 0-9, - and _) to its pin and settings."
    )
    on_close: Literal["keep", "off"] = Field(
        default="keep",
        title="On close",
        description="Leave the lines as they are when the agent stops, or switch them off.",
    )

    @model_validator(mode="after")
    def _pins_differ(self) -> Self:
        users: dict[int, str] = {}
        for line, entry in self.lines.items():
            if entry.pin in users:
                raise ValueError(f"lines {users[entry.pin]!r} and {line!r} are both on pin {entry.pin}")
            users[entry.pin] = line
        return self


class GpioRelay:
    """Relays on GPIO pins. Implements `Driver` and `Switchable`. `module` replaces `RPi.GPIO`, for tests."""

    Config: ClassVar[type[BaseModel]] = GpioRelayConfig

    def __init__(self, config: GpioRelayConfig, context: DriverContext, *, module: GpioModule | None = None) -> None:
        self._config = config
        self._context = context
        self._given = module
        self._gpio: GpioModule | None = None
        self._claimed: set[str] = set()

    async def check(self) -> Check:
        """Library, machine, device node, permission, in this order. Claims no pin."""
        if self._given is not None:
            return Check(ok=True, detail="a module was passed in")
        for look in (board.library, board.model, board.device):
            result = look()
            if not result.ok:
                return result
        try:
            _import_gpio(self._context.directory)
        except DriverFault as fault:
            return Check(ok=False, code=fault.code, detail=fault.detail)
        return result

    def capabilities(self) -> Sequence[Capability]:
        """One relay for each configured line."""
        return describe(self._config.lines)

    async def __aenter__(self) -> Self:
        gpio = self._given or _import_gpio(self._context.directory)
        try:
            # The module warns of each pin that is already an output: after a restart that is the normal case.
            gpio.setwarnings(False)
            gpio.setmode(gpio.BCM)
        except PermissionError as error:
            raise DriverFault("driver.no_permission", f"the GPIO may not be opened: {error}") from error
        except Exception as error:  # foreign library: lgpio has its own exception types
            raise DriverFault("driver.io", f"the GPIO cannot be opened: {error}", retry=True) from error
        self._gpio = gpio
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            if self._config.on_close == "off":
                for line in sorted(self._claimed):
                    await self._try_off(line)
        finally:
            # No cleanup(): it turns the pins into inputs, and then an active-low relay does what it likes.
            self._gpio = None
            self._claimed.clear()

    async def switch(self, line: str, on: bool) -> None:
        """Set a line and read it back. Raises DriverFault `driver.stuck` when the pin does not take the level."""
        gpio, entry = self._require(line)
        level = int(on != entry.active_low)
        try:
            if line in self._claimed:
                gpio.output(entry.pin, level)
            else:
                gpio.setup(entry.pin, gpio.OUT, initial=level)  # direction and level in one act: no blip
                self._claimed.add(line)
            actual = gpio.input(entry.pin)
        except Exception as error:  # foreign library: lgpio has its own exception types
            raise DriverFault("driver.io", f"line {line!r}, pin {entry.pin}: {error}", retry=True) from error
        if int(bool(actual)) != level:
            detail = f"line {line!r}: pin {entry.pin} stays at {int(bool(actual))} (short circuit or overload?)"
            raise DriverFault("driver.stuck", detail, retry=True)

    async def read(self, line: str) -> bool:
        """Read the level of the pin. Says nothing of the contact behind it."""
        gpio, entry = self._require(line)
        if line not in self._claimed:
            raise DriverFault("driver.unclaimed", f"line {line!r} has not been switched yet")
        try:
            return bool(gpio.input(entry.pin)) != entry.active_low
        except Exception as error:  # foreign library: lgpio has its own exception types
            raise DriverFault("driver.io", f"line {line!r}, pin {entry.pin}: {error}", retry=True) from error

    def _require(self, line: str) -> tuple[GpioModule, GpioLine]:
        if self._gpio is None:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        require(line, self._config.lines)
        return self._gpio, self._config.lines[line]

    async def _try_off(self, line: str) -> None:
        try:
            await self.switch(line, False)
        except DriverFault as fault:
            self._context.logger.error("%s: could not switch off on close: %s", self._context.id, fault)


def _import_gpio(directory: Path) -> GpioModule:
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

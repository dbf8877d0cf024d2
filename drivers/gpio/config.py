"""What a node's YAML may say of the pins of a Raspberry Pi."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.relay.lines import Line, LineId

RATE = "_rate"
"""Added to the name of a counting input: the channel of its flow."""
HARDWARE_PINS = (12, 13, 18, 19)
"""BCM numbers to which the Pi's PWM can be led (BCM2711 and RP1 peripherals documents, alternate functions)."""

Pin = Annotated[
    int,
    Field(ge=0, le=27, title="Pin", description="BCM number, 0..27. 0 and 1 belong to the HAT's memory chip."),
]


class OutputLine(Line):
    """One line that is switched, or dimmed by pulses."""

    pin: Pin
    active_low: bool = Field(
        default=False,
        title="Active low",
        description="True when the board pulls in at 0 V, as most blue relay boards do. Pulses are inverted too.",
    )
    pwm: Literal["none", "software", "hardware"] = Field(
        default="none",
        title="Dimming",
        description="Pulses of variable width: by a thread (any pin), or by the Pi's PWM (pins 12, 13, 18, 19).",
    )
    frequency_hz: float = Field(
        default=200, ge=1, le=100_000, title="Frequency", description="Pulses a second; by software 1000 at most."
    )
    minimum: float = Field(
        default=0, ge=0, le=90, title="Minimum", description="Pulse width in per cent at which it just begins to light."
    )
    curve: Literal["linear", "perceived"] = Field(
        default="linear",
        title="Curve",
        description="linear: per cent of the power; perceived: per cent of the brightness that an eye sees (CIE 1931).",
    )
    pwm_chip: int | None = Field(
        default=None, ge=0, le=99, title="PWM chip", description="N of /sys/class/pwm/pwmchipN; found when left out."
    )
    pwm_channel: int | None = Field(
        default=None, ge=0, le=31, title="PWM channel", description="Channel of the chip; by the pin when left out."
    )

    @model_validator(mode="after")
    def _pulses_fit(self) -> Self:
        if self.pwm == "software" and self.frequency_hz > 1000:
            raise ValueError(f"software makes at most 1000 pulses a second, not {self.frequency_hz:g}")
        if self.pwm == "hardware" and self.pin not in HARDWARE_PINS:
            raise ValueError(f"pin {self.pin} has no hardware PWM; those that have it: 12, 13, 18, 19")
        if self.pwm == "none" and {"frequency_hz", "minimum", "curve"} & self.model_fields_set:
            raise ValueError("frequency_hz, minimum and curve are for pwm: software or hardware")
        if self.pwm != "hardware" and (self.pwm_chip is not None or self.pwm_channel is not None):
            raise ValueError("pwm_chip and pwm_channel are for pwm: hardware")
        return self


class InputLine(Line):
    """One contact, or one meter that gives pulses."""

    pin: Pin
    pull: Literal["up", "down", "none"] = Field(
        default="up", title="Pull", description="The Pi's own resistor; up for a contact to ground."
    )
    active_low: bool = Field(
        default=True, title="Active low", description="True when 0 V means closed (1): a contact to ground."
    )
    debounce_ms: float = Field(
        default=30,
        ge=0,
        le=5000,
        title="Debounce",
        description="A contact counts when it was at rest so long; pulses closer than this are one.",
    )
    counts_per_unit: float | None = Field(
        default=None,
        gt=0,
        le=10_000_000,
        title="Pulses a unit",
        description="Counts pulses, so many for one unit: a flow meter of 450 pulses a litre has 450 here.",
    )
    unit: str = Field(default="L", max_length=20, title="Unit", description="Unit that is counted (UCUM).")

    @model_validator(mode="before")
    @classmethod
    def _pulses_are_short(cls, given: Any) -> Any:
        # 30 ms between pulses would be 33 a second at most: too slow for a flow meter with a Hall sensor
        if isinstance(given, dict) and given.get("counts_per_unit") is not None:
            return {"debounce_ms": 1, **given}
        return given


class GpioConfig(BaseModel):
    """Pins of a Raspberry Pi: relays, dimmed lamps, contacts, meters that give pulses."""

    model_config = ConfigDict(extra="forbid")

    lines: dict[LineId, OutputLine] = Field(
        default_factory=dict,
        title="Lines",
        description="What is switched: id (a-z, 0-9, - and _) to its pin and settings.",
    )
    inputs: dict[LineId, InputLine] = Field(
        default_factory=dict,
        title="Inputs",
        description="Contacts and pulses: id (a-z, 0-9, - and _) to its pin and settings.",
    )
    on_close: Literal["keep", "off"] = Field(
        default="keep",
        title="On close",
        description="Leave the lines as they are when the agent stops, or switch them off.",
    )

    @model_validator(mode="after")
    def _all_differ(self) -> Self:
        users: dict[int, str] = {}
        for line, pin in self.pins():
            if pin in users:
                raise ValueError(f"lines {users[pin]!r} and {line!r} are both on pin {pin}")
            users[pin] = line
        names = [*self.lines, *self.inputs, *(f"{line}{RATE}" for line, entry in self.inputs.items() if counts(entry))]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]!r} is used twice (a counting input also has NAME{RATE})")
        return self

    def pins(self) -> list[tuple[str, int]]:
        """Each line and input with its pin."""
        lines: list[tuple[str, OutputLine | InputLine]] = [*self.lines.items(), *self.inputs.items()]
        return [(line, entry.pin) for line, entry in lines]


def counts(entry: InputLine) -> bool:
    """Whether it counts pulses."""
    return entry.counts_per_unit is not None

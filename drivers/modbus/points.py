"""What a map may say: the points of a device, each a value in one or several registers."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Kind = Literal["coil", "discrete", "input", "holding"]
Type = Literal["bool", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "bcd16", "bcd32"]
PointId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Word = Annotated[int, Field(ge=0, le=0xFFFF)]

_WORDS: dict[Type, int] = {"bool": 1, "u16": 1, "s16": 1, "bcd16": 1, "u64": 4, "s64": 4, "f64": 4}
_LIMITS: dict[Type, tuple[int, int]] = {
    "bool": (0, 1),
    "u16": (0, 0xFFFF),
    "s16": (-0x8000, 0x7FFF),
    "u32": (0, 0xFFFF_FFFF),
    "s32": (-0x8000_0000, 0x7FFF_FFFF),
    "u64": (0, 2**64 - 1),
    "s64": (-(2**63), 2**63 - 1),
    "bcd16": (0, 9999),
    "bcd32": (0, 99_999_999),
}


class Place(BaseModel):
    """Where a value is, and in which form. Addresses are those on the wire, counted from 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    register_: Kind = Field(alias="register")
    address: Word
    type: Type = "bool"
    words: Literal["big", "little"] = Field(default="big", description="Which of several registers comes first")
    bytes: Literal["big", "little"] = Field(default="big", description="Which byte of a register comes first")
    bit: int | None = Field(default=None, ge=0, le=15, description="One bit of a register; 0 is the lowest")

    @property
    def is_bits(self) -> bool:
        """Whether it is a coil or a discrete input."""
        return self.register_ in ("coil", "discrete")

    @property
    def count(self) -> int:
        """How many registers it takes."""
        return _WORDS.get(self.type, 2)

    @property
    def end(self) -> int:
        """The address behind its last register."""
        return self.address + self.count

    @property
    def limits(self) -> tuple[int, int] | None:
        """The smallest and largest raw number, or None for floats."""
        return _LIMITS.get(self.type)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.is_bits and (self.type != "bool" or self.bit is not None):
            raise ValueError(f"a {self.register_} is one bit: leave type and bit out")
        if not self.is_bits and self.type == "bool" and self.bit is None:
            raise ValueError("type is missing (u16, s16, u32, s32, f32 ...), or bit for one bit of the register")
        if self.bit is not None and self.type != "bool":
            raise ValueError("bit and type cannot both be given")
        if self.end > 0x10000:
            raise ValueError(f"{self.type} at {self.address} reaches beyond the last register, 65535")
        return self


class Point(Place):
    """A value of a device: measured, a contact, a relay, or a level."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    unit: str | None = Field(default=None, max_length=20, description="UCUM: W, kWh, V, A, Hz, Cel, %")
    scale: float = Field(default=1, allow_inf_nan=False, description="value = raw * scale + offset")
    offset: float = Field(default=0, allow_inf_nan=False)
    minimum: float | None = Field(default=None, allow_inf_nan=False, description="A smaller value cannot be true")
    maximum: float | None = Field(default=None, allow_inf_nan=False, description="A larger one neither")
    missing: tuple[int, ...] = Field(default=(), max_length=8, description="Raw numbers that mean: no value")
    writable: bool = Field(default=False, description="A relay, or with level a dimmer")
    on: Word | None = Field(default=None, description="What switches on, in a holding register; 1")
    off: Word | None = Field(default=None, description="What switches off; 0")
    reads_on: Word | None = Field(default=None, description="What is read when on, if it differs from what is written")
    reads_off: Word | None = Field(default=None, description="What is read when off, if it differs")
    level: tuple[int, int] | None = Field(default=None, description="Raw numbers of 0 and of 100 per cent")
    multiple: bool = Field(default=False, description="Written by function 15 or 16 even when it is one register")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.scale == 0:
            raise ValueError("scale cannot be 0")
        if self.minimum is not None and self.maximum is not None and self.maximum <= self.minimum:
            raise ValueError("maximum must be more than minimum")
        if self.writable and self.register_ not in ("coil", "holding"):
            raise ValueError(f"a {self.register_} register cannot be written")
        if self.writable and self.bit is not None:
            raise ValueError("one bit of a register cannot be written without touching the others")
        if not self.writable and (self.level is not None or self._words_given()):
            raise ValueError("level, on, off, reads_on, reads_off and multiple are for what is writable")
        if self._words_given(but_multiple=True) and (self.is_bits or self.level is not None or self.count > 1):
            raise ValueError("on, off, reads_on and reads_off are for a relay in one holding register")
        return self._switches_or_dims()

    def _words_given(self, *, but_multiple: bool = False) -> bool:
        given = any(value is not None for value in (self.on, self.off, self.reads_on, self.reads_off))
        return given or (self.multiple and not but_multiple)

    def _switches_or_dims(self) -> Self:
        if not self.writable or self.is_bits:
            if self.level is not None:
                raise ValueError("a coil has no level")
            return self
        if self.level is not None:
            if self.limits is None:
                raise ValueError("a level needs a whole number, not a float")
            if self.level[0] == self.level[1] or any(not self.limits[0] <= raw <= self.limits[1] for raw in self.level):
                raise ValueError(f"level needs two different numbers within {self.type}")
            return self
        if self.type != "u16":
            raise ValueError(
                "a relay in a holding register is u16; a dimmer needs level: [raw at 0, raw at 100 per cent]"
            )
        if self.word(True) == self.word(False) or self.word(True, read=True) == self.word(False, read=True):
            raise ValueError("on and off must differ")
        return self

    def word(self, on: bool, *, read: bool = False) -> int:
        """What is written, or read, for on and off in a holding register."""
        reads, written = (self.reads_on, self.on) if on else (self.reads_off, self.off)
        plain = written if written is not None else int(on)
        return reads if read and reads is not None else plain


class Identity(Place):
    """A register that always holds the same number, so that another device at this address is noticed."""

    equals: int

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.limits is None:
            raise ValueError("identify needs a whole number, not a float")
        if not self.limits[0] <= self.equals <= self.limits[1]:
            raise ValueError(f"{self.equals} does not fit into {self.type}")
        return self


class DeviceMap(BaseModel):
    """All that the driver has to know of a kind of device."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, description="Maker and model")
    source: str = Field(min_length=1, max_length=500, description="The document that the addresses are from")
    url: str | None = Field(default=None, max_length=500, description="Where that document is")
    notes: str | None = Field(default=None, max_length=2000)
    identify: Identity | None = None
    most: int = Field(default=125, ge=1, le=125, description="Registers that one question may ask for")
    bridge: int = Field(
        default=0, ge=0, le=60, description="Unused registers that may be read along, to ask less often"
    )
    points: dict[PointId, Point] = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        clashes = list(overlaps(self.points))
        if clashes:
            raise ValueError("; ".join(clashes))
        wide = [name for name, point in self.points.items() if point.count > self.most]
        if wide:
            raise ValueError(f"most: {self.most} registers are too few for {', '.join(wide)}")
        return self


def overlaps(points: dict[str, Point]) -> list[str]:
    """Say which points share a register. Different bits of one register may be read by different points."""
    found = []
    ordered = sorted(points.items(), key=lambda item: (item[1].register_, item[1].address))
    for place, (name, point) in enumerate(ordered):
        for other, next_point in ordered[place + 1 :]:
            if next_point.register_ != point.register_ or next_point.address >= point.end:
                break
            if None in (point.bit, next_point.bit) or point.bit == next_point.bit:
                found.append(f"{name} and {other} are both on {point.register_} {next_point.address}")
    return found

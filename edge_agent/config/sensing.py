"""What is measured, and the cabinet that it is measured in."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.section import Section
from edge_agent.config.switching import Line
from edge_agent.contract.base import Name

SensorKind = Literal[
    "door",
    "contact",
    "breaker",
    "hand",
    "leakage",
    "supply",
    "photocell",
    "illuminance",
    "temperature",
    "humidity",
    "level",
    "flow",
    "volume",
    "power",
    "current",
    "voltage",
    "energy",
    "other",
]
UNITS: dict[str, str] = {"power": "W", "current": "A", "energy": "kW.h", "flow": "L/min", "volume": "L"}
"""Kinds that are reckoned with, and the only unit (UCUM) that each is in: `scale` turns others into it."""
_NO_CONTACTS = {"illuminance", "temperature", "humidity", "volume", "power", "current", "voltage", "energy"}


class Sensor(Section):
    """One measured value, or one contact."""

    id: Name
    name: str = Field(min_length=1, max_length=100, description="As people call it")
    line: Line
    kind: SensorKind = "other"
    unit: str | None = Field(
        default=None,
        max_length=20,
        description="UCUM; absent: as the driver says. Of power W, current A, energy kW.h, flow L/min, volume L",
    )
    scale: float = Field(default=1, description="Of the driver's value")
    offset: float = 0
    minimum: float | None = Field(default=None, description="A smaller value is a broken sensor, not a measurement")
    maximum: float | None = Field(default=None, description="A larger one too")
    invert: bool = Field(default=False, description="A contact that is 1 when all is well, and should be 0, or reverse")
    every_s: float = Field(default=10, ge=0.2, le=3600, description="Seconds between measurements")
    stale_s: float = Field(
        default=60, ge=1, le=24 * 3600, description="Older than this is unknown; absent: 60, or 3 every_s"
    )
    report_change: float = Field(default=0, ge=0, description="A smaller change is not worth a state; 0: 1 % of it")
    zone: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _patient(cls, data: Any) -> Any:
        """One that is asked seldom is not stale before it was asked again."""
        every = data.get("every_s") if isinstance(data, Mapping) else None
        if not isinstance(every, int | float) or "stale_s" in data or not 20 < every <= 3600:
            return data
        return {**data, "stale_s": 3 * every}

    @model_validator(mode="after")
    def _makes_sense(self) -> "Sensor":
        if self.scale == 0:
            raise PydanticCustomError("config.scale", "scale cannot be 0")
        if self.stale_s <= self.every_s:
            raise PydanticCustomError("config.stale", "stale_s must be more than every_s")
        if self.invert and (self.kind in _NO_CONTACTS or self.scale != 1 or self.offset):
            raise PydanticCustomError("config.invert", "invert is for contacts")
        unit = UNITS.get(self.kind)
        if self.unit is not None and unit is not None and self.unit != unit:
            raise PydanticCustomError("config.unit", "the unit must be {unit}", {"unit": unit})
        if self.minimum is not None and self.maximum is not None and self.maximum <= self.minimum:
            raise PydanticCustomError("config.bounds", "maximum must be more than minimum")
        return self


class Cabinet(Section):
    """A cabinet with its contacts and its meter. Each is the id of a sensor."""

    id: Name
    name: str = Field(min_length=1, max_length=100)
    door: Name | None = Field(default=None, description="1 while open")
    supply: Name | None = Field(default=None, description="1 while the mains are there")
    leakage: Name | None = Field(default=None, description="1 while an earth leakage is detected")
    breaker: Name | None = Field(default=None, description="Main breaker: 1 while it is good")
    hand: Name | None = Field(default=None, description="Main hand switch: 1 while by hand")
    power: Name | None = Field(default=None, description="Power of all (W)")
    energy: Name | None = Field(default=None, description="Meter of all (kWh)")
    power_high_w: float | None = Field(default=None, gt=0, description="More than this is told")
    power_tolerance: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of the rated power of all; told when it differs so much from what should be on",
    )
    things: tuple[Name, ...] = Field(default=(), description="Switched things behind its meter; absent: all")
    confirm_s: float = Field(default=10, ge=0, le=3600)
    clear_s: float = Field(default=30, ge=0, le=3600)
    zone: str | None = None

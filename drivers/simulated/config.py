"""What a simulated cabinet holds."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from drivers.relay.lines import Line, LineId

Percent = Annotated[float, Field(ge=0, le=100)]
LineKind = Literal["lamp", "pump", "valve", "fan", "mist", "heater", "feeder", "other"]
OF_A_LINE = ("contact", "breaker", "hand", "power", "current", "energy", "flow", "litres")
OF_THE_CABINET = (
    "door",
    "supply",
    "leakage",
    "breaker",
    "hand",
    "power",
    "current",
    "energy",
    "voltage",
    "photocell",
    "illuminance",
    "temperature",
    "humidity",
    "tank",
)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {value[:60]!r}") from error
    return value


class CabinetLine(Line):
    """One contactor and what hangs behind it."""

    kind: LineKind = Field(default="lamp", title="Kind", description="What hangs behind it.")
    watts: float = Field(default=100, gt=0, le=1_000_000, title="Watts", description="Power at full level (W).")
    dimmable: bool = Field(default=False, title="Dimmable", description="Takes levels between 0 and 100.")
    litres_per_minute: float = Field(
        default=0,
        ge=0,
        le=100_000,
        title="Flow",
        description="Water that flows at full level; 0: it has no flow meter.",
    )
    tank: Literal["none", "fills", "draws"] = Field(
        default="none", title="Tank", description="Whether its water fills the cabinet's tank or is drawn from it."
    )
    warms: float = Field(
        default=0, ge=-50, le=50, title="Warms", description="By how many degrees it warms the air; negative: cools."
    )
    moistens: float = Field(
        default=0, ge=-100, le=100, title="Moistens", description="By how many per cent it moistens the air."
    )


class SimulatedCabinetConfig(BaseModel):
    """A whole cabinet: contactors, breakers, meters, contacts, a tank, the air and the sun around it."""

    model_config = ConfigDict(extra="forbid")

    lines: dict[LineId, CabinetLine] = Field(
        title="Lines", max_length=500, description="The contactors: id (a-z, 0-9, - and _) to what hangs behind it."
    )
    voltage: float = Field(default=220, gt=0, le=1000, title="Voltage", description="Of the mains (V).")
    own_watts: float = Field(
        default=5, ge=0, le=1000, title="Own power", description="What the cabinet itself takes (W)."
    )
    tank_litres: float = Field(
        default=1000, gt=0, le=10_000_000, title="Tank", description="What the tank holds (litres)."
    )
    tank_start: Percent = Field(default=60, title="Level at first", description="How full the tank is at first (%).")
    temperature: tuple[float, float] = Field(
        default=(24, 36), title="Temperature", description="Of the air at its coldest and at its warmest hour (Cel)."
    )
    humidity: tuple[Percent, Percent] = Field(
        default=(55, 95), title="Humidity", description="Of the air at its driest and at its moistest hour (%)."
    )
    air_s: float = Field(
        default=180,
        gt=0,
        le=86_400,
        title="Slowness of the air",
        description="Seconds until fans and mist have done 63 % of what they do to the air.",
    )
    noon_lux: float = Field(default=60_000, gt=0, le=200_000, title="Noon", description="Light at noon (lx).")
    sunrise: time = Field(default=time(5, 45), title="Sunrise", description="Local time of the simulated sunrise.")
    sunset: time = Field(default=time(17, 45), title="Sunset", description="Local time of the simulated sunset.")
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Asia/Ho_Chi_Minh", title="Time zone", description="Of the simulated sun."
    )
    look_every_s: float = Field(
        default=0.3, ge=0.05, le=3600, title="Looks every", description="Seconds between looks at the fault panel."
    )
    record: Path | None = Field(
        default=None,
        title="Record",
        description="File to which every change of a contactor is appended as a JSON line; in the driver's folder.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.sunset <= self.sunrise:
            raise ValueError("sunset must be after sunrise")
        for what, (low, high) in (("temperature", self.temperature), ("humidity", self.humidity)):
            if not low < high:
                raise ValueError(f"{what}: the first must be less than the second")
        taken = {*OF_THE_CABINET, *(f"{line}_{part}" for line in self.lines for part in OF_A_LINE)}
        for line in self.lines:
            if line in taken:
                raise ValueError(f"a line cannot be called {line!r}: that is a channel of the cabinet")
        return self

"""Which sensors of the kernel are read, and where they are found."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from drivers.relay.lines import Line, LineId

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,60}$")]


class KernelLine(Line):
    """One value. Give exactly one of w1, hwmon, iio, path."""

    w1: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{2}-[0-9a-fA-F]{12}$")] | None = Field(
        default=None, title="1-Wire", description="Id of a 1-Wire sensor, as 28-0316a2795d0f (DS18B20)."
    )
    hwmon: str | None = Field(
        default=None, max_length=60, title="hwmon", description="Name of a hwmon chip, as lm75 or sht3x (not hwmon3)."
    )
    iio: str | None = Field(
        default=None, max_length=60, title="iio", description="Name of an industrial I/O device, as bme280 or si7020."
    )
    path: Path | None = Field(
        default=None, title="Path", description="A file with one number, from the root of /sys on."
    )
    input: FileName | None = Field(
        default=None,
        title="Input",
        description="Of hwmon and iio: temp1_input, humidity1_input, in_temp_input, in_humidityrelative_input.",
    )
    address: str | None = Field(
        default=None,
        max_length=60,
        title="Address",
        description="Of two with the same name: the bus address of the one that is meant, as 1-0048.",
    )
    scale: float | None = Field(
        default=None, title="Scale", description="Of the number in the file; absent: 0.001, as the kernel has it."
    )
    unit: str | None = Field(
        default=None, max_length=20, title="Unit", description="UCUM; absent: Cel or % by the name of the input."
    )
    minimum: float | None = Field(
        default=None, title="Minimum", description="Less cannot be true; absent: -55 for degrees, 0 for per cent."
    )
    maximum: float | None = Field(
        default=None, title="Maximum", description="More cannot be true; absent: 125 for degrees, 100 for per cent."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [self.w1, self.hwmon, self.iio, self.path]
        if sum(place is not None for place in given) != 1:
            raise ValueError("give exactly one of w1, hwmon, iio, path")
        if (self.hwmon or self.iio) and self.input is None:
            raise ValueError("hwmon and iio need an input, as temp1_input")
        if self.path is not None and (self.path.is_absolute() or ".." in self.path.parts):
            raise ValueError("path begins within the root: class/thermal/thermal_zone0/temp, say")
        if self.scale == 0:
            raise ValueError("scale cannot be 0")
        return self


class KernelSensorConfig(BaseModel):
    """Sensors that the kernel reads."""

    model_config = ConfigDict(extra="forbid")

    root: Path = Field(
        default=Path("/sys"), title="Root", description="Where the kernel's files are; /sys but in tests."
    )
    lines: dict[LineId, KernelLine] = Field(
        title="Lines", max_length=200, description="The sensors: id (a-z, 0-9, - and _) to where each is found."
    )

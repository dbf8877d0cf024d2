"""What the configuration of one bus may say."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, field_validator, model_validator

from drivers.contract import Capability
from drivers.modbus import mapfile
from drivers.modbus.points import DeviceMap, Point

DeviceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")]


class Device(BaseModel):
    """One device on the bus."""

    model_config = ConfigDict(extra="forbid")

    unit: int = Field(ge=1, le=247, title="Unit", description="Its address on the bus, 1..247, as set on the device.")
    map: str = Field(
        title="Map", description="Name of a shipped map, or the absolute path of a YAML file with the registers."
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=100, title="Name", description="What people call it; its id if left out."
    )
    timeout_s: float | None = Field(
        default=None, gt=0, le=10, title="Time-out", description="Of this device, if it is slower than the others."
    )
    _map: DeviceMap = PrivateAttr()

    @field_validator("map")
    @classmethod
    def _readable(cls, value: str) -> str:
        mapfile.load(value)
        return value

    @model_validator(mode="after")
    def _keep_map(self) -> Self:
        self._map = mapfile.load(self.map)
        return self

    @property
    def registers(self) -> DeviceMap:
        """The map that was read."""
        return self._map


class ModbusConfig(BaseModel):
    """Devices on one Modbus: a serial line (RS-485) or a TCP address."""

    model_config = ConfigDict(extra="forbid")

    port: Path | None = Field(
        default=None, title="Port", description="Serial port, best by its lasting name in /dev/serial/by-id."
    )
    baudrate: Literal[1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200] = Field(
        default=9600, title="Bits per second", description="The same for all devices of a line."
    )
    parity: Literal["N", "E", "O"] = Field(default="N", title="Parity", description="N none, E even, O odd.")
    stopbits: Literal[1, 2] = Field(default=1, title="Stop bits", description="1, or 2.")
    host: str | None = Field(
        default=None, min_length=1, max_length=253, title="Host", description="Instead of port: name or IP address."
    )
    tcp_port: int = Field(default=502, ge=1, le=65535, title="TCP port", description="With host.")
    framer: Literal["socket", "rtu-over-tcp"] = Field(
        default="socket",
        title="Framing",
        description="With host: Modbus TCP, or the serial form through a plain gateway.",
    )
    timeout_s: float = Field(
        default=0.5, gt=0, le=10, title="Time-out", description="Seconds that a device has to begin its answer."
    )
    gap_ms: float = Field(
        default=0,
        ge=0,
        le=1000,
        title="Silence",
        description="Least between two questions; 3.5 characters at any rate.",
    )
    cache_s: float = Field(
        default=1.0, ge=0, le=60, title="Kept", description="Seconds for which a reading serves others of its block."
    )
    retry_s: float = Field(
        default=2.0,
        ge=0.1,
        le=60,
        title="First rest",
        description="Seconds for which a silent device is left alone; doubled up to retry_most_s while silent.",
    )
    retry_most_s: float = Field(default=60.0, ge=0.1, le=3600, title="Longest rest", description="See retry_s.")
    devices: dict[DeviceId, Device] = Field(
        min_length=1, max_length=247, title="Devices", description="Id (a-z, 0-9 and -) to address and map."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.port is None) == (self.host is None):
            raise ValueError("give either port (a serial line) or host (a TCP address)")
        units: dict[int, str] = {}
        for name, device in self.devices.items():
            if device.unit in units:
                raise ValueError(f"devices {units[device.unit]!r} and {name!r} both have the unit {device.unit}")
            units[device.unit] = name
        return self

    @property
    def character_s(self) -> float:
        """Seconds that one character takes on the line; 0 on TCP."""
        return 0.0 if self.port is None else (10 + (self.parity != "N") + (self.stopbits - 1)) / self.baudrate

    def line_names(self) -> list[str]:
        """All lines and channels, `device_point`, known before anything is open."""
        return [line for line, _, _ in self.lines()]

    def lines(self) -> list[tuple[str, Device, Point]]:
        """Each line with its device and its point."""
        return [
            (f"{name}_{point_name}", device, point)
            for name, device in self.devices.items()
            for point_name, point in device.registers.points.items()
        ]


def capability(line: str, device: Device, point: Point) -> Capability:
    """Describe a point: a relay, a dimmer, a contact or a measured value."""
    place, _, point_id = line.partition("_")
    name = f"{device.name or place}: {point.name or point_id}"
    if point.level is not None:
        return Capability(line, name, "dimmer", unit="%", minimum=0, maximum=100)
    if point.writable:
        return Capability(line, name, "relay")
    if point.type == "bool":
        return Capability(line, name, "contact", writable=False)
    return Capability(line, name, "sensor", point.unit, point.minimum, point.maximum, writable=False)

"""Which devices are on the broker, and how they speak."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from drivers.contract import DriverFault
from drivers.relay.lines import Line, LineId

Shape = Literal["zigbee2mqtt", "tasmota"]
DeviceName = Annotated[str, StringConstraints(pattern=r"^[^#+\x00]{1,200}$", strip_whitespace=True)]


class PasswordPlace(BaseModel):
    """Where the password is kept; it never stands in the configuration itself."""

    model_config = ConfigDict(extra="forbid")

    file: Path | None = Field(
        default=None, title="File", description="A file with the password alone in it; from the root, or from ~."
    )
    env: str | None = Field(default=None, title="Environment", description="Name of an environment variable.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("give either file or env")
        if self.file is not None and not self.file.expanduser().is_absolute():
            raise ValueError("file must begin at the root (/) or at ~")
        return self

    def reveal(self) -> str:
        """Return the password. Raises DriverFault `driver.no_permission`, `driver.io`."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            place = f"the environment variable {self.env}"
        else:
            assert self.file is not None  # noqa: S101 - one of the two is given, the model saw to it
            place = f"the file {self.file}"
            try:
                with self.file.expanduser().open(encoding="utf-8") as file:
                    value = file.readline(4096).strip()
            except PermissionError as error:
                raise DriverFault("driver.no_permission", f"{place} may not be read", retry=True) from error
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not text"
                raise DriverFault("driver.io", f"the password: {place}: {reason}", retry=True) from error
        if not value:
            raise DriverFault("driver.io", f"the password: {place} is empty", retry=True)
        return value


class DeviceLine(Line):
    """One switch of one device."""

    shape: Shape = Field(title="Shape", description="Who speaks: Zigbee2MQTT for the device, or its Tasmota firmware.")
    device: DeviceName = Field(
        title="Device", description="Friendly name in Zigbee2MQTT, or the Topic of a Tasmota device."
    )
    endpoint: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,20}$")] | None = Field(
        default=None,
        title="Endpoint",
        description="Of several: what follows state_ in Zigbee2MQTT (l1, left); the relay of a Tasmota device, 1..32.",
    )
    dimmable: bool = Field(default=False, title="Dimmable", description="It takes a brightness.")

    @model_validator(mode="after")
    def _good_name(self) -> Self:
        _require_name(self.shape, self.device)
        return self

    @model_validator(mode="after")
    def _relay_number(self) -> Self:
        if self.shape == "tasmota" and self.endpoint is not None:
            if not self.endpoint.isdecimal() or not 1 <= int(self.endpoint) <= 32:
                raise ValueError("endpoint of a Tasmota device is the number of its relay, 1..32")
            if self.dimmable and self.endpoint != "1":
                raise ValueError("only the first relay of a Tasmota device can be dimmable")
        return self


class DeviceSensor(BaseModel):
    """One value that a device tells."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, title="Name", description="What people call it; its id when left out.")
    shape: Shape = Field(title="Shape", description="Who speaks: Zigbee2MQTT for the device, or its Tasmota firmware.")
    device: DeviceName = Field(
        title="Device", description="Friendly name in Zigbee2MQTT, or the Topic of a Tasmota device."
    )
    value: Annotated[str, StringConstraints(pattern=r"^[^.]{1,60}(\.[^.]{1,60}){0,5}$")] = Field(
        title="Value", description="Where it stands in the device's JSON: temperature, ENERGY.Power, ENERGY.Power.0"
    )
    unit: str = Field(
        default="1", max_length=20, title="Unit", description="UCUM, of the value as it is told; 1 for a contact."
    )
    on: str | None = Field(
        default=None, max_length=60, title="On", description="Of words: this one is 1, all others 0. Else ON and OFF."
    )

    @model_validator(mode="after")
    def _good_name(self) -> Self:
        _require_name(self.shape, self.device)
        return self


def _require_name(shape: Shape, device: str) -> None:
    """Zigbee2MQTT allows no such name; who writes it means an endpoint."""
    last = device.rpartition("/")[2]
    if shape == "zigbee2mqtt" and (not last or ("/" in device and last.isdecimal())):
        raise ValueError(f"{device!r} is no friendly name: none ends with / or /{last or 1}; give `endpoint` by itself")


class MqttDevicesConfig(BaseModel):
    """Devices on an MQTT broker."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        default="mqtt://127.0.0.1:1883", title="Broker", description="mqtt://host:port, or mqtts://host:port with TLS."
    )
    username: str | None = Field(default=None, title="User", description="Account at the broker.")
    password: PasswordPlace | None = Field(
        default=None,
        title="Password",
        description="Where the password of that account is kept: {file: ...} or {env: ...}.",
    )
    ca: Path | None = Field(
        default=None, title="Authority", description="Certificate authority for mqtts; absent: the system's."
    )
    base: DeviceName = Field(default="zigbee2mqtt", title="Base topic", description="Zigbee2MQTT's base_topic.")
    full_topic: str = Field(
        default="%prefix%/%topic%/",
        max_length=100,
        title="Full topic",
        description="FullTopic of the Tasmota devices, with %prefix% (cmnd, stat, tele) and %topic% once each.",
    )
    answer_s: float = Field(
        default=3, ge=0.1, le=30, title="Answer", description="Seconds that a device has to confirm what it was told."
    )
    lines: dict[LineId, DeviceLine] = Field(
        default_factory=dict, max_length=500, title="Lines", description="What is switched: id to device."
    )
    sensors: dict[LineId, DeviceSensor] = Field(
        default_factory=dict, max_length=1000, title="Sensors", description="What is measured: id to device and value."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        parts = urlsplit(self.url)
        try:
            good = parts.scheme in ("mqtt", "mqtts") and parts.hostname and parts.port != 0 and parts.path in ("", "/")
        except ValueError:
            good = False
        if not good or "@" in self.url:
            raise ValueError("url must look like mqtt://host:1883 or mqtts://host:8883, without user and password")
        tokens = self.full_topic.split("%")[1::2]
        if sorted(tokens) != ["prefix", "topic"] or set(self.full_topic) & set("#+\0"):
            raise ValueError("full_topic must have %prefix% and %topic% once each, and no other %...%, # or +")
        both = sorted(set(self.lines) & set(self.sensors))
        if both:
            raise ValueError(f"{both[0]!r} is a line and a sensor: give them different ids")
        users: dict[tuple[str, str, str], str] = {}
        for line, entry in self.lines.items():
            key = (entry.shape, entry.device, entry.endpoint or ("1" if entry.shape == "tasmota" else ""))
            if key in users:
                raise ValueError(f"lines {users[key]!r} and {line!r} are the same switch of {entry.device!r}")
            users[key] = line
        return self

    def address(self) -> tuple[str, int, bool]:
        """Host, port, TLS or not."""
        parts = urlsplit(self.url)
        tls = parts.scheme == "mqtts"
        return parts.hostname or "", parts.port or (8883 if tls else 1883), tls

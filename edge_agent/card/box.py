"""One box of a sheet: who it is, what hangs on it, how it reaches the hub, and how its installer gets in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_agent.contract.enrolment import CardEnrolment


@dataclass(frozen=True, slots=True)
class Wifi:
    """A Wi-Fi network. `key`: the PSK, never the password; None where the network is open."""

    ssid: str
    key: str | None
    country: str


@dataclass(frozen=True, slots=True)
class Way:
    """How the installer gets in. `password`: its hash, or None."""

    user: str
    password: str | None
    ssh: bool
    ssh_keys: tuple[str, ...]
    keyboard: str | None


@dataclass(frozen=True, slots=True)
class Box:
    """A row of the sheet that was checked."""

    row: int
    name: str
    commune: str
    title: str
    zone: str | None
    address: str | None
    latitude: float
    longitude: float
    timezone: str
    hostname: str
    devices: str
    cells: Mapping[str, str]
    """What a fragment of devices may ask for by {column}."""
    wifi: Wifi | None
    apn: str | None
    way: Way
    enrolment: CardEnrolment | None
    secrets: Path | None
    console: str | None

    @property
    def page(self) -> str | None:
        """The address of its page at the hub, for the label."""
        return f"{self.console.rstrip('/')}/nodes/{self.commune}/{self.name}" if self.console else None

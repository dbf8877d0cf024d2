"""The part `cap` of the configuration: whose alerts count, where they come from, what may air by itself."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge_agent.contract.base import Name, Strict
from hub.cap.message import Certainty, Severity
from hub.people.rights import Place

Level = Annotated[int, Field(ge=1, le=5)]


class Auto(Strict):
    """What of a sender airs without a person."""

    from_level: Level = Field(default=4, description="From this disaster risk level on, 1 to 5")
    certainty: Literal["Observed", "Likely", "Possible"] = Field(default="Likely", description="At least so sure")
    all_clear: bool = Field(
        default=True, description="Their Cancel or lower Update ends a siren, and is said where it was heard"
    )

    @property
    def least(self) -> Certainty:
        """`certainty` as alerts say it."""
        return Certainty(self.certainty)


class Sender(Strict):
    """Whose alerts count. One of whom nobody can tell that it is them never airs by itself."""

    id: str = Field(min_length=1, max_length=250, description="`sender` of their messages, letter by letter")
    name: str = Field(default="", max_length=200, description="As people call them; spoken first")
    certificates: tuple[Path, ...] = Field(
        default=(), max_length=10, description="PEM files; when given, messages not signed by one of them are refused"
    )
    feeds: tuple[Name, ...] = Field(
        default=(), max_length=20, description="Feeds that vouch for them: what comes over these needs no signature"
    )
    auto: Auto | None = Field(default=None, description="Absent: every alert waits for a person")

    @model_validator(mode="after")
    def _somebody_vouches(self) -> "Sender":
        if self.auto is not None and not self.certificates and not self.feeds:
            raise ValueError("auto needs certificates or feeds: else anybody could send in their name")
        return self

    def under(self, folder: Path) -> "Sender":
        """The same with relative paths made absolute, from `folder`."""
        return self.model_copy(update={"certificates": tuple(folder / path for path in self.certificates)})


class FeedSettings(Strict):
    """An address that is asked again and again: an Atom or RSS list of alerts, or one alert."""

    name: Name
    url: str = Field(max_length=2000)
    every_s: float = Field(default=60, ge=1, le=86_400, description="Seconds between two questions")
    hosts: tuple[str, ...] = Field(
        default=(), max_length=20, description="Further hosts (host or host:port) to which its entries may lead"
    )

    @field_validator("url")
    @classmethod
    def _is_web(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError("a feed is written https://host/path, without a user name")
        if parts.port == 0:  # reading .port also raises ValueError when it is no number up to 65535
            raise ValueError("port 0 is no port")
        return value

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can change what comes: TLS, or this machine itself."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or _is_loopback(parts.hostname or "")


class Geocode(Strict):
    """What a code of a sender means here."""

    name: str = Field(default="", max_length=100, description="valueName; empty: any")
    value: str = Field(min_length=1, max_length=200)
    covers: tuple[str, ...] = Field(
        min_length=1, max_length=1000, description="`commune`, `commune//area` or `commune/node` each"
    )

    @field_validator("covers")
    @classmethod
    def _are_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not Place.parse(text).commune for text in value):
            raise ValueError("a place begins with the code of its commune")
        return value

    @property
    def places(self) -> tuple[Place, ...]:
        """`covers` as places."""
        return tuple(Place.parse(text) for text in self.covers)


class SeverityLevels(Strict):
    """Which disaster risk level a severity counts as, where the sender names none. Ours, not the law's."""

    extreme: Level = 4
    severe: Level = 3
    moderate: Level = 2
    minor: Level = 1

    def of(self, severity: Severity) -> int:
        """The level; 0: unknown."""
        return int(getattr(self, severity.value.lower(), 0))


class CapSettings(Strict):
    """Intake of alerts by the Common Alerting Protocol 1.2."""

    senders: tuple[Sender, ...] = Field(default=(), max_length=200)
    feeds: tuple[FeedSettings, ...] = Field(default=(), max_length=20)
    geocodes: tuple[Geocode, ...] = Field(default=(), max_length=20_000)
    commune_codes: tuple[str, ...] = Field(
        default=("commune", "GSO", "DVHC", "VN-DVHC"),
        max_length=20,
        description="valueNames of geocodes whose value is a commune's official code",
    )
    level_names: tuple[str, ...] = Field(
        default=("RiskLevel", "DisasterRiskLevel", "CapDoRuiRo", "cap-do-rui-ro"),
        max_length=20,
        description="valueNames of parameters in which a sender states the disaster risk level; capitals do not count",
    )
    levels: SeverityLevels = SeverityLevels()
    siren_from: Level = Field(default=3, description="From this level on: siren, at once, repeated; below: read once")
    repeat_minutes: float = Field(default=30, ge=1, le=1440, description="An alert repeats at most so long")
    repeat_every_s: float = Field(default=30, ge=1, le=3600, description="Silence between two repetitions")
    life_hours: float = Field(default=12, ge=0.1, le=168, description="Of an alert that does not say when it ends")
    keep: int = Field(default=5000, ge=100, description="Alerts; beyond, the oldest that are over are forgotten")

    @model_validator(mode="after")
    def _fits(self) -> "CapSettings":
        feeds = {feed.name: feed for feed in self.feeds}
        if len(feeds) < len(self.feeds):
            raise ValueError("two feeds of one name")
        if len({sender.id for sender in self.senders}) < len(self.senders):
            raise ValueError("two senders of one id")
        for sender in self.senders:
            for name in sender.feeds:
                if name not in feeds:
                    raise ValueError(f"{sender.id}: there is no feed {name}")
                if not feeds[name].is_private:
                    raise ValueError(f"{sender.id}: the feed {name} cannot vouch for it: its url must be https")
        return self

    def sender(self, id_: str) -> Sender | None:
        """Who that is, if the commune knows them."""
        return next((sender for sender in self.senders if sender.id == id_), None)

    def under(self, folder: Path) -> "CapSettings":
        """The same with relative paths made absolute, from `folder`."""
        return self.model_copy(update={"senders": tuple(sender.under(folder) for sender in self.senders)})


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

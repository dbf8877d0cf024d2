"""What a CAP 1.2 message says (OASIS Common Alerting Protocol Version 1.2, 1 July 2010, section 3.2)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
DEFAULT_LANGUAGE = "en-US"
"""Of an `info` that names none (section 3.2.2)."""


class Status(StrEnum):
    """How a message is meant to be handled."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """What a message is."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """For whom."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """What kind of event."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    """What people should do."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


class Urgency(StrEnum):
    """When to act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How bad it is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure they are; declared from the surest on."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"

    def at_least(self, other: "Certainty") -> bool:
        """Whether it is as sure as the other, or surer; what is unknown never is."""
        order = list(Certainty)
        return self is not Certainty.UNKNOWN and order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message that this one is about."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class Value:
    """A name and its value: an event code, a parameter, a geocode."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Circle:
    """Centre in degrees (WGS 84), radius in km."""

    latitude: float
    longitude: float
    radius_km: float


Points = tuple[tuple[float, float], ...]
"""Latitude and longitude in degrees (WGS 84), the first again at the end."""


@dataclass(frozen=True, slots=True)
class Area:
    """A place: all its polygons, circles and geocodes together."""

    description: str
    polygons: tuple[Points, ...] = ()
    circles: tuple[Circle, ...] = ()
    geocodes: tuple[Value, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether it says more than a name."""
        return bool(self.polygons or self.circles or self.geocodes)


@dataclass(frozen=True, slots=True)
class Resource:
    """A file beside the words; it is shown, never fetched."""

    description: str
    mime_type: str
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Info:
    """What is told in one language."""

    event: str
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    language: str = DEFAULT_LANGUAGE
    categories: tuple[Category, ...] = ()
    responses: tuple[ResponseType, ...] = ()
    event_codes: tuple[Value, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    contact: str = ""
    parameters: tuple[Value, ...] = ()
    areas: tuple[Area, ...] = ()
    resources: tuple[Resource, ...] = ()

    def speaks(self, language: str) -> bool:
        """Whether it is in this language, whatever the country."""
        return self.language.casefold().partition("-")[0] == language

    @property
    def is_all_clear(self) -> bool:
        """Whether it says that the danger is over."""
        return ResponseType.ALL_CLEAR in self.responses


@dataclass(frozen=True, slots=True)
class Alert:
    """A whole message. `notes`: keys of what is not as the standard has it and was taken all the same."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MsgType
    scope: Scope
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: tuple[str, ...] = ()
    infos: tuple[Info, ...] = ()
    notes: tuple[str, ...] = ()
    signed: bool = False
    """Whether it carries a signature; whether that holds is another question."""

    @property
    def key(self) -> tuple[str, str, datetime]:
        """What tells it from all others (section 3.2.1, `references`)."""
        return self.sender, self.identifier, self.sent

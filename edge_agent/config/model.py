"""What a node's YAML may say. Descriptions become the JSON Schema and docs/reference/config.md."""

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.broadcast import Broadcast, Loudness
from edge_agent.config.broker import Broker
from edge_agent.config.cameras import CameraEntry, Video
from edge_agent.config.rules import Rule
from edge_agent.config.section import Location, Secret, Section
from edge_agent.config.sensing import Cabinet, Sensor
from edge_agent.config.switching import LINE_PATTERN, GroupEntry, Light, Switch
from edge_agent.config.timetable import Calendar, NamedProgramme
from edge_agent.contract.base import Name
from edge_agent.contract.reports import Position
from edge_agent.contract.sentences import Language
from edge_agent.contract.topics import RESERVED
from tts.model import VoiceSettings

HUB_PATTERN = r"^https?://[^\s/:@]+(:\d{1,5})?(/[^\s@]*)?$"
KEY_PATTERN = r"^[A-Za-z0-9_-]{43}$"
TIME_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError("config.timezone", "there is no time zone {name}", {"name": value[:60]}) from error
    return value


class Node(Section):
    """Who this node is."""

    commune: Name = Field(description="Administrative code of the commune", examples=["26734"])
    name: Name = Field(description="Unique in the whole system", examples=["thon-dong-1"])
    title: str = Field(min_length=1, max_length=100, description="As people call it", examples=["Cụm loa thôn Đông"])
    zone: str | None = Field(default=None, description="Residential area that it belongs to")
    position: Position = Field(description="Where it stands (WGS 84); sunrise and sunset are computed from it")
    timezone: Annotated[str, AfterValidator(_timezone)] = "Asia/Ho_Chi_Minh"
    language: Language = Field(default="vi", description="Language of what the node writes to its log and terminal")

    @field_validator("name")
    @classmethod
    def _not_everybody(cls, value: str) -> str:
        if value in RESERVED:
            raise PydanticCustomError("config.node_all", "a node cannot be called {name}", {"name": value})
        return value


class Storage(Section):
    """Where the node keeps what must survive a power cut."""

    path: Location = Field(default=Path("/var/lib/edge-agent"), description="Folder of database, sounds and recordings")
    records: int = Field(default=200_000, ge=1_000, le=5_000_000, description="Events and telemetry kept at most")
    media_bytes: int = Field(
        default=1_000_000_000, ge=10_000_000, description="Sounds kept at most; what is planned is never thrown out"
    )


class Hub(Section):
    """The hub's media store, to which pictures and sounds are sent."""

    url: str = Field(pattern=HUB_PATTERN, description="Base address", examples=["http://10.0.0.2:8080"])
    token: Secret = Field(description="This node's upload token")
    ca: Location | None = Field(default=None, description="Certificate authority for https; absent: the system's")


class IdentitySettings(Section):
    """A certificate of the node's own, granted by the hub for a one-time token and renewed by itself.

    Broker, hub and command keys then come with it and need not be named.
    """

    folder: Location = Field(
        default=Path("/var/lib/edge-agent/identity"), description="Key and certificates, for the agent's account alone"
    )


class CommandKey(Section):
    """A hub's public key; only commands that it signed are carried out."""

    id: str = Field(min_length=1, max_length=64, description="Key id, as the hub names it")
    public: str = Field(pattern=KEY_PATTERN, description="Ed25519 public key, base64url")


class ClockSettings(Section):
    """When to believe the clock."""

    trust: Literal["kernel", "assume"] = Field(
        default="kernel", description="kernel: when NTP or a battery clock set it; assume: as it is (for a desk)"
    )


class Driver(BaseModel):
    """A piece of hardware. The keys besides id and driver are the driver's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: Name
    driver: str = Field(description="Name of a driver", examples=["simulated-relay", "rpi-gpio-relay"])

    def settings(self) -> dict[str, Any]:
        """What the driver itself gets to read."""
        return dict(self.__pydantic_extra__ or {})


class Amplifier(Section):
    """The relay of an amplifier: on only around sound, so that an idle speaker cannot hiss."""

    line: str = Field(pattern=LINE_PATTERN, description="driver id / line", examples=["relays/2"])
    warm_up_s: float = Field(default=1.0, ge=0, le=30, description="On so long before the first sound")
    hold_s: float = Field(default=5.0, ge=0, le=600, description="On so long after the last sound")


class Speaker(Section):
    """A loudspeaker cluster."""

    id: Name
    name: str = Field(min_length=1, max_length=100)
    driver: Name = Field(description="Id of the driver that plays")
    zone: str | None = None
    languages: tuple[str, ...] = Field(
        default=("vi",), min_length=1, max_length=8, description="Spoken around it, in the order of broadcast (BCP 47)"
    )
    amplifier: Amplifier | None = Field(default=None, description="The relay that feeds it; absent: always on")
    microphone: Name | None = Field(default=None, description="Id of the driver that hears this speaker")
    self_test_at: str | None = Field(
        default=None, pattern=TIME_PATTERN, description="Local time of the daily self-test", examples=["10:15"]
    )
    delay_ms: float = Field(
        default=0, ge=0, le=2000, description="Heard so much later than its neighbours, for where people stand"
    )
    loudness: Loudness = Loudness()


class Telemetry(Section):
    """How often the node measures itself."""

    every_s: int = Field(default=60, ge=1, le=3600, description="Seconds between samples")


class Updates(Section):
    """Where new versions of the agent come from, and how fast they may come."""

    url: str | None = Field(
        default=None, pattern=HUB_PATTERN, description="Folder of signed updates; absent: the hub's own"
    )
    kilobytes_s: int = Field(default=200, ge=1, le=100_000, description="At most, of 1000 bytes a second")


class NodeConfig(Section):
    """The whole file."""

    node: Node
    storage: Storage = Storage()
    identity: IdentitySettings | None = Field(default=None, description="Absent: broker and command keys stand here")
    broker: Broker | None = Field(default=None, description="Required without identity")
    hub: Hub | None = None
    command_keys: tuple[CommandKey, ...] = Field(
        default=(), description="Hubs whose commands are carried out; required without identity"
    )
    clock: ClockSettings = ClockSettings()
    drivers: tuple[Driver, ...] = ()
    programmes: tuple[NamedProgramme, ...] = Field(default=(), max_length=200)
    calendars: tuple[Calendar, ...] = Field(default=(), max_length=100)
    lights: tuple[Light, ...] = Field(default=(), max_length=500)
    switches: tuple[Switch, ...] = Field(default=(), max_length=200, description="Pumps, valves, fans and the like")
    groups: tuple[GroupEntry, ...] = Field(default=(), max_length=100)
    sensors: tuple[Sensor, ...] = Field(default=(), max_length=500)
    cabinets: tuple[Cabinet, ...] = Field(default=(), max_length=20)
    rules: tuple[Rule, ...] = Field(default=(), max_length=100)
    speakers: tuple[Speaker, ...] = ()
    cameras: tuple[CameraEntry, ...] = Field(default=(), max_length=32)
    video: Video = Video()
    voice: VoiceSettings = VoiceSettings()
    broadcast: Broadcast = Broadcast()
    telemetry: Telemetry = Telemetry()
    updates: Updates = Updates()

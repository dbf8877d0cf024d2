"""What a node says about itself: status, about, and the state of each thing."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from edge_agent.contract.base import Instant, Name, Report
from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.capabilities import Capability, Group, SpokenVoice
from edge_agent.contract.errors import Fault, Said
from edge_agent.contract.health import DoctorState
from edge_agent.contract.sentences import Language
from edge_agent.contract.switched import CabinetState, LightState, RuleState, SensorState, SwitchState
from edge_agent.contract.thing import Thing
from edge_agent.contract.timetables import TimetableState


class ClockReport(Report):
    """Whether the node's clock can be believed."""

    trusted: bool
    source: str = Field(description="kernel, rtc, assumed or none")
    offset_ms: float | None = Field(default=None, description="As the kernel estimates it")
    error_ms: float | None = Field(default=None, description="Largest error as the kernel states it")
    uncertainty_ms: float | None = Field(
        default=None, description="As chrony reckons it: offset, root dispersion and half the root delay"
    )
    reference: str | None = Field(default=None, description="What chrony follows")


class Status(Report):
    """`status`: retained; the broker itself publishes it with online=false when the node is lost (last will)."""

    online: bool
    session: str = Field(description="New at every start of the agent")
    since: Instant = Field(description="Online since; in the last will: start of the connection that was lost")
    version: str
    clock: ClockReport | None = None
    fault: Fault | None = Field(default=None, description="The gravest thing that is wrong now")
    reason: Literal["stopped", "lost"] | None = Field(default=None, description="Only when offline")
    board: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{16}$",
        description="Which computer this is: the first 16 hex digits of SHA-256 over edge-board: and its serial number "
        "or machine id",
    )
    store: str | None = Field(
        default=None,
        max_length=64,
        description="Name of the node's store, new with each that begins empty: who plans for the node sends all again",
    )


class Position(Report):
    """WGS 84, degrees."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class About(Report):
    """`about`: retained; what the node has."""

    node: Name
    commune: Name
    name: str
    zone: str | None = None
    position: Position | None = None
    timezone: str
    language: Language
    version: str
    protocol: Literal[1] = 1
    voices: tuple[str, ...] = Field(default=(), description="In the order in which they are tried")
    speaks: tuple[SpokenVoice, ...] = Field(
        default=(), max_length=8, description="The same voices, by the ids that a text may name"
    )
    capabilities: tuple[Capability, ...] = ()
    groups: tuple[Group, ...] = Field(default=(), description="What can be switched together")


class SpeakerState(Thing):
    """A loudspeaker cluster."""

    kind: Literal["speaker"] = "speaker"
    actual: Literal["idle", "preparing", "playing"]
    volume: float = Field(default=100, ge=0, le=100)
    class_: BulletinClass | None = Field(default=None, alias="class", description="Of what is on air")
    queue: tuple[str, ...] = Field(default=(), description="Ids that wait for their turn, first to last")
    emergencies: tuple[str, ...] = Field(default=(), description="Ids that repeat until they are acknowledged")
    amplifier: bool | None = Field(default=None, description="Whether its relay is on; absent: it has none")
    heard: bool | None = Field(default=None, description="Whether the microphone heard what was played last")
    noise_db: float | None = Field(default=None, description="Of the surroundings, dB of full scale of the microphone")
    playing: str | None = Field(default=None, description="Id of the bulletin or command on air")
    title: str | None = None
    since: Instant | None = Field(default=None, description="First sample of what is on air")
    ends: Instant | None = Field(default=None, description="When it will have been heard to the end; absent: unknown")
    output: str | None = Field(default=None, description="Where the sound goes")
    voice: str | None = Field(default=None, description="The voice that spoke last")
    last_sound: str | None = Field(default=None, description="SHA-256 of the WAV that was played last, if kept")
    last_spoken: str | None = Field(default=None, description="The words that were spoken last")
    last_at: Instant | None = None


class VideoState(Report):
    """A stream of a camera as it arrives, measured over the last seconds."""

    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    kbit_s: float | None = Field(default=None, description="1000 bits a second")
    gop_s: float | None = Field(default=None, description="Seconds between key frames: what a power cut costs")
    last_frame: Instant | None = None
    reconnects: int = Field(default=0, description="Streams that broke since the node's start")


class CameraState(Thing):
    """A camera as its puller sees it."""

    kind: Literal["camera"] = "camera"
    actual: Literal["starting", "streaming", "retrying", "stopped"]
    recording: bool = False
    main: VideoState = VideoState()
    sub: VideoState | None = Field(default=None, description="Absent: nobody needs it now, or there is none")
    picture: Literal["good", "covered", "moved", "blurred", "dark", "frozen"] | None = Field(
        default=None, description="What the picture is like; absent: nobody looks for motion"
    )
    picture_since: Instant | None = None
    moving: bool | None = Field(default=None, description="Whether something moves now")
    watched: int = Field(default=0, ge=0, description="Live leases now")
    clock_error_s: float | None = Field(default=None, description="The camera's clock minus the node's")
    oldest: Instant | None = Field(default=None, description="Where the recording begins")
    days_left: float | None = Field(default=None, description="Days of video for which there is room, all in all")
    public: bool = Field(default=False, description="Everybody may see it live")


class DriverState(Thing):
    """A driver of the node."""

    kind: Literal["driver"] = "driver"
    actual: Literal["ok", "faulty", "disabled"]
    driver: str


class BulletinState(Thing):
    """A bulletin that this node knows."""

    kind: Literal["bulletin"] = "bulletin"
    actual: Literal["preparing", "ready", "on_air", "aired", "partly", "missed", "cancelled"]
    title: str
    class_: BulletinClass = Field(default="ordinary", alias="class")
    prepared: int | None = Field(default=None, description="Sounds that are ready on the node's own disk")
    needed: int | None = Field(default=None, description="Sounds that it takes")
    heard: bool | None = Field(default=None, description="Whether the microphone heard it last time")
    next: Instant | None = Field(default=None, description="Next instant on air")
    coming: tuple[Instant, ...] = Field(
        default=(), max_length=50, description="All instants on air of the next 7 days, first to last; at most 50"
    )
    last: Instant | None = Field(default=None, description="Last instant on air or missed")
    start_error_ms: float | None = None
    voice: str | None = None
    said: Said | None = Field(default=None, description="What is otherwise than was asked for: another voice says it")


AnyState = (
    LightState
    | SwitchState
    | SensorState
    | CabinetState
    | RuleState
    | SpeakerState
    | CameraState
    | DriverState
    | BulletinState
    | TimetableState
    | DoctorState
)
ThingState = Annotated[AnyState, Field(discriminator="kind")]
thing_state: TypeAdapter[AnyState] = TypeAdapter(ThingState)

"""Commands: what people and hubs ask a node to do, and what the node answers."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import Instant, JsonObject, Name, Readings, Report, Strict
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, Bulletin, BulletinClass
from edge_agent.contract.errors import Fault
from edge_agent.contract.health import ExamineNode
from edge_agent.contract.keys import UpdateKeys
from edge_agent.contract.updating import InstallUpdate
from edge_agent.contract.watching import CutClip, KeepRecording, ListRecordings, TakeSnapshot, WatchCamera

MAX_LIFE = timedelta(days=31)
"""A command that would live longer is refused: its id would have to be remembered too long."""


class Selector(Strict):
    """Which nodes a command to all is for; every list that is given must match. Empty: all nodes."""

    nodes: tuple[Name, ...] = ()
    zones: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = Field(default=(), description="Kinds that the node must have")


class SwitchOverride(Strict):
    """Set a switched thing, or all of a group, to a level until a time. Every override ends.

    The end is `until`, or `seconds` from now, or the `amount` by the thing's flow meter, whichever comes first; without
    any of them the next switch of its programme, 12 hours at most; what is no light runs 30 minutes at most.
    """

    do: Literal["switch.override"] = "switch.override"
    thing: Name = Field(description="A light, another switched thing, or a group; `lights`: all lights of the node")
    level: float = Field(ge=0, le=100, description="Per cent; on is 100")
    until: Instant | None = None
    seconds: float | None = Field(default=None, gt=0, le=24 * 3600, description="By the node's own reckoning of time")
    amount: float | None = Field(default=None, gt=0, le=1_000_000, description="Litres, by the thing's flow meter")

    @model_validator(mode="after")
    def _one_end(self) -> "SwitchOverride":
        if self.until is not None and self.seconds is not None:
            raise PydanticCustomError("invalid.two_ends", "give either until or seconds")
        return self


class SwitchRelease(Strict):
    """End an override: rules and the programme decide again."""

    do: Literal["switch.release"] = "switch.release"
    thing: Name = Field(description="A light, another switched thing, or a group; `lights`: all lights of the node")


class ResetInterlock(Strict):
    """Somebody has looked: an interlock that stays until then (dry running, a tripped run time) is let go."""

    do: Literal["switch.reset"] = "switch.reset"
    thing: Name


class ArmRule(Strict):
    """Let a rule act, or only say what it would do."""

    do: Literal["rule.arm"] = "rule.arm"
    rule: Name
    armed: bool


class Speak(Strict):
    """Speak a sentence now."""

    do: Literal["speak"] = "speak"
    text: str = Field(min_length=1, max_length=5000)
    readings: Readings = Field(default_factory=dict)
    strict_reading: bool = Field(
        default=False, description="Refuse while the text holds something that nobody said how to read"
    )
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")
    volume: float = Field(default=100, ge=0, le=100, description="Per cent of full scale")
    class_: BulletinClass = Field(
        default="priority", alias="class", description="emergency: a siren at once, and again until acknowledged"
    )
    authority: Name = DEFAULT_AUTHORITY
    at: Instant | None = Field(
        default=None, description="When it is heard, for nodes that shall begin together; absent or past: now"
    )


class StopSpeaker(Strict):
    """Silence a speaker now: what plays is cut short, what waits for its turn is dropped."""

    do: Literal["speaker.stop"] = "speaker.stop"
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")


class PlanBulletin(Strict):
    """Put a bulletin on the node's calendar, or replace the one with the same id."""

    do: Literal["bulletin.plan"] = "bulletin.plan"
    bulletin: Bulletin


class CancelBulletin(Strict):
    """Take a bulletin off the calendar."""

    do: Literal["bulletin.cancel"] = "bulletin.cancel"
    bulletin: Name


class AcknowledgeEmergency(Strict):
    """Somebody has heard: an emergency stops repeating once its words have been said to the end."""

    do: Literal["emergency.acknowledge"] = "emergency.acknowledge"
    emergency: str | None = Field(
        default=None, max_length=40, description="Id of the bulletin or of the command `speak`; absent: all of the node"
    )


class OrderBulletins(Strict):
    """A person's choice of what goes first where priority bulletins clash."""

    do: Literal["bulletin.order"] = "bulletin.order"
    bulletins: tuple[Name, ...] = Field(min_length=2, max_length=20, description="First to last")


class SetVolume(Strict):
    """Set the volume of a speaker, now and until changed; classes and hours still bound it."""

    do: Literal["speaker.volume"] = "speaker.volume"
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")
    volume: float = Field(ge=0, le=100, description="Per cent")


class TestSpeaker(Strict):
    """Play a short sweep at low volume and listen to it by the microphone."""

    do: Literal["speaker.test"] = "speaker.test"
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")
    calibrate: bool = Field(default=False, description="Keep the result as what this speaker sounds like when well")


class StartLive(Strict):
    """A person speaks now, on all nodes that get this command; frames come on the session's voice topic."""

    do: Literal["live.start"] = "live.start"
    session: Name
    title: str = Field(default="", max_length=200)
    epoch: Instant = Field(description="The instant of the first sample of the session (timestamp 0)")
    latency_ms: int = Field(default=450, ge=100, le=5000, description="A sample is heard so long after it was spoken")
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")
    volume: float = Field(default=100, ge=0, le=100, description="Per cent")
    class_: BulletinClass = Field(default="priority", alias="class")
    authority: Name = DEFAULT_AUTHORITY
    seconds: float = Field(default=1800, gt=0, le=4 * 3600, description="At most")
    key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="Ed25519 public key that signs the frames, base64url")


class StopLive(Strict):
    """End a live session."""

    do: Literal["live.stop"] = "live.stop"
    session: Name


class ResendRecords(Strict):
    """Send records again that the asker has not got."""

    do: Literal["outbox.resend"] = "outbox.resend"
    first: int = Field(ge=1)
    last: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> "ResendRecords":
        if self.last < self.first:
            raise PydanticCustomError("invalid.order", "last is before first")
        return self


class ConfirmRecords(Strict):
    """The centre has everything up to `through` for good: the node may forget it."""

    do: Literal["outbox.confirm"] = "outbox.confirm"
    through: int = Field(ge=0)


class ReportState(Strict):
    """Say about and state of everything again."""

    do: Literal["state.report"] = "state.report"


Args = Annotated[
    SwitchOverride
    | SwitchRelease
    | ResetInterlock
    | ArmRule
    | Speak
    | StopSpeaker
    | PlanBulletin
    | CancelBulletin
    | AcknowledgeEmergency
    | OrderBulletins
    | SetVolume
    | TestSpeaker
    | StartLive
    | StopLive
    | TakeSnapshot
    | WatchCamera
    | ListRecordings
    | CutClip
    | KeepRecording
    | ExamineNode
    | InstallUpdate
    | UpdateKeys
    | ResendRecords
    | ConfirmRecords
    | ReportState,
    Field(discriminator="do"),
]

KINDS: dict[str, type[Strict]] = {
    "switch.override": SwitchOverride,
    "switch.release": SwitchRelease,
    "switch.reset": ResetInterlock,
    "rule.arm": ArmRule,
    "speak": Speak,
    "speaker.stop": StopSpeaker,
    "bulletin.plan": PlanBulletin,
    "bulletin.cancel": CancelBulletin,
    "emergency.acknowledge": AcknowledgeEmergency,
    "bulletin.order": OrderBulletins,
    "speaker.volume": SetVolume,
    "speaker.test": TestSpeaker,
    "live.start": StartLive,
    "live.stop": StopLive,
    "camera.snapshot": TakeSnapshot,
    "camera.watch": WatchCamera,
    "camera.recordings": ListRecordings,
    "camera.clip": CutClip,
    "camera.keep": KeepRecording,
    "node.examine": ExamineNode,
    "update.install": InstallUpdate,
    "keys.update": UpdateKeys,
    "outbox.resend": ResendRecords,
    "outbox.confirm": ConfirmRecords,
    "state.report": ReportState,
}
UNRECORDED = frozenset(
    {"camera.snapshot", "camera.watch", "camera.recordings", "outbox.resend", "outbox.confirm", "state.report"}
)
"""Commands that change nothing in the world: repeating them harms nobody, so no id is written to disk for them."""


class Command(Strict):
    """The signed part of a command."""

    id: str = Field(pattern=r"^[0-9a-f-]{36}$", description="UUIDv7")
    to: str = Field(description="`{commune}/{node}` or `{commune}/all`: a signed command cannot be sent elsewhere")
    selector: Selector | None = None
    by: str = Field(min_length=1, max_length=100, description="Who asks, as the audit log names them")
    at: Instant
    expires: Instant
    args: Args

    @model_validator(mode="after")
    def _life(self) -> "Command":
        if self.expires <= self.at:
            raise PydanticCustomError("invalid.life", "expires is not after at")
        if self.expires - self.at > MAX_LIFE:
            raise PydanticCustomError("invalid.life_long", "expires more than 31 days after at")
        return self

    @property
    def do(self) -> str:
        """What is asked."""
        return self.args.do


command: TypeAdapter[Command] = TypeAdapter(Command)


class SignedCommand(Strict):
    """`cmd`: a command as JWS in flattened JSON (RFC 7515 section 7.2.2), Ed25519 (RFC 8037)."""

    payload: str = Field(description="base64url of the command's JSON")
    protected: str = Field(description='base64url of {"alg":"EdDSA","kid":...}')
    signature: str


class Ack(Report):
    """`ack`: accepted (on disk), then done, failed or rejected; always from what really happened."""

    id: str
    node: Name
    state: Literal["accepted", "done", "failed", "rejected"]
    at: Instant
    fault: Fault | None = None
    result: JsonObject | None = None
    repeat: bool = Field(default=False, description="The command had come before; this is its old answer")

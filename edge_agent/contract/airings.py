"""The proof of a broadcast: what one speaker of one node played, as event and as a row of the as-aired log."""

from typing import Literal

from pydantic import ConfigDict, Field

from edge_agent.contract.base import Instant, JsonObject, Report
from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.errors import Said


class Interruption(Report):
    """Something more urgent took the air."""

    at: Instant
    by: str = Field(description="Id of what interrupted")
    position_s: float = Field(description="Seconds of the bulletin that had been heard")
    then: Literal["resumed", "restarted", "dropped"]


class Airing(Report):
    """One bulletin, announcement or live session at one speaker. Event `aired`; times in microseconds."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    id: str = Field(description="Id of the bulletin, of the command `speak`, or of the live session")
    speaker: str
    title: str
    class_: BulletinClass = Field(alias="class")
    authority: str
    state: Literal["aired", "partly", "missed"]
    planned: Instant | None = Field(default=None, description="The instant that it was meant for")
    planned_us: int | None = Field(default=None, description="The same in microseconds since 1970")
    started_us: int | None = Field(default=None, description="First sample heard, microseconds since 1970")
    start_error_ms: float | None = None
    uncertainty_ms: float | None = Field(default=None, description="Of the system's clock and of the card's")
    seconds: float = Field(default=0, description="Heard in all, repetitions included")
    volume: float = Field(default=0, description="Per cent")
    voice: str | None = None
    said: Said | None = Field(default=None, description="What was otherwise than asked for: another voice said it")
    sha256: tuple[str, ...] = Field(default=(), description="Of the sounds that were played, in their order")
    output: str | None = None
    repetitions: int = 1
    interruptions: tuple[Interruption, ...] = ()
    heard: bool | None = Field(default=None, description="By the microphone; absent: nobody listened")
    heard_score: float | None = None
    code: str | None = Field(default=None, description="Why it was missed or cut short")
    params: dict[str, str | int | float] = Field(default_factory=dict, description="What fills the code's sentence")
    reason: str | None = Field(default=None, description="The same as a sentence")
    by: str | None = Field(default=None, description="Who asked")
    approved_by: str | None = None
    acknowledged_by: str | None = Field(default=None, description="Emergency: who said that it was heard")

    def data(self) -> JsonObject:
        """As the data of its event."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Hearing(Report):
    """`data` of an event `heard`: what the microphone said of an airing after the airing itself had been told."""

    id: str = Field(description="As in the airing")
    speaker: str
    started_us: int | None = Field(default=None, description="As in the airing; absent: the last one of this id")
    heard: bool
    heard_score: float | None = None


class Clash(Report):
    """`data` of an event `clash`: priority items want the air of one speaker together, and nobody has chosen."""

    speaker: str
    items: tuple[str, ...] = Field(description="Ids in the order in which they go unless a person chooses otherwise")
    titles: tuple[str, ...] = Field(default=(), description="In the same order")
    at: Instant = Field(description="When the first of them begins")

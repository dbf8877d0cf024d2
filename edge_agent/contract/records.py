"""Events and telemetry: what goes through the outbox, numbered without holes."""

from typing import Literal, get_args

from pydantic import Field

from edge_agent.contract.base import Instant, JsonObject, Name, Report

EventType = Literal[
    "started",
    "stopped",
    "link",
    "clock",
    "command",
    "switched",
    "override",
    "interlock",
    "rule",
    "bulletin",
    "aired",
    "heard",
    "clash",
    "emergency",
    "relay",
    "fault",
    "cleared",
    "tested",
    "examined",
    "installed",
    "updated",
    "motion",
    "watched",
    "clip",
    "recording",
    "gap",
    "store",
    "safe_mode",
]


_TYPES = list(get_args(EventType))


class Event(Report):
    """Something that happened."""

    seq: int = Field(ge=1, description="Number of the record; one sequence for events and telemetry of a node")
    at: Instant
    type: str = Field(
        description="What kind of event; readers must accept kinds that they do not know", examples=_TYPES
    )
    about: str | None = Field(default=None, description="kind/id of the thing", examples=["light/cong-thon"])
    data: JsonObject = Field(default_factory=dict)


class Sample(Report):
    """What was measured at one instant: name -> value; units stand in the reference."""

    seq: int = Field(ge=1)
    at: Instant
    values: dict[str, float]


class EventBatch(Report):
    """`event`: one record while all is well, more when a backlog is sent."""

    node: Name
    session: str
    records: tuple[Event, ...] = Field(min_length=1)


class TelemetryBatch(Report):
    """`telemetry`: the same for measurements."""

    node: Name
    session: str
    records: tuple[Sample, ...] = Field(min_length=1)


class GapData(Report):
    """`data` of a `gap` event: numbers that will never come, as closed ranges, and why."""

    ranges: tuple[tuple[int, int], ...]
    reason: Literal["outbox_full", "shelf_full", "database_lost", "disk_full"]
    sent: bool = Field(description="Whether they had been handed to the broker once")

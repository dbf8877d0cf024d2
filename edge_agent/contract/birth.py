"""The birth record: what was seen and measured when a box was accepted at its pole, and who says so."""

from typing import Literal

from pydantic import Field

from edge_agent.contract.base import Instant, Name, Report
from edge_agent.contract.reports import Position

MOST_STEPS = 1000
MOST_TEXT = 48_000
"""Letters of a record at most, pictures included: with its signature it has to fit into one message."""
StepKind = Literal["place", "speaker", "light", "switch", "camera", "link", "clock", "power"]
StepResult = Literal["ok", "faulty", "skipped"]


class Stage(Report):
    """One thing that was done in a step: what the box found, and what the person beside it saw or heard."""

    act: Literal["play", "on", "off", "picture", "measure"]
    at: Instant
    good: bool | None = Field(default=None, description="By the box's own measuring; absent: it cannot tell")
    seen: bool | None = Field(default=None, description="By the person; absent: nobody was asked")
    code: str | None = Field(default=None, max_length=60, description="Stable code of what is wrong")
    vi: str = Field(max_length=400, description="What the box found, as a sentence")
    en: str = Field(max_length=400)
    figures: dict[str, float] = Field(default_factory=dict, description="What was measured; units: docs/acceptance.md")


class Step(Report):
    """One step of the acceptance: the last time that it was done."""

    kind: StepKind
    id: Name | None = Field(default=None, description="Which speaker, light, switch or camera")
    name: str = Field(default="", max_length=100, description="As people call it")
    result: StepResult
    reason: str = Field(default="", max_length=300, description="Why it was skipped; empty: nobody came to it")
    tries: int = Field(default=1, ge=0, description="How often it was done")
    stages: tuple[Stage, ...] = Field(default=(), max_length=4)
    picture: str | None = Field(default=None, description="JPEG, base64; small")


class BirthRecord(Report):
    """Everything of one acceptance. It is signed as text: `SignedBirth.record`."""

    id: str = Field(pattern=r"^[0-9a-f-]{36}$", description="UUIDv7")
    commune: Name
    node: Name
    title: str = Field(max_length=100, description="The box, as people call it")
    installer: str = Field(min_length=1, max_length=100, description="Who stood beside it")
    position: Position
    position_by: Literal["phone", "hand", "configuration"] = Field(description="Who said where it stands")
    began: Instant
    ended: Instant
    version: str = Field(max_length=60, description="Of the agent")
    steps: tuple[Step, ...] = Field(max_length=MOST_STEPS)

    @property
    def faulty(self) -> int:
        """How many steps were not well."""
        return sum(step.result == "faulty" for step in self.steps)

    @property
    def skipped(self) -> int:
        """How many steps nobody did."""
        return sum(step.result == "skipped" for step in self.steps)


class SignedBirth(Report):
    """`data` of an `installed` event. Without identity a node cannot sign: then `jws` and `certificate` are absent."""

    record: str = Field(max_length=MOST_TEXT, description="A BirthRecord as JSON: these letters are what is signed")
    jws: str | None = Field(
        default=None, max_length=2000, description="Detached JWS (RFC 7515, appendix F), ES256, by the node's own key"
    )
    certificate: str | None = Field(default=None, max_length=8000, description="The node's certificate (PEM)")

    def read(self) -> BirthRecord:
        """The record. Raises ValidationError."""
        return BirthRecord.model_validate_json(self.record)

"""A bulletin as the commune knows it: from the first draft to what was heard of it."""

from enum import StrEnum

from pydantic import Field

from edge_agent.contract.base import Instant, JsonObject, Name, Strict
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, BulletinClass, Recurrence
from edge_agent.contract.segments import Version


class State(StrEnum):
    """Where a bulletin stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    DISTRIBUTED = "distributed"
    DONE = "done"
    CANCELLED = "cancelled"


class Content(Strict):
    """What is heard, and how urgent it is: what writing hands over to planning. One version for each language."""

    title: str = Field(min_length=1, max_length=200)
    class_: BulletinClass = Field(default="ordinary", alias="class")
    authority: Name = DEFAULT_AUTHORITY
    versions: tuple[Version, ...] = Field(min_length=1, max_length=8)


class Targets(Strict):
    """Where it is heard: places as grants write them (`26734`, `26734//thon-dong`, `26734/thon-dong-1`)."""

    places: tuple[str, ...] = Field(default=(), max_length=500)


class Schedule(Strict):
    """When it is heard."""

    at: Instant
    recurrence: Recurrence | None = None


class Step(Strict):
    """One thing that became of it. `by`: a person's id; `name`: theirs, as it was then."""

    at: Instant
    act: str = Field(max_length=60)
    by: str = Field(default="", max_length=100)
    name: str = Field(default="", max_length=100)
    word: str = Field(default="", max_length=2000)
    details: JsonObject = Field(default_factory=dict)


class HubBulletin(Strict):
    """A bulletin of the commune. `number` grows with every change: who changes it says which one they saw."""

    id: Name
    content: Content
    state: State = State.DRAFT
    targets: Targets = Targets()
    schedule: Schedule | None = None
    created_by: str = Field(max_length=100)
    created: Instant
    changed: Instant
    number: int = Field(default=1, ge=1)
    history: tuple[Step, ...] = Field(default=(), max_length=1000)

"""A bulletin as the commune knows it: from the first draft to what was heard of it."""

from enum import StrEnum

from pydantic import Field

from edge_agent.contract.base import Instant, JsonObject, Name, Strict
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, AfterInterruption, BulletinClass, Recurrence
from edge_agent.contract.segments import Segment, Text, Version


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
    after: AfterInterruption = "resume"
    versions: tuple[Version, ...] = Field(min_length=1, max_length=8)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Of all versions."""
        return tuple(segment for version in self.versions for segment in version.segments)

    @property
    def unrendered(self) -> tuple[Text, ...]:
        """Texts whose sound nobody has made yet, each once."""
        texts = [segment for segment in self.segments if isinstance(segment, Text) and segment.rendered is None]
        return tuple({text.model_dump_json(): text for text in texts}.values())


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


class Heard(Strict):
    """A sound that was made of a text at the hub. `plain`: the same voice before it was made clear for horns.

    `instead`: name of the voice that spoke, where another one was asked for.
    """

    seconds: float = Field(ge=0)
    plain: str = ""
    instead: str = Field(default="", max_length=80)


class Released(Strict):
    """What was let go on air: this, and nothing else, is on the nodes. `number`: of the bulletin then."""

    number: int = Field(ge=1)
    content: Content
    targets: Targets
    schedule: Schedule
    by: str = Field(default="", max_length=100)
    name: str = Field(max_length=100)
    at: Instant


class HubBulletin(Strict):
    """A bulletin of the commune. `number` grows with every change: who changes it says which one they saw.

    `state` is that of what stands here now; `released` is what nodes have, which may be an earlier text while a later
    one waits for approval. `sounds`: SHA-256 of each sound made here -> what is known of it. `silent`: the code of why
    no sound could be made.
    """

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
    released: Released | None = None
    sounds: dict[str, Heard] = Field(default_factory=dict)
    silent: str = Field(default="", max_length=200)

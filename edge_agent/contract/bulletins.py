"""Bulletins: what is to be said, and when."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from edge_agent.contract.base import Instant, Name, Readings, Strict
from edge_agent.contract.recurrence import checked

BulletinClass = Literal["ordinary", "priority", "emergency"]


class Recurrence(Strict):
    """A recurrence by RFC 5545: the rule in local time of the node, beginning with the bulletin's `at`."""

    rule: str = Field(max_length=500, examples=["FREQ=DAILY;INTERVAL=1", "FREQ=WEEKLY;BYDAY=MO,WE,FR"])
    except_: tuple[Instant, ...] = Field(default=(), alias="except", max_length=400, description="Instants left out")

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str) -> str:
        return checked(value)


class Bulletin(Strict):
    """Something to be spoken at an instant, once or again and again."""

    id: Name
    title: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=20_000)
    readings: Readings = Field(default_factory=dict)
    strict_reading: bool = Field(
        default=True,
        description="Refuse while the text holds something that nobody said how to read; an emergency never waits",
    )
    class_: BulletinClass = Field(default="ordinary", alias="class")
    at: Instant = Field(description="The first instant on air")
    recurrence: Recurrence | None = None
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")
    volume: float = Field(default=100, ge=0, le=100, description="Per cent")
    catch_up_s: int = Field(
        default=300, ge=0, le=86_400, description="After a power cut: still air when late by at most this"
    )

    @model_validator(mode="after")
    def _occurs(self) -> "Bulletin":
        if self.at.year < 2020 or self.at.year > 2100:
            raise ValueError("at is not within 2020..2100")
        return self

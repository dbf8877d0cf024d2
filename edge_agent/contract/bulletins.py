"""Bulletins: what is to be broadcast, when, how urgently, and by whose word."""

from datetime import date, timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import Instant, Name, Readings, Strict
from edge_agent.contract.recurrence import checked
from edge_agent.contract.segments import Segment, Text, Version

BulletinClass = Literal["ordinary", "priority", "emergency"]
"""`ordinary` waits its turn and keeps the lawful hours; `priority` interrupts it; `emergency` interrupts everything."""
AfterInterruption = Literal["resume", "restart", "drop"]
DEFAULT_AUTHORITY = "commune"


class LunarDays(Strict):
    """Days of the Vietnamese lunar calendar: mung 1, ram, a death anniversary, days before Tet."""

    days: tuple[int, ...] = Field(
        default=(), max_length=30, description="1..30; 30 is the last day also of a month of 29 days"
    )
    month: int | None = Field(default=None, ge=1, le=12, description="Absent: every month")
    leap: Literal["also", "only", "never"] | None = Field(
        default=None,
        description="What of the second month of the same number in a leap year; "
        "absent: `also` where every month is meant, `never` where one is",
    )
    before_tet: int | None = Field(default=None, ge=0, le=60, description="So many days before the first day of Tet")

    @model_validator(mode="after")
    def _one(self) -> "LunarDays":
        if bool(self.days) == (self.before_tet is not None):
            raise PydanticCustomError("invalid.days_or_tet", "give either days or before_tet")
        if any(not 1 <= day <= 30 for day in self.days):
            raise PydanticCustomError("invalid.days", "days are from 1 to 30")
        if self.before_tet is not None and self.month is not None:
            raise PydanticCustomError("invalid.before_tet", "before_tet has no month")
        return self

    @property
    def in_leap_months(self) -> Literal["also", "only", "never"]:
        """`leap`, or what it means when it is absent."""
        return self.leap or ("also" if self.month is None else "never")


class Change(Strict):
    """One instance of a recurrence that is different (RFC 5545: RECURRENCE-ID)."""

    planned: Instant = Field(description="When the recurrence would have put it")
    at: Instant = Field(description="When it is on air instead")
    text: str | None = Field(default=None, min_length=1, max_length=20_000, description="What is said instead")
    volume: float | None = Field(default=None, ge=0, le=100)


class Recurrence(Strict):
    """When a bulletin comes again: by RFC 5545 or by the lunar calendar, in local time of the node.

    The rule begins with the bulletin's `at`; lunar days take their time of day from it.
    """

    rule: str | None = Field(
        default=None, max_length=500, examples=["FREQ=DAILY;INTERVAL=1", "FREQ=WEEKLY;BYDAY=MO,WE,FR"]
    )
    lunar: LunarDays | None = None
    also: tuple[Instant, ...] = Field(default=(), max_length=400, description="Further instants (RFC 5545: RDATE)")
    except_: tuple[Instant, ...] = Field(default=(), alias="except", max_length=400, description="Instants left out")
    changes: tuple[Change, ...] = Field(default=(), max_length=100)
    valid_from: date | None = Field(default=None, description="No instance before this local day")
    valid_to: date | None = Field(default=None, description="No instance after this local day")

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str | None) -> str | None:
        return None if value is None else checked(value)

    @model_validator(mode="after")
    def _makes_sense(self) -> "Recurrence":
        if (self.rule is None) == (self.lunar is None):
            raise PydanticCustomError("invalid.rule_or_moon", "give either rule or lunar")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise PydanticCustomError("invalid.valid_to", "valid_to is before valid_from")
        if len({change.planned for change in self.changes}) < len(self.changes):
            raise PydanticCustomError("invalid.changes", "two changes of one instance")
        changed = (each for change in self.changes for each in (change.planned, change.at))
        if any(not 2000 <= moment.year <= 2199 for moment in (*self.also, *self.except_, *changed)):
            raise PydanticCustomError("invalid.instant", "an instant is not within 2000..2199")
        return self


class Approval(Strict):
    """Who let it go on air."""

    by: str = Field(min_length=1, max_length=100)
    at: Instant


class Bulletin(Strict):
    """Something to be broadcast at an instant, once or again and again.

    What is heard is either `text` alone, or `segments`, or one of `versions` for each language that is spoken there.
    """

    id: Name
    title: str = Field(min_length=1, max_length=200)
    text: str | None = Field(default=None, min_length=1, max_length=20_000)
    readings: Readings = Field(default_factory=dict)
    strict_reading: bool = Field(
        default=True,
        description="Refuse while the text holds something that nobody said how to read; an emergency never waits",
    )
    segments: tuple[Segment, ...] = Field(default=(), max_length=50)
    versions: tuple[Version, ...] = Field(default=(), max_length=8)
    class_: BulletinClass = Field(default="ordinary", alias="class")
    authority: Name = Field(
        default=DEFAULT_AUTHORITY, description="Whose word it is; the node's configuration ranks them"
    )
    after_interruption: AfterInterruption = Field(
        default="resume", description="What becomes of it when something more urgent took the air"
    )
    at: Instant = Field(description="The first instant on air")
    recurrence: Recurrence | None = None
    speaker: Name | None = Field(default=None, description="Absent: the node's first speaker")
    volume: float = Field(default=100, ge=0, le=100, description="Per cent")
    catch_up_s: int = Field(
        default=300, ge=0, le=86_400, description="After a power cut: still air when late by at most this"
    )
    repeat_every_s: float = Field(
        default=10, ge=1, le=3600, description="Emergency: silence between two repetitions, in seconds"
    )
    repeat_until: Instant | None = Field(
        default=None, description="Emergency: repeated until then, or until acknowledged; absent: one hour"
    )
    approval: Approval | None = None

    @model_validator(mode="after")
    def _occurs(self) -> "Bulletin":
        if self.at.year < 2020 or self.at.year > 2100:
            raise PydanticCustomError("invalid.year", "at is not within 2020..2100")
        if sum(map(bool, (self.text, self.segments, self.versions))) != 1:
            raise PydanticCustomError("invalid.content", "give exactly one of text, segments and versions")
        languages = [version.language for version in self.versions]
        if len(set(languages)) < len(languages):
            raise PydanticCustomError("invalid.languages", "two versions in one language")
        if self.repeat_until is not None and self.repeat_until - self.at > timedelta(days=1):
            raise PydanticCustomError("invalid.repeat_until", "repeat_until is more than a day after at")
        return self

    def parts(self, languages: tuple[str, ...] = ("vi",)) -> tuple[Segment, ...]:
        """What is heard where these languages are spoken, in their order; the first version where none matches."""
        if self.text is not None:
            return (Text(text=self.text, readings=self.readings),)
        if self.segments:
            return self.segments
        spoken = {version.language: version.segments for version in self.versions}
        chosen = [spoken[language] for language in languages if language in spoken]
        return tuple(part for version in chosen or [self.versions[0].segments] for part in version)

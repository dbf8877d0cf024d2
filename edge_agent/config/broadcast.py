"""The configuration of broadcasting: whose word counts more, lawful hours, loudness by class and hour."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.section import Section
from edge_agent.contract.base import Name
from edge_agent.contract.bulletins import BulletinClass

TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
END = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
"""A time at which something ends may be midnight."""
Time = Annotated[str, Field(pattern=TIME)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Preset = Literal["none", "two-sessions", "urban", "rural"]


class Window(Section):
    """When a session may be on air, in local time; `to` is not within it."""

    from_: Time = Field(alias="from", examples=["05:30"])
    to: Annotated[str, Field(pattern=END, examples=["06:30"])]

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if self.to <= self.from_:
            raise PydanticCustomError("config.window", "a window ends after it begins, on the same day")
        return self


class VolumeHours(Section):
    """No louder than this within these hours."""

    from_: Time = Field(alias="from")
    to: Time
    volume: float = Field(ge=0, le=100, description="Per cent")


class LawfulHours(Section):
    """When and how long may be broadcast. A preset, and what the commune restricts further; it cannot loosen it."""

    preset: Preset = Field(
        default="none",
        description="two-sessions: 60 min from 05:30 and 17:00; urban: 15 min, twice a day, Mon-Fri; rural: 45 min",
    )
    windows: tuple[Window, ...] = Field(default=(), max_length=12, description="Absent: those of the preset")
    minutes_per_session: float | None = Field(default=None, gt=0, le=24 * 60)
    sessions_per_day: int | None = Field(default=None, ge=0, le=24)
    weekdays: tuple[Weekday, ...] = Field(default=(), description="Absent: those of the preset")
    volume_hours: tuple[VolumeHours, ...] = Field(default=(), max_length=24)
    exempt: tuple[BulletinClass, ...] = Field(
        default=("priority",), description="Classes that may be on air at any hour; emergencies always may"
    )


class Loudness(Section):
    """How loud a speaker is."""

    volume: float = Field(default=100, ge=0, le=100, description="Per cent, of everything")
    ordinary: float = Field(default=100, ge=0, le=100, description="Per cent, of this class")
    priority: float = Field(default=100, ge=0, le=100)
    emergency: float = Field(default=100, ge=0, le=100, description="Hours and noise never lower it")
    hours: tuple[VolumeHours, ...] = Field(default=(), max_length=24, description="No louder than this then")
    follow_noise: bool = Field(default=False, description="Softer while the microphone hears quiet surroundings")
    quiet_db: float = Field(default=-60, ge=-120, le=0, description="Noise (dB of full scale) at which it is softest")
    loud_db: float = Field(default=-35, ge=-120, le=0, description="Noise at which it is as loud as it may")
    softest: float = Field(default=50, ge=1, le=100, description="Per cent left in quiet surroundings")


class Broadcast(Section):
    """Broadcasting."""

    authorities: tuple[Name, ...] = Field(
        default=("area", "commune", "province", "central"),
        min_length=1,
        max_length=20,
        description="Whose word counts more, lowest first",
    )
    hours: LawfulHours = LawfulHours()
    clash: Literal["authority-then-earlier", "authority-then-later"] = Field(
        default="authority-then-earlier",
        description="Which of two priority bulletins goes first when nobody has decided; it is reported",
    )
    resume_within_s: float = Field(
        default=3600, ge=0, le=86_400, description="What was interrupted longer ago than this is dropped"
    )
    gap_s: float = Field(default=0.5, ge=0, le=30, description="Silence between two bulletins that follow each other")

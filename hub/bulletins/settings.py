"""What the commune has decided: what must be approved and by whom, and at which hours may be broadcast."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge_agent.contract.base import Strict
from edge_agent.contract.bulletins import BulletinClass
from hub.people.rights import Person, Role

TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
END = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
"""A time at which something ends may be midnight."""
Time = Annotated[str, Field(pattern=TIME)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Preset = Literal["none", "two-sessions", "urban", "rural"]


class Approval(Strict):
    """Which bulletins somebody signs before they go on air."""

    required_for: tuple[BulletinClass, ...] = Field(
        default=("ordinary", "priority"), description="Classes that must be approved; the others go once handed in"
    )
    own_allowed: bool | tuple[Role, ...] = Field(
        default=False, description="Who may approve what they wrote themselves: nobody, everybody, or these roles"
    )

    def may_own(self, who: Person) -> bool:
        """Whether somebody may approve their own."""
        if isinstance(self.own_allowed, bool):
            return self.own_allowed
        return any(role in self.own_allowed for role in who.roles)


class Window(Strict):
    """When a session may be on air, in local time; `to` is not within it."""

    from_: Time = Field(alias="from", examples=["05:30"])
    to: Annotated[str, Field(pattern=END, examples=["06:30"])]

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if self.to <= self.from_:
            raise ValueError("a window ends after it begins, on the same day")
        return self


class Hours(Strict):
    """When and how long may be broadcast: as in the nodes' own configuration, which has the last word."""

    preset: Preset = Field(
        default="none",
        description="two-sessions: 60 min from 05:30 and 17:00; urban: 15 min, twice a day, Mon-Fri; rural: 45 min",
    )
    windows: tuple[Window, ...] = Field(default=(), max_length=12, description="Absent: those of the preset")
    minutes_per_session: float | None = Field(default=None, gt=0, le=24 * 60)
    sessions_per_day: int | None = Field(default=None, ge=0, le=24)
    weekdays: tuple[Weekday, ...] = Field(default=(), description="Absent: those of the preset")
    exempt: tuple[BulletinClass, ...] = Field(
        default=("priority",), description="Classes that may be on air at any hour; emergencies always may"
    )

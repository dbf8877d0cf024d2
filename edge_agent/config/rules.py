"""Rules on sensors: when this holds for so long, that thing runs, but not for longer than so, and then it rests."""

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.limit import Limit
from edge_agent.config.section import Section
from edge_agent.config.timetable import Level, Moment, Weekday
from edge_agent.contract.base import Name


class Condition(Limit):
    """A sensor beyond a limit for so long."""

    for_s: float = Field(default=0, ge=0, le=24 * 3600, description="Must last so long before it counts")


class Hours(Section):
    """Only then, in local time; `to` before `from` is over midnight."""

    from_: Moment = Field(alias="from", examples=["05:00"])
    to: Moment = Field(examples=["sunset"])


class Rule(Section):
    """When all (or any) of the conditions hold, or at fixed moments, a thing is set to a level."""

    id: Name
    name: str = Field(min_length=1, max_length=100, description="As people call it")
    thing: Name = Field(description="What it switches")
    level: Level = 100
    all_of: tuple[Condition, ...] = Field(default=(), max_length=10)
    any_of: tuple[Condition, ...] = Field(default=(), max_length=10)
    at: tuple[Moment, ...] = Field(
        default=(), max_length=24, description="Begins then, if the conditions hold or are none"
    )
    weekdays: tuple[Weekday, ...] = Field(default=(), description="Only on these; absent: every day")
    hours: Hours | None = None
    minimum_s: float = Field(default=0, ge=0, le=24 * 3600, description="Acts at least so long")
    maximum_s: float = Field(gt=0, le=24 * 3600, description="Acts at most so long: nothing runs for ever")
    rest_s: float = Field(default=0, ge=0, le=24 * 3600, description="Then it rests so long")
    litres: float | None = Field(
        default=None, gt=0, description="Ends when so much has flowed, by the thing's flow meter"
    )
    armed: bool = Field(default=False, description="False: it only says what it would do")

    @model_validator(mode="after")
    def _makes_sense(self) -> "Rule":
        if not (self.all_of or self.any_of or self.at):
            raise PydanticCustomError("config.rule_empty", "a rule needs all_of, any_of or at")
        if self.minimum_s > self.maximum_s:
            raise PydanticCustomError("config.rule_times", "minimum_s cannot be more than maximum_s")
        return self

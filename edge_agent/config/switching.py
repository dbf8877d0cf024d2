"""What is switched: lights, pumps and the like, their feedback, limits and interlocks, and groups of them."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.limit import Limit
from edge_agent.config.section import Section
from edge_agent.config.timetable import Level, ProgrammeOrId
from edge_agent.contract.base import Name
from edge_agent.contract.switched import Use

LINE_PATTERN = r"^[a-z0-9-]+/[A-Za-z0-9_-]+$"
Line = Annotated[str, Field(pattern=LINE_PATTERN, description="driver id / line", examples=["relays/1"])]
Confirm = Annotated[float, Field(ge=0, le=3600, description="Seconds for which it must last to be told")]


class Feedback(Section):
    """How is known what a thing really does. Each is the id of a sensor."""

    contact: Name | None = Field(default=None, description="Auxiliary contact of its contactor: 1 while pulled in")
    breaker: Name | None = Field(default=None, description="Contact of its circuit breaker: 1 while it is good")
    hand: Name | None = Field(default=None, description="Contact of a hand switch at the cabinet: 1 while by hand")
    current: Name | None = Field(default=None, description="Current (A)")
    power: Name | None = Field(default=None, description="Power (W)")
    energy: Name | None = Field(default=None, description="A meter that counts only this thing (kWh)")
    flow: Name | None = Field(default=None, description="A flow meter that counts litres")
    on_above: float = Field(default=0.05, ge=0, description="It is on above this current (A), or power (W) without one")
    tolerance: float = Field(default=0.3, gt=0, le=1, description="Of the rated power, before it is too high or low")
    confirm_s: float = Field(default=10, ge=0, le=3600, description="Seconds that a fault lasts before it is told")
    clear_s: float = Field(default=30, ge=0, le=3600, description="Seconds that all is well before it is cleared")


class Block(Limit):
    """A reason not to run, by a sensor: no water, a full tank, an open door."""

    for_s: float = Field(
        default=0, ge=0, le=3600, description="After it has lasted so long; what is off is kept off at once"
    )
    while_on: bool = Field(default=False, description="Looks only while the thing runs: dry running by its flow")
    retry_s: float = Field(
        default=600, ge=10, le=24 * 3600, description="With while_on: how long it stays off before the next try"
    )
    stays: bool = Field(default=False, description="Stays until somebody resets it")
    unknown: bool = Field(default=True, description="Blocks too while the sensor says nothing")
    name: str = Field(default="", max_length=100, description="As people call the reason", examples=["Bể cạn nước"])


class Limits(Section):
    """What protects lamps, contactors and pumps. Seconds."""

    minimum_on_s: float = Field(default=0, ge=0, le=3600, description="Stays on at least; an interlock may end it")
    minimum_off_s: float = Field(default=0, ge=0, le=3600, description="Stays off at least: a lamp's restrike time")
    maximum_run_s: float | None = Field(default=None, gt=0, le=24 * 3600, description="Then it rests")
    rest_s: float = Field(
        default=0, ge=0, le=24 * 3600, description="After the longest run; 0: until somebody resets it"
    )


class SwitchedEntry(Section):
    """What lights and other switched things have in common."""

    id: Name
    name: str = Field(min_length=1, max_length=100, description="As people call it")
    line: Line
    dimmable: bool = Field(default=False, description="Whether its line takes levels between 0 and 100")
    programme: ProgrammeOrId | None = Field(default=None, description="A programme, or the id of one")
    calendar: Name | None = Field(default=None, description="Id of a calendar, instead of a programme")
    default: Level = Field(default=0, description="Level without programme, per cent")
    fail_safe: Level = Field(default=0, description="Level while the clock is not trusted, per cent")
    rated_w: float | None = Field(default=None, gt=0, le=1_000_000, description="Watts at 100 %, of all lamps together")
    feedback: Feedback = Feedback()
    limits: Limits = Limits()
    blocks: tuple[Block, ...] = Field(default=(), max_length=20, description="Interlocks by sensors")
    zone: str | None = None

    @field_validator("default", "fail_safe")
    @classmethod
    def _on_or_off(cls, value: float, info: ValidationInfo) -> float:
        if value not in (0, 100) and not info.data.get("dimmable"):
            raise PydanticCustomError("config.not_dimmable", "only 0 or 100, since it is not dimmable")
        return value

    @model_validator(mode="after")
    def _one_plan(self) -> "SwitchedEntry":
        if self.programme is not None and self.calendar is not None:
            raise PydanticCustomError("config.two_plans", "give either programme or calendar")
        return self


class Light(SwitchedEntry):
    """A lamp or a row of lamps behind one line."""

    fail_safe: Level = Field(default=100, description="Level while the clock is not trusted, per cent")


class Switch(SwitchedEntry):
    """A pump, valve, fan, mist nozzle, feeder ... behind one line."""

    use: Use = "other"


class GroupEntry(Section):
    """Things that are switched together, one after the other."""

    id: Name
    name: str = Field(min_length=1, max_length=100, description="As people call it")
    members: tuple[Name, ...] = Field(min_length=1, max_length=500, description="Switched things and other groups")
    gap_s: float = Field(
        default=0.3, ge=0, le=60, description="Seconds between two that switch on: ballasts trip a breaker together"
    )

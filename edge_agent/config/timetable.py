"""When things are on: programmes and the calendars that choose among them.

TALQ's ControlProgram (active periods by the sun or by the clock) and Calendar (ordered rules, noon to noon).
"""

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from edge_agent.config.section import Section
from edge_agent.contract.base import NAME_PATTERN, Name
from edge_agent.contract.bulletins import LunarDays

MOMENT = re.compile(r"^(sunset|sunrise|dusk|dawn)([+-]\d{1,3}m)?$|^([01]\d|2[0-3]):([0-5]\d)$")
_DAY = re.compile(r"^(?:20\d\d-|21\d\d-)?\d\d-\d\d$")
_LEAP_YEAR = "2028-"

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _moment(value: str) -> str:
    if not MOMENT.match(value):
        raise PydanticCustomError("config.moment", "must be sunset or sunrise with minutes, or a time")
    return value


def _day(value: str) -> str:
    try:
        if _DAY.match(value):
            date.fromisoformat(value if len(value) == 10 else _LEAP_YEAR + value)
            return value
    except ValueError:  # 31 April
        pass
    raise PydanticCustomError("config.day", "must be a day as 2027-02-06, or 02-06 for every year")


Moment = Annotated[str, AfterValidator(_moment)]
"""sunset, sunrise, dusk, dawn (civil: the sun 6 degrees below) with minutes before or after, or HH:MM."""
Day = Annotated[str, AfterValidator(_day)]
"""YYYY-MM-DD, or MM-DD of every year."""
Level = Annotated[float, Field(ge=0, le=100, description="Per cent")]


class Step(Section):
    """From a moment within a period on: another level."""

    at: Moment = Field(examples=["22:00"])
    level: Level
    ramp_s: float = Field(default=0, ge=0, le=3600, description="Seconds in which the level is reached")


class Photocell(Section):
    """Lit earlier or longer than the sun's times say, when it is dark (TALQ: AstroAndSensorActivePeriod)."""

    sensor: Name = Field(description="Id of a sensor: illuminance, or a contact that is 1 in the dark")
    on_below: float = Field(default=30, description="Dark below this, in the sensor's unit; of a contact: 1 is dark")
    off_above: float = Field(default=60, description="Light above this")
    before_min: int = Field(default=60, ge=0, le=720, description="So many minutes before `on` it may be lit already")
    after_min: int = Field(default=60, ge=0, le=720, description="So many minutes after `off` it may still be lit")

    @model_validator(mode="after")
    def _hysteresis(self) -> "Photocell":
        if self.off_above <= self.on_below:
            raise PydanticCustomError("config.hysteresis", "on_below must be less than off_above")
        return self


class Period(Section):
    """On from one moment to another, with steps within."""

    on: Moment = Field(default="sunset", examples=["sunset-15m"])
    off: Moment = Field(default="sunrise", examples=["sunrise+10m", "22:30"])
    level: Level = 100
    ramp_s: float = Field(default=0, ge=0, le=3600, description="Seconds in which the level is reached")
    steps: tuple[Step, ...] = Field(default=(), max_length=24, description="Half-night and dimming; outside: no effect")
    photocell: Photocell | None = None


class Programme(Period):
    """What happens in one day; a period of its own, or several `periods`. Outside of them the level is 0.

    A day begins at noon, so that a night is not cut in two: 04:30 is of the morning after. With `begins: midnight` it
    begins at 00:00, for pumps and fans.
    """

    periods: tuple[Period, ...] = Field(default=(), max_length=24, description="Instead of on, off, level and steps")
    begins: Literal["noon", "midnight"] = "noon"

    @model_validator(mode="after")
    def _one_way(self) -> "Programme":
        if self.periods and self.model_fields_set & set(Period.model_fields):
            raise PydanticCustomError("config.periods", "give either periods or on and off")
        return self

    @property
    def parts(self) -> tuple[Period, ...]:
        """Its periods."""
        return self.periods or (self,)


class _OrItsId:
    """Takes a text for the id of a programme, and tells mistakes inside a programme at their own place."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_programme_or_id, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": NAME_PATTERN}]}


def _programme_or_id(value: Any, handler: Callable[[Any], Programme]) -> Programme | str:
    if not isinstance(value, str):
        return handler(value)
    if not re.match(NAME_PATTERN, value):
        raise PydanticCustomError("config.programme_id", "must be the id of a programme")
    return value


if TYPE_CHECKING:
    ProgrammeOrId = Programme | str
else:
    ProgrammeOrId = Annotated[Programme, _OrItsId()]


class NamedProgramme(Programme):
    """A programme that lights and calendars share."""

    id: Name


class CalendarRule(Section):
    """When it matches a day, its programme is that of the day. All that is given must match; the first rule wins."""

    programme: Name | Literal["off"] = Field(description="Id of a programme, or off")
    dates: tuple[Day, ...] = Field(default=(), max_length=400)
    from_: Day | None = Field(default=None, alias="from", description="With `to`: a span, both days within")
    to: Day | None = None
    weekdays: tuple[Weekday, ...] = ()
    occurrences: tuple[Literal[1, 2, 3, 4, 5, "last"], ...] = Field(
        default=(), description="Which of those weekdays of the month: 1..5 or last"
    )
    lunar: LunarDays | None = Field(default=None, description="Days of the lunar calendar")
    tet: tuple[int, int] | None = Field(
        default=None, description="Days before and after the first day of Tet, both within", examples=[[7, 5]]
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "CalendarRule":
        if (self.from_ is None) != (self.to is None):
            raise PydanticCustomError("config.span", "from and to belong together")
        if (
            self.from_
            and self.to
            and (len(self.from_) != len(self.to) or (len(self.to) == 10 and self.to < self.from_))
        ):
            raise PydanticCustomError(
                "config.span_order", "from and to must both be of a year or of every year, in order"
            )
        if self.occurrences and not self.weekdays:
            raise PydanticCustomError("config.occurrences", "occurrences needs weekdays")
        if self.tet is not None and not all(0 <= days <= 60 for days in self.tet):
            raise PydanticCustomError("config.tet", "days before and after Tet are from 0 to 60")
        return self


class Calendar(Section):
    """Which programme applies on which day: ordered rules with exceptions first, and what applies otherwise."""

    id: Name
    rules: tuple[CalendarRule, ...] = Field(default=(), max_length=200)
    otherwise: Name | Literal["off"] = Field(description="Programme of all other days: a calendar has no holes")

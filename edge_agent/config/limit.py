"""A sensor and the limit beyond which something counts: what conditions of rules and interlocks have in common."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.config.section import Section
from edge_agent.contract.base import Name


class Limit(Section):
    """A sensor beyond a limit, with hysteresis."""

    sensor: Name
    above: float | None = Field(default=None, description="Counts above this; of a contact: 0.5")
    below: float | None = Field(default=None, description="Counts below this")
    ends: float | None = Field(default=None, description="And no longer only when it is back at this (hysteresis)")

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise PydanticCustomError("config.one_side", "give either above or below")
        if self.ends is not None and (
            (self.above is not None and self.ends > self.above) or (self.below is not None and self.ends < self.below)
        ):
            raise PydanticCustomError("config.hysteresis", "ends must lie on the good side of the limit")
        return self

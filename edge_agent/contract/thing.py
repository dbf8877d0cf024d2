"""What the states of all things have."""

from pydantic import ConfigDict, Field

from edge_agent.contract.base import Instant, Name, Report
from edge_agent.contract.errors import Fault


class Thing(Report):
    """What the states of all things have."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    id: Name
    at: Instant = Field(description="When this state was true")
    fault: Fault | None = None

"""What the commune has decided about the page of residents."""

from pydantic import Field

from edge_agent.contract.base import Strict


class Residents(Strict):
    """`/xa`, the page that everybody may open, and how long is kept what people send by it."""

    public: bool = Field(default=False, description="Whether there is a page for everybody at /xa")
    reports_per_day: int = Field(default=200, ge=1, le=10_000, description="Of all residents together")
    private_days: int = Field(default=90, ge=1, le=3650, description="Photos and phone numbers are deleted after this")
    keep_days: int = Field(default=730, ge=1, le=3650, description="Reports are deleted after this")

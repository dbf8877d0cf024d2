"""What the commune has decided about the page of residents."""

from pydantic import Field

from edge_agent.contract.base import Strict


class OpenCommune(Strict):
    """A commune of a hub that has several, as residents know it."""

    name: str = Field(min_length=1, max_length=100, description="Such as Xã Tân Hội")
    hosts: tuple[str, ...] = Field(
        default=(), max_length=10, description="Names by which its residents reach the hub; also to be in listen.names"
    )


class Residents(Strict):
    """`/xa`, the page that everybody may open, and how long is kept what people send by it."""

    public: bool = Field(default=False, description="Whether there is a page for everybody at /xa")
    communes: dict[str, OpenCommune] = Field(
        default_factory=dict, description="Official code -> name, where this hub has nodes in several communes"
    )
    reports_per_day: int = Field(default=200, ge=1, le=10_000, description="Of all residents together")
    private_days: int = Field(default=90, ge=1, le=3650, description="Photos and phone numbers are deleted after this")
    keep_days: int = Field(default=730, ge=1, le=3650, description="Reports are deleted after this")

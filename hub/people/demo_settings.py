"""The section `demo` of the hub's configuration."""

from pydantic import Field

from edge_agent.contract.base import Strict
from hub.people.rights import Role


class DemoPerson(Strict):
    """Somebody whom everybody may be."""

    login: str = Field(min_length=2, max_length=60)
    name: str = Field(min_length=2, max_length=100)
    role: Role
    place: str = Field(default="", max_length=200, description="``, commune, commune//area or commune/node")


class Demo(Strict):
    """People without passwords: `/demo` offers them. Only where nobody but this machine reaches the console."""

    people: tuple[DemoPerson, ...] = Field(min_length=1, max_length=20)
    hours: str = Field(default="", max_length=200, description="When may be broadcast, as `/demo` tells it")

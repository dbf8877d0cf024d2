"""What the relay drivers share: names of lines and their description as capabilities."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from drivers.contract import Capability, DriverFault

LineId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Line(BaseModel):
    """One line of a relay board."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        default=None, title="Name", description="What people call this line; its id when left out."
    )


def describe(lines: Mapping[str, Line]) -> list[Capability]:
    """Return one capability of kind "relay" for each line, in the order of the configuration."""
    return [Capability(id=line, name=entry.name or line, kind="relay") for line, entry in lines.items()]


def require(line: str, lines: Mapping[str, Line]) -> None:
    """Raise DriverFault `driver.unknown_line` unless the line is configured."""
    if line not in lines:
        raise DriverFault("driver.unknown_line", f"there is no line {line!r}; known are: {', '.join(lines) or 'none'}")

"""What the agent asks the installer for, by a file in its inbox."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.store.files import write_atomically
from edge_agent.update.bundle import VERSION_PATTERN

WANTED = "wanted.json"


class Wanted(BaseModel):
    """`wanted.json`: what the agent asks the installer for."""

    model_config = ConfigDict(extra="ignore")

    version: str = Field(pattern=VERSION_PATTERN)
    by: str = Field(default="", max_length=100)


def wish(inbox: Path, version: str, by: str) -> None:
    """Leave word for the installer; systemd starts it when the file appears. Raises OSError."""
    write_atomically(inbox / WANTED, Wanted(version=version, by=by).model_dump_json().encode())

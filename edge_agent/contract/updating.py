"""The command that asks a node for another version of itself."""

from typing import Literal

from pydantic import Field

from edge_agent.contract.base import Strict


class InstallUpdate(Strict):
    """Fetch a version of the agent and install it. Done means fetched and handed to the installer of the node; what
    became of it is told by the event `updated`, and by the version in `status`.
    """

    do: Literal["update.install"] = "update.install"
    version: str = Field(pattern=r"^\d{1,6}(\.\d{1,6}){1,3}$", examples=["0.2.0"])

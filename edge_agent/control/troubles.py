"""Troubles in the order of their gravity, and what is new or gone among them."""

from collections.abc import Iterator, Sequence
from typing import Literal

from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import Trouble


def news(
    before: Sequence[Trouble], after: Sequence[Trouble]
) -> Iterator[tuple[Literal["fault", "cleared"], JsonObject]]:
    """Events (type, data) that tell the difference; `code` in the data is TALQ's name, `since` when it began."""
    raise NotImplementedError

"""What the endpoints of cameras have in common."""

from typing import Annotated

from fastapi import Path

from edge_agent.contract.base import NAME_PATTERN, Instant
from hub.api.errors import refused
from hub.api.parts import Parts, found
from hub.node import Node
from hub.people.door import at_node
from hub.people.rights import Right

WATCH = at_node(Right.WATCH)
BASE = "/nodes/{commune}/{node}/cameras/{camera}"

Camera = Annotated[str, Path(pattern=NAME_PATTERN)]


def has(hub: Parts, commune: str, node: str, camera: str) -> Node:
    """The node, if it has this camera. Raises ApiError."""
    known = found(hub, commune, node)
    things = {c.id for c in (known.about.capabilities if known.about else ()) if c.kind == "camera"}
    if camera not in things and ("camera", camera) not in known.states:
        raise refused(404, "page.not_found", "path.camera")
    return known


def likely(at: Instant, where: str) -> None:
    """Within the years of this hub. Raises ApiError."""
    if not 2020 <= at.year <= 2100:
        raise refused(422, "camera.lookback_bad_time", where)

"""Looking live through the node's cameras: who may for how long, and what the way to the broker can carry."""

from edge_agent.watching.sender import Uplink
from edge_agent.watching.service import Source, WatchService

__all__ = ["Source", "Uplink", "WatchService"]

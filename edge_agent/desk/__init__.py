"""The command desk: verifies, refuses, acts at most once, answers from what really happened."""

from edge_agent.desk.act import Act, Handler
from edge_agent.desk.desk import Desk

__all__ = ["Act", "Desk", "Handler"]

"""Tries everything a node needs, one after the other, and says what is wrong and what to do."""

from edge_agent.doctor.examine import examine
from edge_agent.doctor.finding import Finding

__all__ = ["Finding", "examine"]

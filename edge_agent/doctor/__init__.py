"""Tries everything a node needs, one after the other, and says what is wrong and what to do."""

from edge_agent.doctor.examine import Finding, examine

__all__ = ["Finding", "examine"]

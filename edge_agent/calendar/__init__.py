"""When bulletins are due, in wall time and by the lunar calendar, and when the law lets them be heard. Pure."""

from edge_agent.calendar.occurrences import Occurrence, between, next_after, occurrences

__all__ = ["Occurrence", "between", "next_after", "occurrences"]

"""When bulletins are due, in wall time and by the lunar calendar, and when the law lets them be heard. Pure."""

from edge_agent.calendar.hours import Aired, Verdict, max_volume, permit
from edge_agent.calendar.occurrences import Occurrence, between, next_after, occurrences
from edge_agent.calendar.plan import Violation, check_all, check_plan, estimate_s
from edge_agent.calendar.policy import Policy, policy_of

__all__ = [
    "Aired",
    "Occurrence",
    "Policy",
    "Verdict",
    "Violation",
    "between",
    "check_all",
    "check_plan",
    "estimate_s",
    "max_volume",
    "next_after",
    "occurrences",
    "permit",
    "policy_of",
]

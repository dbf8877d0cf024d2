"""Time, passed in everywhere: the system's clock, and one that tests and rehearsals move by hand."""

from edge_agent.clock.base import Alarms, Clock
from edge_agent.clock.simulated import SimulatedClock
from edge_agent.clock.system import SystemClock

__all__ = ["Alarms", "Clock", "SimulatedClock", "SystemClock"]

"""Whether it is dark, by a photocell that wavers between two limits."""

from edge_agent.config.sensing import Sensor, SensorKind
from edge_agent.config.timetable import Photocell

CONTACTS: frozenset[SensorKind] = frozenset({"photocell", "contact"})
"""Sensors that say 1 in the dark, and 0 in the light."""


class Darkness:
    """Dark below one limit, light above another, and between them what it was before."""

    def __init__(self, photocell: Photocell, sensor: Sensor) -> None:
        self._contact = sensor.kind in CONTACTS
        self._photocell = photocell
        self._dark: bool | None = None

    def look(self, value: float | None) -> bool | None:
        """Whether it is dark now; None while the sensor says nothing, which counts as light at its return."""
        if value is None:
            self._dark = None
        elif self._contact:
            self._dark = value >= 0.5
        elif value < self._photocell.on_below:
            self._dark = True
        elif value > self._photocell.off_above or self._dark is None:
            self._dark = False
        return self._dark

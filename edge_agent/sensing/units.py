"""Units of what is reckoned with: watts, amperes, kilowatt hours, litres. Drivers say others; here they are turned."""

from edge_agent.config.sensing import UNITS, Sensor

_FACTORS: dict[tuple[str, str], float] = {
    ("W", "kW"): 1000,
    ("W", "mW"): 0.001,
    ("A", "mA"): 0.001,
    ("kW.h", "kWh"): 1,
    ("kW.h", "W.h"): 0.001,
    ("kW.h", "Wh"): 0.001,
    ("kW.h", "MW.h"): 1000,
    ("L/min", "L/h"): 1 / 60,
    ("L/min", "L/s"): 60,
    ("L/min", "m3/h"): 1000 / 60,
    ("L", "m3"): 1000,
    ("L", "l"): 1,
    ("L/min", "l/min"): 1,
}


def resolved(sensor: Sensor, said: str | None) -> tuple[str, float]:
    """The unit that a sensor's value is in, and what its driver's value is multiplied with; `said`: by the driver.

    Whoever set scale or unit knows what the driver says: then nothing is turned.
    """
    wanted = UNITS.get(sensor.kind)
    if sensor.unit is not None or sensor.scale != 1:
        return sensor.unit or wanted or said or "1", 1.0
    if wanted is None or said is None:
        return wanted or said or "1", 1.0
    return wanted, _FACTORS.get((wanted, said), 1.0)

"""Sun and air of a simulated cabinet: simple curves of the day.

Not meteorology: light follows a sine from sunrise to sunset and fades e-fold every 6 minutes beyond, so that a
photocell at 30 lx changes a quarter of an hour after sunset; the air is coldest and moistest at 5 hours, warmest and
driest at 14 hours.
"""

import math
from datetime import datetime, time
from zoneinfo import ZoneInfo

from drivers.simulated.config import SimulatedCabinetConfig

DARK_LUX = 30.0
_HORIZON_LUX, _NIGHT_LUX, _FADE_MIN = 400.0, 0.1, 6.0
_COLDEST_H, _WARMEST_H = 5.0, 14.0


def hour_of(config: SimulatedCabinetConfig, now: datetime) -> float:
    """Local hour of the day, 0..24."""
    local = now.astimezone(ZoneInfo(config.timezone))
    return local.hour + local.minute / 60 + (local.second + local.microsecond / 1e6) / 3600


def lux(config: SimulatedCabinetConfig, hour: float) -> float:
    """Light (lx) at an hour of the day."""
    rise, set_ = _hours(config.sunrise), _hours(config.sunset)
    if rise <= hour <= set_:
        height = math.sin(math.pi * (hour - rise) / (set_ - rise))
        return _HORIZON_LUX + config.noon_lux * math.pow(max(0.0, height), 1.5)
    beyond_h = min((hour - set_) % 24, (rise - hour) % 24)
    return _NIGHT_LUX + _HORIZON_LUX * math.exp(-beyond_h * 60 / _FADE_MIN)


def warmth(hour: float) -> float:
    """0 at the coldest hour, 1 at the warmest, smooth between."""
    rising = _WARMEST_H - _COLDEST_H
    since = (hour - _COLDEST_H) % 24
    part = since / rising if since <= rising else 1 - (since - rising) / (24 - rising)
    return (1 - math.cos(math.pi * part)) / 2


def between(limits: tuple[float, float], part: float) -> float:
    """A value between two, by a part of 0..1."""
    return limits[0] + (limits[1] - limits[0]) * part


def _hours(at: time) -> float:
    return at.hour + at.minute / 60 + at.second / 3600

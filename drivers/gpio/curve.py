"""From a level that people mean to the width of pulses, and back."""

from typing import Literal

Curve = Literal["linear", "perceived"]
_KNEE, _SLOPE = 8.0, 903.3
"""CIE 15:2004, lightness L* of a luminance Y: L* = 903.3 Y up to L* = 8, above it L* = 116 Y^(1/3) - 16."""


def width_of(level: float, curve: Curve, minimum: float) -> float:
    """Width of the pulses in per cent for a level of 0..100; `minimum` is the width at which it begins to light."""
    if level <= 0:
        return 0.0
    if level >= 100:
        return 100.0
    return minimum + (100 - minimum) * (_luminance(level) if curve == "perceived" else level / 100)


def level_of(width: float, curve: Curve, minimum: float) -> float:
    """The level of 0..100 of which `width_of` makes this width."""
    if width <= 0:
        return 0.0
    if width >= 100:
        return 100.0
    share = max(0.0, (width - minimum) / (100 - minimum))
    return min(100.0, _lightness(share) if curve == "perceived" else share * 100)


def _luminance(lightness: float) -> float:
    return float(lightness / _SLOPE if lightness <= _KNEE else ((lightness + 16) / 116) ** 3)


def _lightness(luminance: float) -> float:
    return float(luminance * _SLOPE if luminance * _SLOPE <= _KNEE else 116 * luminance ** (1 / 3) - 16)

"""Every number of the enhancement that was searched for, in one place (`bench/tune_voice.py` searches)."""

from dataclasses import dataclass, fields
from typing import Any

from tts.enhance.settings import EnhancementSettings

EQ_HZ = (250.0, 500.0, 900.0, 1500.0, 2400.0, 3500.0, 5000.0, 7500.0)


@dataclass(frozen=True, slots=True)
class Tuning:
    """One way to treat speech. The defaults leave it as it is.

    Factors of `law.GainLaw`: `b_` for the loudness of the moment, `d_` for the distance of each band from it; `up` and
    `down` for quick changes, `mid` for those of syllables, `slow` for the rest; `_slope` adds so much two octaves above
    1.4 kHz and takes it away two below. `b_curve` bends loudness, `d_fine` sharpens the spectrum between neighbours.
    """

    eq: tuple[float, ...] = (0.0,) * 8  # dB at EQ_HZ
    low: float = 0.7  # low cut, against the horn's band
    horn: float = 0.4  # part of the horn's ups and downs that is levelled out
    tau_m: float = 0.012  # seconds
    tau_s: float = 0.4
    b_up: float = 1.0
    b_down: float = 1.0
    b_mid: float = 1.0
    b_slow: float = 1.0
    b_curve: float = 0.0
    d_up: float = 1.0
    d_down: float = 1.0
    d_mid: float = 1.0
    d_slow: float = 1.0
    d_fine: float = 0.0
    d_fast_slope: float = 0.0
    d_mid_slope: float = 0.0
    d_slow_slope: float = 0.0
    energy: float = 0.0  # 0: loudness is levelled by the mean of the bands in dB; 1: by their energy
    w_tilt: float = 0.0  # which bands count for loudness: more than 0, the high ones
    floor: float = -60.0  # dB against the speech; softer than that is taken for the recording's noise
    gate: float = -45.0  # dB; below it the gain falls again
    most: float = 30.0  # dB, largest gain of loudness
    drive: float = 0.0  # dB into the rails
    over: float = 0.5  # dB above the rails that are left to the clip
    knee: float = 8.0  # sharpness of the clip
    ahead: int = 1  # frames of 4 ms looked ahead
    keep: bool = False  # keep the level that came in


QUIET_PEAK = Tuning(drive=8.0)
QUIET_POWER = Tuning(keep=True)
STORM_PEAK = Tuning(
    eq=(0.307, -7.76, -6.43, -3.44, -1.48, -0.329, -6.75, 0.505),
    low=0.476,
    horn=0.513,
    tau_m=0.00412,
    tau_s=0.294,
    b_up=0.879,
    b_down=0.128,
    b_mid=0.169,
    b_slow=0.0664,
    b_curve=-0.25,
    d_up=1.35,
    d_down=1.42,
    d_mid=0.897,
    d_slow=0.234,
    d_fine=-0.137,
    d_fast_slope=-0.219,
    d_mid_slope=-0.356,
    d_slow_slope=0.22,
    energy=0.497,
    w_tilt=-0.766,
    floor=-38.6,
    gate=-51.5,
    most=34.0,
    drive=10.3,
    over=5.65,
    knee=10.7,
)
STORM_POWER = Tuning(
    eq=(-5.53, -3.43, -3.55, 2.91, -0.518, 2.84, -7.89, -9.04),
    low=0.725,
    horn=0.292,
    tau_m=0.0128,
    tau_s=0.196,
    b_up=0.169,
    b_down=0.666,
    b_mid=0.217,
    b_slow=0.0355,
    b_curve=-0.19,
    d_up=0.685,
    d_down=0.933,
    d_mid=0.941,
    d_slow=0.185,
    d_fine=-0.178,
    d_fast_slope=-0.568,
    d_mid_slope=-0.541,
    d_slow_slope=0.155,
    energy=0.6,
    w_tilt=-1.18,
    floor=-32.0,
    gate=-40.4,
    most=21.7,
    drive=0.0,
    over=0.5,
    knee=8.0,
    keep=True,
)


def tuning_for(settings: EnhancementSettings) -> Tuning:
    """Return the tuning for a limit and a noise, in between what is right in quiet and in a storm."""
    quiet, storm = (QUIET_PEAK, STORM_PEAK) if settings.limit == "peak" else (QUIET_POWER, STORM_POWER)
    return between(quiet, storm, settings.strength())


def between(quiet: Tuning, storm: Tuning, strength: float) -> Tuning:
    """Return `quiet` for 0, `storm` for 1, and straight lines between."""

    def line(a: float, b: float) -> float:
        return a + strength * (b - a)

    values: dict[str, Any] = {}
    for field in fields(Tuning):
        a, b = getattr(quiet, field.name), getattr(storm, field.name)
        if field.name == "eq":
            values[field.name] = tuple(line(x, y) for x, y in zip(a, b, strict=True))
        else:
            values[field.name] = line(a, b) if isinstance(a, float) else b
    return Tuning(**values)

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
    over: float = 0.5  # dB above the rails that are left to the clip; less than 0: so far below they stay
    knee: float = 8.0  # sharpness of the clip
    ahead: int = 1  # frames of 4 ms looked ahead
    learned: float = 0.0  # part of the learned correction that is added; it wants two frames ahead
    keep: bool = False  # keep the level that came in


QUIET_PEAK = Tuning(low=0.2, gate=-70.0, drive=4.0, over=0.0, knee=20.0)
QUIET_POWER = Tuning(low=0.2, gate=-70.0, keep=True)
STORM_PEAK = Tuning(
    eq=(0.333, -4.95, -2.87, -0.693, 0.459, 2.39, -6.4, 2.13),
    low=0.538,
    horn=0.0217,
    tau_m=0.00481,
    tau_s=0.272,
    b_up=1.53,
    b_down=0.487,
    b_mid=0.0737,
    b_slow=0.201,
    b_curve=0.174,
    d_up=1.3,
    d_down=1.46,
    d_mid=0.915,
    d_slow=0.0025,
    d_fine=-0.0955,
    d_fast_slope=-0.27,
    d_mid_slope=-0.708,
    d_slow_slope=0.148,
    energy=0.582,
    w_tilt=-1.14,
    floor=-28.2,
    gate=-50.6,
    most=32.8,
    drive=12.9,
    over=3.31,
    knee=20.3,
)
STORM_POWER = Tuning(
    eq=(-2.57, -3.83, 1.3, 3.74, 2.76, 4.41, -6.51, -15.8),
    low=0.739,
    horn=0.222,
    tau_m=0.0122,
    tau_s=0.145,
    b_up=0.0984,
    b_down=0.4,
    b_mid=0.338,
    b_slow=0.0,
    b_curve=-0.281,
    d_up=0.539,
    d_down=1.29,
    d_mid=1.01,
    d_slow=0.332,
    d_fine=-0.114,
    d_fast_slope=-0.736,
    d_mid_slope=-0.595,
    d_slow_slope=-0.103,
    energy=0.658,
    w_tilt=-1.4,
    floor=-30.0,
    gate=-44.1,
    most=21.0,
    drive=0.0,
    over=-1.0,  # shaped peaks reach the rails in loud recordings: the gain before the clip takes all of them
    knee=33.0,
    ahead=2,
    learned=1.0,
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

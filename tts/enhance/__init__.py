"""Speech made clear for a horn in noise: `enhance` for whole samples, `Enhancer` for a stream. Knows nothing of voices.

Importing this package is light: numpy and YAML come with the first `Enhancer`, or the first profile.
"""

from typing import TYPE_CHECKING, Any

from tts.enhance.settings import ENHANCE_VERSION, EnhancementSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tts.enhance.horn import Horn, load_horn
    from tts.enhance.stream import Enhancer

_HOMES = {"Enhancer": "tts.enhance.stream", "Horn": "tts.enhance.horn", "load_horn": "tts.enhance.horn"}

__all__ = ["ENHANCE_VERSION", "EnhancementSettings", "Enhancer", "Horn", "enhance", "load_horn"]


def enhance(samples: "NDArray[np.float32]", rate: int, settings: EnhancementSettings) -> "NDArray[np.float32]":
    """Return mono `samples`, float32 (n,), full scale 1.0, made clear; same length, not shifted.

    What is no number counts as silence.

    Raises:
        SpeechError: as `Enhancer`.
        TypeError: `samples` are no floating-point numbers, or `rate` is no whole number.
        ValueError: `samples` have channels, or as `Enhancer`.
    """
    import numpy as np

    from tts.enhance.stream import Enhancer

    samples = np.asarray(samples)
    if samples.dtype.kind != "f":
        raise TypeError(f"samples must be floating-point with full scale 1.0, not {samples.dtype}")
    if samples.ndim != 1:
        raise ValueError(f"samples must be mono, of shape (n,), not {samples.shape}; mix the channels first")
    enhancer = Enhancer(rate, settings)
    return np.concatenate((enhancer.process(samples), enhancer.flush()))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

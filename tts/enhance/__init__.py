"""Speech made clear for a horn in noise: `enhance` for whole samples, `Enhancer` for a stream. Knows nothing of voices.

Importing this package is light; numpy is loaded with the first `Enhancer`.
"""

from typing import TYPE_CHECKING, Any

from tts.enhance.horn import Horn, load_horn
from tts.enhance.settings import ENHANCE_VERSION, EnhancementSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tts.enhance.stream import Enhancer

__all__ = ["ENHANCE_VERSION", "EnhancementSettings", "Enhancer", "Horn", "enhance", "load_horn"]


def enhance(samples: "NDArray[np.float32]", rate: int, settings: EnhancementSettings) -> "NDArray[np.float32]":
    """Return mono `samples`, float32 (n,), full scale 1.0, made clear; same length, not shifted.

    Raises:
        SpeechError: as `Enhancer`.
    """
    import numpy as np

    from tts.enhance.stream import Enhancer

    enhancer = Enhancer(rate, settings)
    return np.concatenate((enhancer.process(samples), enhancer.flush()))


def __getattr__(name: str) -> Any:
    if name == "Enhancer":
        from tts.enhance.stream import Enhancer

        return Enhancer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

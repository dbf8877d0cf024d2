"""The last steps of an announcement: enhancement for the horn, loudness, limiter. Streaming, file to file."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tts import audio
from tts.enhance.settings import ENHANCE_VERSION, EnhancementSettings

if TYPE_CHECKING:
    from tts.loudness import Samples

PLAIN_LUFS = -18.0
"""Of speech that is not enhanced: what a listener with headphones or a small loudspeaker is used to."""


def finish(source: Path, target: Path, enhancement: EnhancementSettings | None) -> None:
    """Write the joined sentences of `source` (our WAV format) to `target`, enhanced (None: not) and levelled.

    Speech that cannot reach its loudness without damage gets as loud as it can.

    Raises:
        SpeechError: `speech.horn`, the horn's profile is unusable.
        OSError: a file cannot be read or written.
    """
    from tts import loudness

    shaped = source if enhancement is None else target.with_suffix(".shaped.wav")
    if enhancement is not None:
        _shape(source, shaped, enhancement)
    level = loudness.plan(lambda: _floats(shaped), audio.RATE, target_lufs(enhancement))
    audio.write(target, (_integers(block) for block in loudness.apply(_floats(shaped), audio.RATE, level)))
    if shaped is not source:
        shaped.unlink()


def target_lufs(enhancement: EnhancementSettings | None) -> float:
    """Return the loudness of finished speech: what every voice measured reaches with its peaks at -1 dBTP.

    Enhanced for the amplifier's rails, speech of espeak-ng (three voices) has -15.5 to -12.7 LUFS in the quiet, -10.7
    to -9.3 in the street, -8.7 to -6.9 in the storm; the target is the softest of each, for all items alike.
    """
    if enhancement is None or enhancement.limit == "power":
        return PLAIN_LUFS
    return -15.5 + 7.0 * enhancement.strength()


def maker(enhancement: EnhancementSettings | None) -> tuple[object, ...]:
    """Return what of this module shapes the sound: a part of the cache key."""
    if enhancement is None:
        return "plain", PLAIN_LUFS
    horn = Path(enhancement.horn)
    profile = horn.read_text(encoding="utf-8") if horn.suffix in {".yaml", ".yml"} and horn.is_file() else ""
    return ENHANCE_VERSION, enhancement.model_dump(), profile, target_lufs(enhancement)


def _shape(source: Path, target: Path, enhancement: EnhancementSettings) -> None:
    from tts.enhance import Enhancer

    enhancer = Enhancer(audio.RATE, enhancement)

    def shaped() -> "Iterator[Samples]":
        for block in _floats(source):
            yield enhancer.process(block)
        yield enhancer.flush()

    audio.write(target, (_integers(block) for block in shaped()))


def _floats(path: Path) -> "Iterator[Samples]":
    import numpy as np

    with wave.open(str(path), "rb") as file:
        while data := file.readframes(audio.RATE * 5):
            yield np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)


def _integers(block: "Samples") -> "audio.Samples":
    import numpy as np

    return np.rint(np.clip(block, -1, 1) * 32767).astype(np.int16)

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
    if enhancement is None:
        level(source, target, None)
        return
    shaped = target.with_suffix(".shaped.wav")
    _shape(source, shaped, enhancement)
    level(shaped, target, enhancement)
    shaped.unlink()


def level(source: Path, target: Path, enhancement: EnhancementSettings | None) -> None:
    """Write `source` (our WAV format) to `target` as loud as finished speech is, otherwise as it is: music, chimes.

    Raises:
        SpeechError, OSError: as `finish`.
    """
    from tts import loudness

    how = loudness.plan(lambda: _floats(source), audio.RATE, target_lufs(enhancement))
    finished = _cooled(loudness.apply(_floats(source), audio.RATE, how), enhancement)
    audio.write(target, (_integers(block) for block in finished))


def target_lufs(enhancement: EnhancementSettings | None) -> float:
    """Return the loudness of finished speech: what every voice and sentence measured reaches with peaks at -1 dBTP.

    Enhanced for the amplifier's rails, the softest short sentence of three voices of espeak-ng (the ones that
    `tests/tts/test_tts_finish.py` levels) has -16.5 LUFS in the quiet and -9.1 in the storm.
    """
    if enhancement is None or enhancement.limit == "power":
        return PLAIN_LUFS
    return -16.5 + 7.2 * enhancement.strength()


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


def _cooled(blocks: "Iterator[Samples]", enhancement: EnhancementSettings | None) -> "Iterator[Samples]":
    """The last word is the driver's: the levelling may have raised what was turned down to keep it cool."""
    if enhancement is None:
        yield from blocks
        return
    from tts.enhance.horn import load_horn
    from tts.enhance.thermal import Guard

    guard = Guard(audio.RATE, load_horn(enhancement.horn))
    for block in blocks:
        yield guard.process(block)


def _floats(path: Path) -> "Iterator[Samples]":
    import numpy as np

    with wave.open(str(path), "rb") as file:
        while data := file.readframes(audio.RATE * 5):
            yield np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)


def _integers(block: "Samples") -> "audio.Samples":
    import numpy as np

    return np.rint(np.clip(block, -1, 1) * 32767).astype(np.int16)

"""What a broadcast needs besides speech: recordings, music, chimes, words over music; each as loud as speech.

Everything ends as a 48 kHz mono 16-bit WAV, whole or not at all. Streaming: hours need no more memory than a minute.
numpy and PyAV are imported where they are used: importing this module costs nothing.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts import audio, finish
from tts.decode import Decoder
from tts.enhance.settings import EnhancementSettings
from tts.errors import AudioError
from tts.files import draft, sha256_of
from tts.recording import clean_recording

if TYPE_CHECKING:
    from tts.limiter import Limiter
    from tts.programme.mix import Bed, Placed
    from tts.programme.sound import Samples

SOUNDS_VERSION = 1
"""Part of the keys under which others keep these sounds: raise it when the same input gives other bytes."""
LONGEST_S = 4 * 3600.0

_SILENT = 10 ** (-65 / 20)
LEAD_S, FADE_S = 1.5, 1.5
"""Music is alone so long before the words and after them, and fades in and out within that."""
ALONE_LU, UNDER_LU = 4.0, 14.0
_MOST_RAISED_DB = 20.0

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A finished sound: SHA-256 (hex) and seconds of its file; `warnings` as those of `tts.recording.Recording`."""

    sha256: str
    seconds: float
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return asdict(self)


def treat(source: Path, target: Path, clean: bool, enhancement: EnhancementSettings | None, tell: Tell) -> Made:
    """Write a stranger's recording to `target`: `clean` for a voice (made clear like speech), else as it is, levelled.

    `tell` gets the seconds of the recording once they are known, before the long part of the work.

    Raises:
        AudioError: no sound file, empty, damaged, silent, or longer than `LONGEST_S`.
        SpeechError: as `finish.finish`.
        OSError: `source` cannot be read or `target` not be written.
    """
    warnings: tuple[str, ...] = ()
    with draft(target, needed=(source,)) as out, _work(target) as work:
        straight = work / "straight.wav"
        if clean:
            tell(_seconds(source))
            warnings = clean_recording(source, straight, LONGEST_S).warnings
            finish.finish(straight, out, enhancement)
        else:
            tell(_straight(source, straight))
            finish.level(straight, out, enhancement)
    return _made(target, warnings)


def signal(name: str, target: Path, enhancement: EnhancementSettings | None) -> Made:
    """Write a chime of `tts.programme.chimes` to `target`.

    Raises:
        KeyError: there is no such chime.
        SpeechError, OSError: as `finish.level`.
    """
    from tts.programme import sound
    from tts.programme.chimes import chime

    with draft(target) as out, _work(target) as work:
        sound.write(work / "straight.wav", [chime(name)])
        finish.level(work / "straight.wav", out, enhancement)
    return _made(target)


def over_music(words: Path, music: Path, target: Path, tell: Tell) -> Made:
    """Write finished speech (our WAV format) over music that begins before it, makes way for it, and ends after it.

    Music that is too short goes on from its beginning, without a seam.

    Raises:
        AudioError: the music, as `treat`.
        OSError: a file cannot be read or written.
    """
    from tts import loudness
    from tts.limiter import Limiter
    from tts.programme import mix, sound

    with draft(target, needed=(words, music)) as out, _work(target) as work:
        straight, looped = work / "straight.wav", work / "looped.wav"
        lead, count = round(LEAD_S * audio.RATE), sound.length(words)
        total = lead + count + lead
        tell(2 * total / audio.RATE)
        _straight(music, straight, most=total)
        sound.write(looped, sound.seamless(straight))
        over = loudness.measure(sound.blocks(looped), audio.RATE).integrated()
        over -= loudness.measure(sound.blocks(words), audio.RATE).integrated()
        bed = _bed(looped, total, max(over, -_MOST_RAISED_DB))
        sound.write(out, _limited(mix.Placed(words, lead, count), bed, total, Limiter(audio.RATE)))
    return _made(target)


def _bed(path: Path, total: int, over_lu: float) -> "Bed":
    """Music as loud over the words as `over_lu`, brought to where it belongs."""
    from tts.programme.mix import Bed

    fade = round(FADE_S * audio.RATE)
    return Bed(path, 0, total, fade, fade, ALONE_LU + over_lu, UNDER_LU + over_lu)


def _limited(words: "Placed", bed: "Bed", total: int, limiter: "Limiter") -> "Iterator[Samples]":
    from tts.programme.mix import mix

    for block in mix([words], [bed], total):
        yield limiter.process(block)
    yield limiter.flush()


@contextlib.contextmanager
def _work(target: Path) -> Iterator[Path]:
    """Give a folder beside the target, where there is room; gone at the end."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tts-work-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _straight(source: Path, target: Path, most: int | None = None) -> float:
    """Write a sound file (only about `most` samples of it) in our format, otherwise untouched; return its seconds."""
    import numpy as np

    from tts.programme import sound

    loudest, count = 0.0, 0

    def decoded() -> "Iterator[Samples]":
        nonlocal loudest, count
        with source.open("rb") as file:
            for block in Decoder(file, LONGEST_S).blocks():
                loudest, count = max(loudest, float(np.abs(block).max(initial=0.0))), count + len(block)
                yield block
                if most is not None and count >= most:
                    return

    sound.write(target, decoded())
    if loudest < _SILENT:
        raise AudioError("the recording is silent", "audio.silent")
    return count / audio.RATE


def _seconds(source: Path) -> float:
    with source.open("rb") as file:
        return sum(len(block) for block in Decoder(file, LONGEST_S).blocks()) / audio.RATE


def _made(target: Path, warnings: tuple[str, ...] = ()) -> Made:
    return Made(sha256_of(target), audio.seconds_of(target), warnings)

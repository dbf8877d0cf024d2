"""Engine output to 48 kHz mono 16-bit WAV: decode, check, join, level.

numpy and PyAV are imported where they are used: importing this module costs nothing.
"""

import io
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tts.decode import RATE, Decoder
from tts.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

__all__ = [
    "FORMAT_VERSION",
    "RATE",
    "AudioError",
    "at_speech_level",
    "decode",
    "join",
    "peak",
    "prepare",
    "seconds_of",
    "speech",
    "write",
]

FORMAT_VERSION = 2  # part of every cache key: raise it when the same input gives other bytes
PEAK_DBFS = -3.0
_SILENCE_DBFS = -50.0  # below that, no voice has spoken
_LONGEST_S = 180.0  # one sentence; more is a broken or hostile file
_MOST_BYTES = 70_000_000  # that long in the finest WAV
# Nobody speaks faster than 10 syllables a second (Vietnamese speech has 4 to 6), so shorter audio was cut off.
_LEAST_S_PER_WORD = 0.1
_KINDS = ("wav", "mp3")  # what engines make
_BLOCK = 48_000


def prepare(source: Path, target: Path, words: int) -> None:
    """Write the speech in `source` (MP3 or WAV) to `target` in our format, after checking that it is speech.

    Every sentence comes out at the same level while it is spoken, whatever its engine has done: see `at_speech_level`.

    Raises:
        AudioError: as `speech`.
        OSError: `target` cannot be written.
    """
    size = source.stat().st_size if source.exists() else 0
    if size > _MOST_BYTES:
        raise AudioError(f"{size} bytes of audio for one sentence", "audio.too_long")
    write(target, [at_speech_level(speech(source.read_bytes() if size else b"", words))])


def speech(encoded: bytes, words: int) -> "Samples":
    """Return the samples of an MP3 or WAV file after checking that they can be speech of that many words.

    Raises:
        AudioError: undecodable, cut off, silent, too short, or far too long.
    """
    samples = decode(encoded)
    seconds = len(samples) / RATE
    if seconds < words * _LEAST_S_PER_WORD:
        raise AudioError(f"{seconds:.2f} s of audio are too short for {words} words", "audio.too_short")
    if peak([samples]) < 32768 * 10 ** (_SILENCE_DBFS / 20):
        raise AudioError("the audio is silent", "audio.silent")
    return samples


def at_speech_level(samples: "Samples") -> "Samples":
    """Return `samples` with speech at `levels.SPEECH_DBFS` while it is spoken, or as near as its peaks allow."""
    import numpy as np

    from tts.levels import SPEECH_DBFS, active_db, frame_powers

    exact = samples.astype(np.float32)
    gain = 10 ** ((SPEECH_DBFS - active_db(frame_powers(exact / np.float32(32768)))) / 20)
    gain = min(gain, 32767 / max(peak([samples]), 1))
    levelled: Samples = np.rint(exact * gain).astype(np.int16)
    return levelled


def decode(encoded: bytes) -> "Samples":
    """Return the samples of an MP3 or WAV file at `RATE`, mono.

    Raises:
        AudioError: the file is not complete, decodable audio, or is longer than three minutes.
    """
    import numpy as np

    blocks = Decoder(io.BytesIO(encoded), _LONGEST_S, _KINDS).blocks()
    return np.concatenate([np.rint(np.clip(block * 32768, -32768, 32767)).astype(np.int16) for block in blocks])


def join(pieces: Iterable[tuple[Path, float]], target: Path) -> None:
    """Write `pieces` (files of `prepare`, each with the seconds of silence after it) to `target`, peak at -3 dBFS.

    One gain for all pieces, so that sentences keep their loudness towards each other.

    Raises:
        OSError: a piece cannot be read or `target` not be written.
    """
    import numpy as np

    order = list(pieces)
    loudest = peak(block for path, _ in order for block in _blocks(path))
    gain = 10 ** (PEAK_DBFS / 20) * 32767 / max(loudest, 1)

    def levelled() -> "Iterator[Samples]":
        for path, pause_s in order:
            for block in _blocks(path):
                yield np.rint(block * gain).astype(np.int16)
            yield np.zeros(round(pause_s * RATE), np.int16)

    write(target, levelled())


def peak(blocks: "Iterable[Samples]") -> int:
    """Return the largest absolute sample."""
    # int, because -32768 has no positive counterpart in 16 bits.
    return max((max(int(block.max()), -int(block.min())) for block in blocks if len(block)), default=0)


def seconds_of(path: Path) -> float:
    """Return the length of a WAV file in seconds.

    Raises:
        OSError, wave.Error, EOFError: not readable as WAV.
    """
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def write(target: Path, blocks: "Iterable[Samples]") -> None:
    """Write samples to a WAV file in our format.

    Raises:
        OSError: `target` cannot be written.
    """
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for block in blocks:
            file.writeframes(block.astype("<i2", copy=False).tobytes())


def _blocks(path: Path) -> "Iterator[Samples]":
    import numpy as np

    with wave.open(str(path), "rb") as file:
        while data := file.readframes(_BLOCK):
            yield np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False)

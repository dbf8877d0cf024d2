"""Engine output to 48 kHz mono 16-bit WAV: decode, check, join, level.

numpy and PyAV are imported where they are used: importing this module costs nothing.
"""

import io
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av import AudioFrame
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

RATE = 48_000
FORMAT_VERSION = 1  # part of every cache key: raise it when the same input gives other bytes
PEAK_DBFS = -3.0
_SILENCE_PEAK = 100  # of 32768, -50 dBFS: below that no voice has spoken
_LONGEST_S = 180.0  # one sentence; more is a broken or hostile file
# Nobody speaks faster than 10 syllables a second (Vietnamese speech has 4 to 6), so shorter audio was cut off.
_LEAST_S_PER_WORD = 0.1
_BLOCK = 48_000


class AudioError(Exception):
    """The audio of an engine is unusable; the text says why."""


def prepare(source: Path, target: Path, words: int) -> None:
    """Write the speech in `source` (MP3 or WAV) to `target` in our format, after checking that it is speech.

    Raises:
        AudioError: as `speech`.
        OSError: `target` cannot be written.
    """
    write(target, [speech(source.read_bytes() if source.exists() else b"", words)])


def speech(encoded: bytes, words: int) -> "Samples":
    """Return the samples of an MP3 or WAV file after checking that they can be speech of that many words.

    Raises:
        AudioError: undecodable, cut off, silent, too short, or far too long.
    """
    samples = decode(encoded)
    seconds = len(samples) / RATE
    if seconds < words * _LEAST_S_PER_WORD:
        raise AudioError(f"{seconds:.2f} s of audio are too short for {words} words")
    if peak([samples]) < _SILENCE_PEAK:
        raise AudioError("the audio is silent")
    return samples


def decode(encoded: bytes) -> "Samples":
    """Return the samples of an MP3 or WAV file at `RATE`, mono.

    Raises:
        AudioError: the file is not complete, decodable audio, or is longer than three minutes.
    """
    import av
    import numpy as np

    blocks: list[Samples] = []
    count = 0
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    try:
        # The format is given, not guessed: a hostile playlist must not make the decoder open other files.
        with av.open(io.BytesIO(encoded), "r", format=_format(encoded)) as container:
            for frame in _frames(container.decode(audio=0)):
                for resampled in resampler.resample(frame):
                    block = resampled.to_ndarray().reshape(-1).astype(np.int16, copy=False)
                    count += len(block)
                    if count > RATE * _LONGEST_S:
                        raise AudioError(f"more than {_LONGEST_S:.0f} s of audio for one sentence")
                    blocks.append(block)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise AudioError(f"the audio cannot be decoded: {error}") from error
    if not blocks:
        raise AudioError("there is no audio")
    return np.concatenate(blocks)


def _frames(frames: "Iterator[AudioFrame]") -> "Iterator[AudioFrame | None]":
    yield from frames
    yield None  # flushes the resampler


def _format(encoded: bytes) -> str:
    if not encoded:
        raise AudioError("there is no audio")
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WAVE":
        return "wav"
    if encoded[:3] == b"ID3" or (len(encoded) > 1 and encoded[0] == 0xFF and encoded[1] & 0xE0 == 0xE0):
        return "mp3"
    raise AudioError("the audio is neither MP3 nor WAV")


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

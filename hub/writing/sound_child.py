"""The child that makes a stranger's sound file ours: `python -m hub.writing.sound_child {voice|music} DRAFT OUT`.

The file is its standard input. A voice loses silence at both ends and noise in its pauses, and comes to speech level;
music is only brought to one channel. OUT becomes Ogg Opus, which every node plays. On standard output comes one line of
JSON: `{"seconds": s, "notes": [...]}`, or `{"error": key, "params": {...}}`.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hub.documents.child import confine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_S = 1800.0
"""Half an hour: more than any session of a commune lasts."""
MEMORY = 1_500_000_000
CPU_S = 170
_MATROSKA = b"\x1a\x45\xdf\xa3"
_NOTES = frozenset({"recording.clipped", "recording.noisy", "recording.quiet", "recording.narrow"})
_QUIET = 1e-4


def make(source: BinaryIO, kind: str, draft: Path, out: Path) -> dict[str, Any]:
    """Write `out`. Raises AudioError, OSError."""
    from tts.recording import clean_recording

    if source.read(4) == _MATROSKA:  # what Chromium and Firefox record; the voice's decoder knows the others
        _from_webm(source, draft)
    else:
        source.seek(0)
        draft.write_bytes(source.read())
    if kind == "music":
        seconds = _encode(out, _blocks(draft))
        return {"seconds": seconds, "notes": []}
    cleaned = draft.with_suffix(".clean.wav")
    try:
        made = clean_recording(draft, cleaned, LONGEST_S)
        _encode(out, _blocks(cleaned))
    finally:
        cleaned.unlink(missing_ok=True)
    return {"seconds": round(made.seconds, 2), "notes": [note for note in made.warnings if note in _NOTES]}


def _from_webm(source: BinaryIO, target: Path) -> None:
    """WebM to WAV, 48 kHz mono. Raises AudioError."""
    import wave

    import av
    import numpy as np

    from tts.errors import AudioError

    source.seek(0)
    rate, count = 48_000, 0
    try:
        with (
            av.open(io.BytesIO(source.read()), "r", format="matroska") as container,
            wave.open(str(target), "wb") as wav,
        ):
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(rate)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    samples = part.to_ndarray().reshape(-1).astype(np.int16)
                    count += len(samples)
                    if count > rate * LONGEST_S:
                        raise AudioError("too long", "audio.too_long")
                    wav.writeframes(samples.tobytes())
    except (av.FFmpegError, IndexError, ValueError, EOFError) as error:
        raise AudioError(f"the recording cannot be decoded: {error}", "audio.damaged") from error
    if not count:
        raise AudioError("there is no audio", "audio.empty")


def _blocks(path: Path) -> "Iterator[NDArray[np.float32]]":
    from tts.decode import Decoder

    with path.open("rb") as file:
        yield from Decoder(file, LONGEST_S).blocks()


def _encode(out: Path, blocks: "Iterator[NDArray[np.float32]]") -> float:
    """Write Ogg Opus; returns the seconds. Raises AudioError where nothing can be heard."""
    import numpy as np

    from tts.errors import AudioError
    from tts.programme.encode import encode

    heard = [0, 0.0]

    def counted() -> "Iterator[NDArray[np.float32]]":
        for block in blocks:
            heard[0] += len(block)
            heard[1] = max(heard[1], float(np.abs(block).max(initial=0.0)))
            yield block

    encode(out, counted(), "")
    if heard[1] < _QUIET:
        raise AudioError("the sound is silent", "audio.silent")
    return round(heard[0] / 48_000, 2)


def main() -> None:
    """Do what the arguments say."""
    kind, draft, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread of it reserves memory that it never uses
    import av  # noqa: F401 - libraries are loaded before the limits count
    import numpy as np  # noqa: F401

    from tts.errors import AudioError

    confine(MEMORY, CPU_S, writes=400_000_000)
    try:
        answer = make(sys.stdin.buffer, kind, draft, out)
    except AudioError as error:
        answer = {"error": error.code, "params": {}}
    except MemoryError:
        answer = {"error": "audio.too_long", "params": {}}
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()

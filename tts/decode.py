"""Sound files of strangers to 48 kHz mono samples, block by block, trusting nothing they say about themselves.

numpy and PyAV are imported where they are used: importing this module costs nothing.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from tts.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from av import AudioFrame
    from av.container import InputContainer
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

RATE = 48_000
KINDS = frozenset({"wav", "mp3", "flac", "ogg", "mp4"})
_NAMES = {"wav": "WAV", "mp3": "MP3", "flac": "FLAC", "ogg": "Ogg", "mp4": "M4A"}
_CODECS = ("pcm_", "mp3", "flac", "opus", "vorbis", "aac", "alac")
_RATES = range(4_000, 384_001)  # at 1 Hz a single frame would become gigabytes
_MOST_CHANNELS = 8
_MOST = 4.0  # 12 dB over full scale, which a float file can hold
_HEAD_BYTES = 65_536
_SLACK_S = 0.5  # encoders pad the end, and trim the beginning
_NO_SIZE = 0x7FFF_0000  # programs that write into a pipe promise 2 or 4 GB


class Decoder:
    """Reads one sound file: `rate` and `channels` are its own, `cut` says that its last page seems to be missing.

    `kinds` are the containers that are allowed, of `KINDS`. The kind is told by the first bytes, never by the name.
    With `own_rate` samples come at the file's own rate instead of `RATE`.

    Raises:
        AudioError: `audio.empty`, `audio.format`, `audio.damaged`, `audio.too_long` (more than `longest_s` seconds).
    """

    def __init__(self, file: BinaryIO, longest_s: float, kinds: Iterable[str] = KINDS, own_rate: bool = False) -> None:
        self._file = file
        self._longest_s = longest_s
        self._own_rate = own_rate
        head = file.read(_HEAD_BYTES)
        self.kind = _kind(head, frozenset(kinds))
        self.cut = self.kind == "ogg" and not _ends_ogg(file)
        self._promised_s = _wav_seconds(head) if self.kind == "wav" else None
        self._has_count = self.kind in {"flac", "mp4"} or (self.kind == "mp3" and _counts_frames(head))
        self.rate = 0
        self.channels = 0

    def blocks(self) -> "Iterator[Floats]":
        """Yield the sound from its beginning: float32 (n,), full scale 1.0, at `RATE`, channels averaged.

        May be called again. Holds one frame of the file at a time.
        """
        import av
        import numpy as np

        self._file.seek(0)
        count = 0
        try:
            # The format is given, not guessed: a hostile playlist must not make the decoder open other files.
            with av.open(self._file, "r", format=self.kind) as container:
                promised_s = self._promise(container)
                if promised_s is not None and promised_s > self._longest_s + _SLACK_S:
                    raise self._too_long()
                rate = self.rate if self._own_rate else RATE
                resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
                for frame in _frames(self._checked(container.decode(audio=0))):
                    for resampled in resampler.resample(frame):
                        # A float file may hold anything, even what is no number.
                        block = np.clip(np.nan_to_num(resampled.to_ndarray().reshape(-1)), -_MOST, _MOST)
                        count += len(block)
                        if count > rate * self._longest_s:
                            raise self._too_long()
                        yield block
        except (av.FFmpegError, IndexError, ValueError, EOFError) as error:
            detail = f"the audio cannot be decoded: {error}"
            raise AudioError(detail, "audio.damaged", "audio.undecodable") from error
        if not count:
            raise AudioError("there is no audio", "audio.empty")
        if promised_s is not None and count / rate < promised_s - _SLACK_S:
            detail = f"the file is cut off: {count / rate:.1f} s of {promised_s:.1f} s are there"
            given = {"seconds": f"{count / rate:.1f}", "promised": f"{promised_s:.1f}"}
            raise AudioError(detail, "audio.damaged", "audio.cut", given)

    def _promise(self, container: "InputContainer") -> float | None:
        """Return the length in seconds that the file itself states, None where that is a guess or nothing."""
        stream = container.streams.audio[0]
        codec = stream.codec_context
        name = codec.name if codec is not None else "an unknown way"  # the stubs do not know that it may be missing
        if not name.startswith(_CODECS):
            detail = f"the audio is coded in {name}, which is not accepted"
            raise AudioError(detail, "audio.format", "audio.codec", {"name": name})
        self.rate, self.channels = codec.sample_rate, codec.channels
        if self._promised_s is not None or not self._has_count or container.duration is None:
            return self._promised_s
        return float(container.duration) / 1_000_000

    def _checked(self, frames: "Iterator[AudioFrame]") -> "Iterator[AudioFrame]":
        for frame in frames:
            if frame.sample_rate not in _RATES or not 1 <= len(frame.layout.channels) <= _MOST_CHANNELS:
                detail = f"{frame.sample_rate} Hz with {len(frame.layout.channels)} channels is not accepted"
                given = {"rate": frame.sample_rate, "channels": len(frame.layout.channels)}
                raise AudioError(detail, "audio.format", "audio.shape", given)
            yield frame

    def _too_long(self) -> AudioError:
        detail = f"the audio is longer than {self._longest_s:.0f} s"
        return AudioError(detail, "audio.too_long", "audio.long", {"limit": round(self._longest_s)})


def _frames(frames: "Iterator[AudioFrame]") -> "Iterator[AudioFrame | None]":
    yield from frames
    yield None  # flushes the resampler


def _kind(head: bytes, allowed: frozenset[str]) -> str:
    if not head:
        raise AudioError("there is no audio", "audio.empty")
    found = ""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        found = "wav"
    elif head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        found = "mp3"
    elif head[:4] in {b"fLaC", b"OggS"}:
        found = "flac" if head[:1] == b"f" else "ogg"
    elif head[4:8] == b"ftyp":
        found = "mp4"
    if found not in allowed:
        *names, last = sorted(_NAMES[kind] for kind in allowed)
        detail = f"the audio is neither {', '.join(names)} nor {last}"
        raise AudioError(detail, "audio.format", "audio.kind", {"kinds": ", ".join([*names, last])})
    return found


def _wav_seconds(head: bytes) -> float | None:
    """Return the seconds that a WAV header promises; the decoder itself takes the rest of the file, however short."""
    at, bytes_per_s = 12, 0
    while at + 8 <= len(head):
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"fmt ":
            bytes_per_s = int.from_bytes(head[at + 16 : at + 20], "little")
        if name == b"data":
            known = bytes_per_s > 0 and 0 < size < _NO_SIZE
            return size / bytes_per_s if known else None
        at += 8 + size + size % 2
    return None


def _counts_frames(head: bytes) -> bool:
    """Whether an MP3 states its number of frames; without that, its length is a guess from its first frames."""
    return b"Xing" in head or b"Info" in head


def _ends_ogg(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file is marked as the last."""
    file.seek(0, 2)
    file.seek(max(0, file.tell() - _HEAD_BYTES))
    tail = file.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and len(tail) > page + 5 and bool(tail[page + 5] & 4)

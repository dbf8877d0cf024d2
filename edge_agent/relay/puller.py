"""Pulls one station: `python -m edge_agent.relay.puller URL OPEN_S STALL_S`. Raw s16le mono 48 kHz on standard output.

A process of its own for each station: whatever a hostile or broken server does to libav, it is killed and others go
on. Ends with one line of JSON on standard error: code and detail of a fault.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

_RATE = 48_000
_MORE_BYTES = 128 * 1024 * 1024
"""Memory it may take beyond what its libraries take: a playlist or a header without end stops here."""
_RATES = range(8_000, 192_001)
_MOST_CHANNELS = 8
_MOST_BAD = 50
_ENOUGH_BITS = 48_000
PROTOCOLS = "http,https,tcp,tls,crypto"
FORMATS = "mp3,aac,ogg,flac,wav,mpegts,hls,mov,mp4,m4a,matroska,webm"
"""What libav may open by itself on behalf of a station: neither files, nor playlists that name any."""
_OPTIONS = {
    "protocol_whitelist": PROTOCOLS,
    "format_whitelist": FORMATS,
    "user_agent": "edge-agent",
    "icy": "0",
    "probesize": "262144",
    "analyzeduration": "2000000",
    "max_reload": "10",
    "m3u8_hold_counters": "10",
    "seg_max_retry": "2",
}


class Fault(Exception):
    """Why it ended."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def blocks(url: str, open_s: float, stall_s: float) -> Iterator[bytes]:
    """The station's sound as it comes. Raises Fault at its end, always."""
    import av

    av.logging.set_level(None)
    try:
        with av.open(url, options=dict(_OPTIONS), timeout=(open_s, stall_s), metadata_errors="replace") as container:
            for frame in _frames(container):
                yield from _mono(frame)
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise told(error) from error
    except MemoryError as error:
        raise Fault("relay.not_audio", "it wanted too much memory") from error
    raise Fault("relay.ended", "it came to an end")


def told(error: Exception) -> Fault:
    """What libav says, as a fault of ours."""
    import av

    if isinstance(error, (TimeoutError, av.ExitError)):
        return Fault("relay.stalled", "no sound in time")
    detail = str(getattr(error, "strerror", None) or error)
    kinds: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
        ((av.HTTPClientError, av.HTTPServerError), "relay.refused"),
        ((av.ProtocolNotFoundError, av.ArgumentError), "relay.forbidden"),
        ((av.InvalidDataError, av.DemuxerNotFoundError, av.DecoderNotFoundError, IndexError), "relay.not_audio"),
        ((av.EOFError,), "relay.ended"),
        ((OSError,), "relay.unreachable"),
    )
    code = next((code for types, code in kinds if isinstance(error, types)), "relay.not_audio")
    return Fault(code, detail)


def _frames(container: "InputContainer") -> "Iterator[AudioFrame]":
    import av

    audio = _cheapest(container)
    bad = 0
    for packet in container.demux(audio):
        try:
            for frame in packet.decode():
                bad = 0
                yield frame
        except av.InvalidDataError:
            bad += 1
            if bad > _MOST_BAD:
                raise


def _cheapest(container: "InputContainer") -> "AudioStream":
    """Of a station's variants the thriftiest that still sounds well; what is not heard is not fetched either."""
    from av.stream import Discard

    def cost(stream: "AudioStream") -> int:
        rate = int(stream.metadata.get("variant_bitrate", "0") or 0)
        return rate if rate >= _ENOUGH_BITS else 10_000_000 - rate

    chosen = min(container.streams.audio, key=cost, default=None)
    if chosen is None:
        raise Fault("relay.not_audio", "there is no sound in it")
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all
    return chosen


_resamplers: dict[tuple[int, str, str], Any] = {}


def _mono(frame: "AudioFrame") -> Iterator[bytes]:
    import av

    if frame.sample_rate not in _RATES or not 1 <= len(frame.layout.channels) <= _MOST_CHANNELS:
        raise Fault("relay.not_audio", f"{frame.sample_rate} Hz with {len(frame.layout.channels)} channels")
    shape = (frame.sample_rate, frame.layout.name, frame.format.name)
    if shape not in _resamplers:  # a station may change in the middle
        _resamplers.clear()
        _resamplers[shape] = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
    frame.pts = None
    for made in _resamplers[shape].resample(frame):
        yield bytes(made.planes[0])[: made.samples * 2]


def main() -> None:
    """Pull until it ends; somebody else decides what then."""
    _end_with_parent()
    url, open_s, stall_s = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    out = os.dup(1)
    os.dup2(2, 1)
    import av  # noqa: F401 - before the limit

    _limit_memory()
    try:
        for block in blocks(url, open_s, stall_s):
            view = memoryview(block)
            while view:
                view = view[os.write(out, view) :]
    except Fault as fault:
        sys.stderr.write(json.dumps({"code": fault.code, "detail": fault.detail[:200]}) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    os._exit(0)  # libav may hang while it closes


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _limit_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a fixed name of the kernel's
        size = int(file.read().split()[0]) * resource.getpagesize() + _MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    main()

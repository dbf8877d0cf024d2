"""The child that makes Opus of a page's samples: `python -m hub.air.encode RATE`. A bug in the codec is its own.

Standard input: frames of 20 ms, 16 bit little-endian, mono, RATE a second. Standard output, one for each frame: two
bytes of length, big-endian, and the packet. PyAV brings libopus with it: nothing of the system is needed.
"""

import resource
import struct
import sys

import av

BITRATE = 32_000
_MEMORY = 1 << 30
_LENGTH = struct.Struct(">H")


def main(rate: int) -> None:
    """Serve until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    samples = rate // 50
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, av.AudioCodecContext)  # noqa: S101 - libopus is no picture
    codec.sample_rate, codec.bit_rate, codec.layout, codec.format = rate, BITRATE, "mono", "s16"
    codec.options = {"application": "voip", "frame_duration": "20", "vbr": "on", "fec": "1", "packet_loss": "5"}
    frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
    frame.sample_rate = rate
    place = 0
    while len(block := sys.stdin.buffer.read(2 * samples)) == 2 * samples:
        frame.planes[0].update(block.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.pts = place
        place += samples
        for packet in codec.encode(frame):
            body = bytes(packet)
            sys.stdout.buffer.write(_LENGTH.pack(len(body)) + body)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))

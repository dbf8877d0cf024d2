"""Opus (RFC 6716) by libopus: packets of 20 ms, mono, 48 kHz. Only for child processes: a bug there is theirs alone."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from edge_agent.contract.voice import PACKET, RATE
from edge_agent.live.library import FLOATS, OpusError, load

Floats = NDArray[np.float32]

_VOIP = 2048  # OPUS_APPLICATION_VOIP
_MOST_BYTES = 400
_SET_BITRATE, _SET_COMPLEXITY, _SET_SIGNAL = 4002, 4010, 4024
_SET_INBAND_FEC, _SET_LOSS, _GET_LOOKAHEAD = 4012, 4014, 4027
_VOICE = 3001


class Encoder:
    """Encodes speech. A decoded sample comes `lookahead` samples behind the one that was encoded."""

    def __init__(self, bitrate: int = 32_000, *, loss_percent: int = 5, complexity: int = 5) -> None:
        """Raises OpusError."""
        self._lib = load()
        status = ctypes.c_int()
        self._state = self._lib.opus_encoder_create(RATE, 1, _VOIP, ctypes.byref(status))
        _require(self._lib, status.value)
        settings = {_SET_BITRATE: bitrate, _SET_COMPLEXITY: complexity, _SET_SIGNAL: _VOICE}
        for request, value in {**settings, _SET_INBAND_FEC: 1, _SET_LOSS: loss_percent}.items():
            self._control(request, ctypes.c_int(value))
        ahead = ctypes.c_int()
        self._control(_GET_LOOKAHEAD, ctypes.byref(ahead))
        self.lookahead = ahead.value
        self._out = ctypes.create_string_buffer(_MOST_BYTES)

    def _control(self, request: int, argument: object) -> None:
        _require(self._lib, self._lib.opus_encoder_ctl(ctypes.c_void_p(self._state), ctypes.c_int(request), argument))

    def encode(self, samples: Floats) -> bytes:
        """One packet of `PACKET` samples, float32, full scale 1.0. Raises OpusError."""
        if samples.shape != (PACKET,):
            raise ValueError(f"a packet has {PACKET} samples, not {samples.shape}")
        data = np.ascontiguousarray(samples, np.float32)
        length = self._lib.opus_encode_float(self._state, data.ctypes.data_as(FLOATS), PACKET, self._out, _MOST_BYTES)
        _require(self._lib, min(length, 0))
        return self._out.raw[:length]

    def close(self) -> None:
        """Give the memory back."""
        if self._state:
            self._lib.opus_encoder_destroy(self._state)
            self._state = None


class Decoder:
    """Decodes packets in their order, and makes up for what is missing."""

    def __init__(self) -> None:
        """Raises OpusError."""
        self._lib = load()
        status = ctypes.c_int()
        self._state = self._lib.opus_decoder_create(RATE, 1, ctypes.byref(status))
        _require(self._lib, status.value)
        self._out = np.zeros(PACKET, np.float32)

    def decode(self, packet: bytes) -> Floats:
        """The 20 ms of a packet, float32, (960,). Raises OpusError for a packet that is none."""
        return self._decode(packet, len(packet), 0)

    def before(self, packet: bytes) -> Floats:
        """The 20 ms before `packet`, which are lost, from what it says of them (in-band FEC). Raises OpusError."""
        return self._decode(packet, len(packet), 1)

    def conceal(self) -> Floats:
        """20 ms of which nothing is known: what was heard last, fading."""
        return self._decode(None, 0, 0)

    def _decode(self, packet: bytes | None, length: int, fec: int) -> Floats:
        count = self._lib.opus_decode_float(self._state, packet, length, self._out.ctypes.data_as(FLOATS), PACKET, fec)
        _require(self._lib, min(count, 0))
        if count != PACKET:
            raise OpusError(f"a packet of {count} samples")
        return self._out.copy()

    def close(self) -> None:
        """Give the memory back."""
        if self._state:
            self._lib.opus_decoder_destroy(self._state)
            self._state = None


def _require(lib: ctypes.CDLL, status: int) -> None:
    if status < 0:
        raise OpusError(lib.opus_strerror(status).decode())

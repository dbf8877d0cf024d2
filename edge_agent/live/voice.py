"""From packets to sound: decoded in time, losses made up for, made clear for a horn. numpy: for the worker only."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.contract.voice import PACKET
from edge_agent.live.jitter import JitterBuffer
from edge_agent.live.library import OpusError
from edge_agent.live.opus import Decoder
from tts.enhance import EnhancementSettings, Enhancer

Floats = NDArray[np.float32]

_MADE_UP = 5
"""Packets (100 ms) that are made up for; Opus has faded to nothing by then, and what comes next begins anew."""


class Voice:
    """The session's sound, sample after sample. Sample 0 is the first one that was spoken."""

    def __init__(self, buffer: JitterBuffer, enhancement: EnhancementSettings) -> None:
        """Raises OpusError, tts.errors.SpeechError."""
        self._buffer = buffer
        self._decoder = Decoder()
        self._enhancer = Enhancer(48_000, enhancement)
        self.latency = self._enhancer.latency
        """Samples that have to be decoded before the one that is read."""
        self._packet = 0
        self._held = np.zeros(0, np.float32)
        self._place = 0
        self._missing = _MADE_UP

    def read(self, sample: int, count: int) -> Floats:
        """Samples from `sample` on, float32, (count,). Another than the one behind the last begins anew there."""
        if sample != self._place:
            self._move(sample)
        while len(self._held) < count:
            self._held = np.concatenate((self._held, self._enhancer.process(self._block())))
        out, self._held = self._held[:count], self._held[count:]
        self._place += count
        return out

    def _move(self, sample: int) -> None:
        self._enhancer.flush()
        self._missing = _MADE_UP
        self._packet = sample // PACKET
        self._buffer.skip(self._packet)
        self._held = np.zeros(0, np.float32)
        self._place = sample
        into = sample - self._packet * PACKET
        if into:
            self._place -= into
            self.read(self._place, into)

    def _block(self) -> Floats:
        packet, behind = (None, None) if self._packet < 0 else self._buffer.take(self._packet)
        self._packet += 1
        counts = self._buffer.counts
        try:
            if packet is not None:
                self._missing = 0
                return self._decoder.decode(packet)
            self._missing += 1
            if behind is not None and self._missing <= _MADE_UP:
                counts.fec += 1
                return self._decoder.before(behind)
            if self._missing <= _MADE_UP:
                counts.concealed += 1
                return self._decoder.conceal()
        except OpusError:
            counts.broken += 1
        counts.silent += self._packet > 0
        return np.zeros(PACKET, np.float32)

    def close(self) -> None:
        """Give the memory back."""
        self._decoder.close()

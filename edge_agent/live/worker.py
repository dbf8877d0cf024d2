"""The worker of a live session: `python -m edge_agent.live.worker`, driven over standard input (`edge_agent.streams`).

Frames of the session come in as they were sent; out goes sound into a FIFO that a loudspeaker plays. Sample p of the
FIFO is heard at `base + p / 48000`, and is what was spoken `latency_s` before that. Times are CLOCK_MONOTONIC.
Control records: first {"fifo", "lead_s", "seconds", "silence_s", "enhancement"}; then, each when it is known,
{"base"}; {"session": {"topic", "key", "epoch", "latency_s"}}; {"stop": true}.
Events: hello, ready, stats (once a second), ended (why: stopped, time, lost, closed), failed (code, detail).
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from edge_agent.contract.voice import PACKET, RATE, BadFrame, VoiceReader
from edge_agent.live.jitter import JitterBuffer
from edge_agent.streams.fifo import FifoWriter, ReaderGone
from edge_agent.streams.inlet import FRAME, Inlet, Outlet

_BEHIND_S = 1.0
"""What is due this long ago is not decoded any more: a sound card drops it, but a speaker into a file opens late."""
_STRETCH = 24_000
_TICK_S = 0.01


class Session:
    """What is known of who speaks: key, and which instant is sample 0."""

    def __init__(self, topic: str, key: str, epoch: float, latency_s: float) -> None:
        self.reader = VoiceReader(topic, key)
        self.epoch = epoch
        self.latency_s = latency_s
        self.stop_at: int | None = None
        """Sample behind the last one, once somebody said stop."""

    def sample(self, heard_at: float) -> int:
        """The sample that is heard at an instant."""
        return round((heard_at - self.latency_s - self.epoch) * RATE)


class Worker:
    """Brings together frames, sound and FIFO."""

    def __init__(self, settings: dict[str, Any], inlet: Inlet, outlet: Outlet) -> None:
        from edge_agent.live.voice import Voice  # numpy: after the library was found
        from tts.enhance import EnhancementSettings

        self._inlet = inlet
        self._outlet = outlet
        self._fifo = FifoWriter(Path(settings["fifo"]))
        self._lead_s = float(settings["lead_s"])
        self._seconds = float(settings["seconds"])
        self._silence_s = float(settings["silence_s"])
        self._buffer = JitterBuffer()
        self._voice = Voice(self._buffer, EnhancementSettings.model_validate(settings["enhancement"]))
        self._session: Session | None = None
        self._base: float | None = None
        self._began = time.monotonic()
        self._told = 0.0

    def run(self) -> str:
        """Work until it is over; why it is."""
        while True:
            for kind, body in self._inlet.wait(_TICK_S):
                self.take(kind, body)
            if self._inlet.over:
                return "closed"
            try:
                why = self._write(time.monotonic())
            except ReaderGone:  # something more urgent is on air; we are ended when there is no more of us to come
                self._fifo.again()
                continue
            if why is not None:
                self._fifo.close()
                return why
            self._tell()

    def numbers(self) -> dict[str, Any]:
        """What is known so far."""
        delay = self._buffer.delay_s
        return {
            **self._buffer.counts.as_dict(),
            "held": len(self._buffer),
            "written_s": round(self._fifo.position / RATE, 3),
            "delay_ms": None if delay is None else [round(1000 * each, 1) for each in delay],
        }

    def take(self, kind: bytes, body: bytes) -> None:
        """A record of the agent's."""
        if kind == FRAME:
            self._hear(body)
            return
        told = json.loads(body)
        if "session" in told:
            self._session = Session(**told["session"])
            self._began = time.monotonic()
        if "base" in told:
            self._base = float(told["base"])
        if told.get("stop") and self._session is not None and self._session.stop_at is None:
            # what was spoken until now is here, or on its way: it is still heard
            self._session.stop_at = self._session.sample(time.monotonic() + self._session.latency_s)

    def _hear(self, body: bytes) -> None:
        if self._session is None:
            return
        try:
            frame = self._session.reader.read(body)
        except BadFrame as bad:
            if bad.reason == "forged":
                self._buffer.counts.forged += 1
            else:
                self._buffer.counts.malformed += 1
            return
        self._buffer.put(frame, time.monotonic(), self._session.epoch)

    def _write(self, now: float) -> str | None:
        """Write what is due within the lead. Returns why it is over."""
        session = self._session
        if not self._fifo.ready():
            return self._lost(now)
        if self._base is None:
            # in the middle of a bulletin nobody knows when the piece begins: soon after its reader came. It is heard
            # that much later, and not in step with other nodes.
            self._base = now
        while self._fifo.ready():
            if self._fifo.position >= self._seconds * RATE:
                return "time"
            heard_at = self._base + self._fifo.position / RATE
            sample = session.sample(heard_at) if session else 0
            if session is not None:
                if sample >= self._seconds * RATE:
                    return "time"
                if session.stop_at is not None and sample >= session.stop_at:
                    return "stopped"
            if heard_at > now + self._lead_s:
                break
            behind = int((now - _BEHIND_S - heard_at) * RATE)
            if behind > 0 or session is None:
                self._fifo.write(bytes(2 * min(_STRETCH, max(PACKET, behind))))
            else:
                self._fifo.write(self._sound(sample, min(PACKET, PACKET - sample % PACKET)))
        return self._lost(now)

    def _sound(self, sample: int, count: int) -> bytes:
        import numpy as np

        sound = np.rint(self._voice.read(sample, count) * np.float32(32767))
        return bytes(np.clip(sound, -32768, 32767).astype("<i2").data)

    def _lost(self, now: float) -> str | None:
        session = self._session
        if session is None:
            return None
        last = max(self._began, session.epoch, self._buffer.heard_at or 0.0)
        if now - last > self._silence_s:
            return "stopped" if session.stop_at is not None else "lost"
        return None

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= 1.0:
            self._told = now
            self._outlet.say("stats", **self.numbers())


def main() -> None:
    """Serve until it is over, or standard input ends."""
    outlet = Outlet()
    from edge_agent.live.library import OpusError, load

    try:
        load()
    except OpusError as error:
        outlet.say("failed", code="live.no_opus", detail=str(error))
        sys.exit(3)
    outlet.say("hello")
    inlet = Inlet()
    records: list[tuple[bytes, bytes]] = []
    while not records and not inlet.over:
        records = inlet.wait(1.0)
    if not records:
        return
    from tts.errors import SpeechError

    try:
        worker = Worker(json.loads(records[0][1]), inlet, outlet)
    except (OpusError, SpeechError) as error:
        outlet.say("failed", code="live.worker", detail=str(error))
        sys.exit(3)
    outlet.say("ready")
    for kind, body in records[1:]:
        worker.take(kind, body)
    why = worker.run()
    outlet.say("ended", why=why, **worker.numbers())


if __name__ == "__main__":
    main()

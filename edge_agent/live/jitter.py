"""Packets wait for their time, in order, each once. Pure: knows neither sockets nor sound."""

from dataclasses import asdict, dataclass

from edge_agent.contract.voice import PACKET_S, VoiceFrame

_AHEAD = 500
"""Packets (10 s) that may lie ahead; a frame from further in the future is dropped."""
_REMEMBERED = 2_048


@dataclass(slots=True)
class Counts:
    """What became of messages (frames) and of packets of 20 ms."""

    frames: int = 0
    forged: int = 0
    malformed: int = 0
    replayed: int = 0
    old: int = 0
    early: int = 0
    packets: int = 0
    repaired: int = 0
    """Packets that only came when they were said again."""
    late: int = 0
    """Packets that came after their time."""
    fec: int = 0
    concealed: int = 0
    silent: int = 0
    """Packets too long after the last one to be made up for."""
    broken: int = 0

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


class JitterBuffer:
    """Holds at most 10 s of packets. `next` is the packet that is decoded next; what is before it is late."""

    def __init__(self) -> None:
        self._packets: dict[int, bytes] = {}
        self._seen: set[int] = set()
        self._newest = -1
        self._late_seen = -1
        self.next = 0
        self.counts = Counts()
        self.heard_at: float | None = None
        """When the last good frame came."""
        self.delay_s: tuple[float, float] | None = None
        """Shortest and longest way of a frame, from when its last sample was spoken."""

    def put(self, frame: VoiceFrame, now: float, epoch: float) -> None:
        """Take a frame in that came at `now` on a clock where the session's first sample was spoken at `epoch`."""
        if not self._is_new(frame.sequence):
            return
        if frame.first > self.next + _AHEAD:
            self.counts.early += 1
            return
        self.counts.frames += 1
        self.heard_at = now
        delay = now - epoch - (frame.first + len(frame.packets) - frame.again) * PACKET_S
        shortest, longest = self.delay_s or (delay, delay)
        self.delay_s = (min(shortest, delay), max(longest, delay))
        for number, packet in frame.numbered():
            self._put(number, packet, said_again=number < frame.first)

    def _put(self, number: int, packet: bytes, *, said_again: bool) -> None:
        if number in self._packets:
            return
        if number < self.next:
            # said again as a matter of course; only a packet that was never here in time is late
            if not said_again and number > self._late_seen:
                self.counts.late += 1
                self._late_seen = number
            return
        self._packets[number] = packet
        self.counts.packets += 1
        self.counts.repaired += said_again

    def _is_new(self, sequence: int) -> bool:
        if sequence <= self._newest - _REMEMBERED:
            self.counts.old += 1
            return False
        if sequence in self._seen:
            self.counts.replayed += 1
            return False
        self._seen.add(sequence)
        self._newest = max(self._newest, sequence)
        if len(self._seen) > 2 * _REMEMBERED:
            self._seen = {known for known in self._seen if known > self._newest - _REMEMBERED}
        return True

    def take(self, number: int) -> tuple[bytes | None, bytes | None]:
        """Packet `number` and the one behind it; from now on everything up to it is late."""
        packet = self._packets.pop(number, None)
        if number >= self.next:
            self.next = number + 1
        return packet, self._packets.get(number + 1)

    def skip(self, number: int) -> None:
        """Forget everything before a packet."""
        if number > self.next:
            self._packets = {known: packet for known, packet in self._packets.items() if known >= number}
            self.next = number

    @property
    def end(self) -> int:
        """The packet behind the last one that came."""
        return max(self._packets, default=self.next - 1) + 1

    def __len__(self) -> int:
        return len(self._packets)

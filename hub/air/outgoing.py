"""Packets of a live voice on their way to nodes: gathered, said again, signed. One for each commune that hears it."""

from collections import deque

from edge_agent.contract.topics import voice
from edge_agent.contract.voice import MOST_BYTES, VoiceFrame, VoiceSigner

NEW, AGAIN = 2, 2
"""Packets of a message: 40 ms of new sound, and the 40 ms before again, so that one lost message is not heard."""
_AROUND = 120
"""Bytes of a message besides its packets, at most."""


class Outgoing:
    """The messages of one session on the topic of one commune."""

    def __init__(self, commune: str, session: str) -> None:
        self.topic = voice(commune, session)
        self._signer = VoiceSigner(self.topic)
        self._sequence = 0
        self._first = 0
        self._new: list[bytes] = []
        self._again: deque[bytes] = deque(maxlen=AGAIN)

    @property
    def key(self) -> str:
        """Public key of the session, for `live.start`."""
        return self._signer.public

    def add(self, number: int, packet: bytes) -> list[bytes]:
        """Take packet `number` (they rise); the messages that are to be sent now."""
        messages = []
        if self._new and number != self._first + len(self._new):
            messages.append(self._message())
        if not self._new:
            if number != self._first:
                self._again.clear()  # what is said again lies directly before what is new
            self._first = number
        self._new.append(packet)
        if len(self._new) >= NEW:
            messages.append(self._message())
        return messages

    def rest(self) -> list[bytes]:
        """The message of what is left."""
        return [self._message()] if self._new else []

    def _message(self) -> bytes:
        again = list(self._again)
        room = MOST_BYTES - _AROUND - sum(len(packet) + 2 for packet in self._new)
        while again and sum(len(packet) + 2 for packet in again) > room:
            del again[0]
        message = self._signer.sign(VoiceFrame(self._sequence, self._first, len(again), (*again, *self._new)))
        self._sequence += 1
        self._again.extend(self._new)
        self._first += len(self._new)
        self._new = []
        return message

"""What a group's process has to tell the agent. One that does not read holds up nobody: what is old is left out."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import BinaryIO

from camera.model import CameraStatus, LivePiece, Stream
from camera.wire import Message
from camera.words import live_message, status_message

logger = logging.getLogger(__name__)

LIVE_WAIT_S = 1.0
"""A live stream whose oldest piece waits longer gets no more: the agent does not read, and live is now or never."""
LIVE_BYTES = 6 * 1024 * 1024
"""And no more than this of one stream waits: the group of pictures with which a watch begins."""
MESSAGES = 500
"""Other messages that wait; the oldest go first. Events are in the catalogue as well."""


class Outbox:
    """Anybody puts in, without waiting; `run` writes in a thread of its own."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._wake = threading.Condition()
        self._messages: deque[Message] = deque(maxlen=MESSAGES)
        self._live: deque[LivePiece] = deque()
        self._waiting: dict[tuple[str, Stream], _Waiting] = {}
        self._statuses: dict[str, CameraStatus] = {}

    def live(self, piece: LivePiece) -> bool:
        """Take a piece of a live stream; False when there is no room for it."""
        with self._wake:
            now_s = time.monotonic()
            waiting = self._waiting.setdefault((piece.camera, piece.stream), _Waiting())
            if waiting.since and (now_s - waiting.since[0] > LIVE_WAIT_S or waiting.bytes > LIVE_BYTES):
                return False
            waiting.since.append(now_s)
            waiting.bytes += len(piece.data)
            self._live.append(piece)
            self._wake.notify()
            return True

    def say(self, message: Message) -> None:
        """Take any other message."""
        with self._wake:
            if len(self._messages) == MESSAGES:
                logger.warning("the agent does not read; a message %s is lost", self._messages[0].header.get("is"))
            self._messages.append(message)
            self._wake.notify()

    def status(self, statuses: dict[str, CameraStatus]) -> None:
        """Take cameras' statuses in the place of those that wait."""
        with self._wake:
            self._statuses.update(statuses)
            self._wake.notify()

    def run(self) -> None:
        """Write for ever. Raises `BrokenPipeError` when nobody listens any more."""
        while True:
            with self._wake:
                while not (self._live or self._messages or self._statuses):
                    self._wake.wait()
                pieces, self._live = self._live, deque()
                messages, self._messages = self._messages, deque(maxlen=MESSAGES)
                statuses, self._statuses = self._statuses, {}
            for piece in pieces:
                self._write(live_message(piece))
                self._written(piece)
            for message in messages:
                self._write(message)
            if statuses:
                self._write(status_message(statuses))

    def _write(self, message: Message) -> None:
        self._out.write(message.pack())
        self._out.flush()

    def _written(self, piece: LivePiece) -> None:
        with self._wake:
            waiting = self._waiting[piece.camera, piece.stream]
            waiting.since.popleft()
            waiting.bytes -= len(piece.data)


class _Waiting:
    """What of one live stream is not written yet."""

    def __init__(self) -> None:
        self.since: deque[float] = deque()
        self.bytes = 0

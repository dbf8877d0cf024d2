"""The group's side of the eye: start its process, hand it pictures, take what it saw, start it again when it dies.

Nothing here is waited for by pulling or recording. A picture that kills the eye twice running lets its camera rest,
while the others are looked at.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from camera.eye.words import (
    Ask,
    Coded,
    Look,
    Seen,
    answer_in,
    ask_message,
    cut_message,
    look_message,
    moved_in,
    run_message,
    seen_in,
)
from camera.eyeblame import REST_S, Looked
from camera.eyefeed import EyeFeed, Pending
from camera.eyelife import EyeLife
from camera.frames import EncodedFrame
from camera.model import CameraFault, GroupConfig, MotionEvent, Snapshot
from camera.pull.backoff import Backoff
from camera.wire import Message, WireError, read_message

logger = logging.getLogger(__name__)

HANG_S = 20.0
"""An eye that has pictures in hand and answers none for as long hangs. Loading its libraries is a part of it."""
IDLE_S = 60.0
"""An eye that only makes snapshots ends after as long without one."""
_MUTE_LIVES = 3
"""Eyes that died without having answered anything: something is wrong with all."""
_ASKS = 32

Reply = Callable[[Snapshot | CameraFault], None]
RunThread = Callable[[str, Callable[[], None]], None]


class WatchmanListener(Protocol):
    """Is told what the eye sees, in the watchman's threads."""

    def seen(self, seen: Seen) -> None:
        """A picture was looked at."""

    def moved(self, event: MotionEvent, jpeg: bytes | None) -> None:
        """A motion event began or ended."""

    def eye(self, camera: str, fault: CameraFault | None) -> None:
        """A camera is looked at (again), or cannot be."""


@dataclass(frozen=True, slots=True)
class _Wish:
    number: int
    camera: str
    frame: EncodedFrame
    reply: Reply


class Watchman:
    """`run` works in a thread of its own; the other methods may be called from any thread and do not wait."""

    def __init__(self, config: GroupConfig, listener: WatchmanListener, run_thread: RunThread, memory: int) -> None:
        """`memory` in bytes limits the eye's process."""
        self._listener, self._run_thread, self._memory = listener, run_thread, memory
        self._work = {camera.id: camera.motion for camera in config.cameras}
        self._cameras = {name: Looked(Pending(motion.frames)) for name, motion in self._work.items() if motion}
        self._turns = deque(self._cameras)
        self._wishes: deque[_Wish] = deque()
        self._replies: dict[int, Reply] = {}
        self._next_wish = 0
        self._wake = threading.Condition()
        self._life: EyeLife | None = None
        self._mute_lives = 0

    def feed(self, camera: str) -> EyeFeed:
        """Return the sink for the stream of a camera with motion detection."""
        motion = self._work[camera]
        return EyeFeed(motion is None or motion.frames == "key", lambda frame: self._offer(camera, frame))

    def snapshot(self, camera: str, frame: EncodedFrame, reply: Reply) -> None:
        """Have a JPEG made; `reply` is called once, maybe from another thread, unless the eye's answer never comes."""
        with self._wake:
            if len(self._wishes) < _ASKS:
                self._next_wish += 1
                self._wishes.append(_Wish(self._next_wish, camera, frame, reply))
                self._wake.notify_all()
                return
        reply(CameraFault("camera.no_picture", "too many pictures are asked for at once"))

    def tick(self) -> None:
        """Call it about once a second: an eye that hangs is killed."""
        with self._wake:
            life = self._life
            if life is not None and life.in_hand and time.monotonic() - life.active_s > HANG_S:
                logger.warning("the eye answers nothing for %.0f s and is killed", HANG_S)
                life.kill()

    def close(self) -> None:
        """Nobody looks any more: whoever was told that something moves is told that it is over."""
        for looked in self._cameras.values():
            if (event := looked.ended_event()) is not None:
                self._take_moved(event, None)

    def run(self) -> None:
        """Keep an eye running while one is needed, for ever."""
        backoff = Backoff()
        while True:
            with self._wake:
                while not (self._wishes or self._cameras):
                    self._wake.wait()
            begin_s = time.monotonic()
            how, blamed = self._live()
            if how is None:
                continue
            delay_s = backoff.failed(time.monotonic() - begin_s)
            logger.warning("the eye %s, the picture in hand was of %s; next in %.0f s", how, blamed or "none", delay_s)
            time.sleep(delay_s)

    def _offer(self, camera: str, frame: EncodedFrame | None) -> None:
        with self._wake:
            looked = self._cameras[camera]
            if frame is None:
                looked.pending.clear()
                looked.cut = looked.event is not None
                self._wake.notify_all()
            elif not looked.rests():
                looked.pending.put(frame)
                self._wake.notify_all()

    def _live(self) -> tuple[str | None, str | None]:
        """Live with one eye; return how it ended (None: as it should) and whose picture it had in hand."""
        try:
            life = EyeLife(self._memory)
        except OSError as error:
            return f"cannot be started ({error.strerror})", None
        self._life = life
        reader_ended = threading.Event()

        def read() -> None:
            self._read(life)
            reader_ended.set()

        self._run_thread("eye-reader", read)
        try:
            life.send(run_message(self._work))
            while (message := self._next(life)) is not None:
                life.send(message)
        except OSError:
            pass  # it died; how is known below
        how = life.end()
        reader_ended.wait()
        return self._bury(life, how)

    def _next(self, life: EyeLife) -> Message | None:
        """Wait for the next message to the eye; None when it is dead or not needed any more."""
        idle_since_s = time.monotonic()
        with self._wake:
            while not life.dead:
                if (message := self._wish(life) or self._cut() or self._look(life)) is not None:
                    return message
                if life.in_hand or self._cameras:
                    idle_since_s = time.monotonic()
                elif time.monotonic() - idle_since_s > IDLE_S:
                    life.dismissed = True
                    return None
                self._wake.wait(1.0)
        return None

    def _wish(self, life: EyeLife) -> Message | None:
        if not self._wishes:
            return None
        wish = self._wishes.popleft()
        self._replies[wish.number] = wish.reply
        life.give(("snapshot", wish.number), wish.camera)
        return ask_message(Ask(wish.number, wish.camera, wish.frame.at, _coded(wish.frame)))

    def _cut(self) -> Message | None:
        for camera, looked in self._cameras.items():
            if looked.cut:
                looked.cut = False
                return cut_message(camera)
        return None

    def _look(self, life: EyeLife) -> Message | None:
        """Take the next picture of the camera whose turn it is."""
        busy = list(life.in_hand.values())
        for _turn in range(len(self._turns)):
            self._turns.rotate(-1)
            camera = self._turns[-1]
            looked = self._cameras[camera]
            if busy.count(camera) < looked.pending.most_in_hand and (frame := looked.pending.take()) is not None:
                number = looked.next_number()
                life.give(("look", camera, number), camera)
                return look_message(Look(camera, number, frame.at, frame.is_key, _coded(frame)))
        return None

    def _read(self, life: EyeLife) -> None:
        """Take what the eye says, until it ends."""
        try:
            while (message := read_message(life.output)) is not None:
                self._take(life, message)
        except WireError as error:
            logger.warning("the eye is confused: %s", error)
            life.kill()
        finally:
            with self._wake:
                life.dead = True
                self._wake.notify_all()

    def _take(self, life: EyeLife, message: Message) -> None:
        match message.header.get("is"):
            case "seen":
                self._take_seen(life, seen_in(message))
            case "motion":
                moved = moved_in(message)
                self._take_moved(moved.event, moved.jpeg or None)
            case "snapshot":
                number = message.header.get("id", 0)
                with self._wake:
                    reply = self._replies.pop(number, None)
                    life.answered(("snapshot", number))
                if reply is not None:
                    reply(answer_in(message))

    def _take_seen(self, life: EyeLife, seen: Seen) -> None:
        looked = self._cameras.get(seen.camera)
        if looked is None:
            raise WireError("the eye tells of a camera that it was not asked about")
        with self._wake:
            life.answered(("look", seen.camera, seen.number))
            self._mute_lives = 0
            looked.seen(datetime.now(UTC))
            self._wake.notify_all()
        fault = CameraFault(seen.code, seen.detail or "") if seen.code is not None else None
        if fault is not None or looked.faulty:
            looked.faulty = fault is not None
            self._listener.eye(seen.camera, fault)
        self._listener.seen(seen)

    def _take_moved(self, event: MotionEvent, jpeg: bytes | None) -> None:
        if (looked := self._cameras.get(event.camera)) is None:
            raise WireError("the eye tells of a camera that it was not asked about")
        looked.event = event if event.end is None else None
        self._listener.moved(event, jpeg)

    def _bury(self, life: EyeLife, how: str) -> tuple[str | None, str | None]:
        """Draw the conclusions from an eye's end."""
        with self._wake:
            self._life = None
            replies, self._replies = list(self._replies.values()), {}
            blamed = next(iter(life.in_hand.values()), None)
            self._mute_lives = 0 if life.heard or life.dismissed else self._mute_lives + 1
        for reply in replies:
            reply(CameraFault("camera.eye_died", f"the process that makes pictures {how}"))
        self.close()
        if life.dismissed:
            return None, None
        if self._mute_lives >= _MUTE_LIVES:
            for name in self._cameras:
                self._fail(name, f"the process that looks for motion {how}")
        else:
            self._blame(blamed, how)
        return how, blamed

    def _blame(self, camera: str | None, how: str) -> None:
        if camera is None or (looked := self._cameras.get(camera)) is None:
            return
        with self._wake:
            rests = looked.killed()
        if rests:
            self._fail(camera, f"its pictures killed the eye twice ({how}); nobody looks for {REST_S / 60:.0f} minutes")

    def _fail(self, camera: str, detail: str) -> None:
        self._cameras[camera].faulty = True
        self._listener.eye(camera, CameraFault("camera.eye_died", detail))


def _coded(frame: EncodedFrame) -> Coded:
    video = frame.format
    return Coded(video.codec, video.extradata or None, video.width, video.height, frame.data)

"""Owns the sound card: plays one job after another on it, in step with the system's clock.

Runs in the playing process, in a thread of its own, ahead of the card by as much as fits into it. The card runs on
silence before the first sample (so that its clock is known) and for a short time after the last one (so that what
pre-empts it begins at once).

The loop allocates little: the blocks are arrays made once; per block of 10 ms numpy's convolution makes two arrays of
480 samples, Python some floats and ints, and every quarter second the fit of the clock makes short lists. All of that
is freed by reference count: the garbage collector is off while a card is open (see `playout`).
"""

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.audio import card as cards
from drivers.audio.card import Card
from drivers.audio.pieces import Item
from drivers.audio.play import Play
from drivers.audio.priority import PLAYER, hurry
from drivers.contract import DriverFault

BLOCK_S = 0.01
_TURN_S = (0.003, 0.008)  # irregular: readings must not keep step with the card's own
_LEAD_S = 1.5  # the card runs that long before an instant
_HOLD_S = 5.0
_STALL_LIMIT_S = 14.0

Emit = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to play. `target`: CLOCK_MONOTONIC seconds, None: now. `latency_s`: of what is behind the sound card."""

    items: tuple[Item, ...]
    target: float | None = None
    skip_s: float = 0.0
    volume: float = 1.0
    device: str | None = None
    buffer_s: float = 0.1
    latency_s: float = 0.0
    drift_ppm: float | None = None
    hold_s: float = field(default=_HOLD_S)


class Player:
    """One thread, one card. `emit(event, **fields)` is called for opened, started, progress, ended and failed."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._wake = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._orders: deque[tuple[str, tuple[float, ...]]] = deque()
        self._closing = False
        self._play: Play | None = None
        self._thread = threading.Thread(target=self._run, name="playout-player", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something plays or is about to."""
        return self._play is not None or bool(self._jobs)

    def play(self, job: Job) -> None:
        """Play this when nothing else plays any more. From any thread, as all of these."""
        with self._wake:
            self._orders.clear()  # they were for a play before
            self._jobs.append(job)
            self._wake.notify()

    def stop(self) -> None:
        """Fade out what plays; what has not begun never will."""
        self._orders.append(("stop", ()))

    def set_volume(self, volume: float, ramp_s: float) -> None:
        """Change the volume of what plays."""
        self._orders.append(("volume", (volume, ramp_s)))

    def close(self, limit_s: float) -> None:
        """Stop, and end the thread within `limit_s`, if it can be ended."""
        self._closing = True
        self.stop()
        with self._wake:
            self._wake.notify()
        self._thread.join(limit_s)

    def _run(self) -> None:
        hurry(PLAYER)
        while True:
            with self._wake:
                while not self._jobs and not self._closing:
                    self._wake.wait()
            if self._closing and not self._jobs:
                return
            try:
                self._session(self._jobs[0])
            except DriverFault as fault:
                self._fail(fault)
            except Exception as error:  # noqa: BLE001 - edge of the thread: the parent has to hear of it
                self._fail(DriverFault("speaker.playout_failed", repr(error), retry=True))

    def _fail(self, fault: DriverFault) -> None:
        play, self._play = self._play, None
        if play is not None:
            play.close()
        elif self._jobs:
            self._jobs.popleft()
        else:
            return  # nobody listens: the card went away after the play
        self._emit("failed", code=fault.code, detail=fault.detail, retry=fault.retry)

    def _session(self, first: Job) -> None:
        """Open the card, play what comes, close it when nothing came for a while."""
        if first.target is not None and not self._closing:
            self._wait_for(first.target - _LEAD_S)
        audio = cards.portaudio()
        try:
            card = Card(audio, cards.find(audio, first.device), first.buffer_s, first.drift_ppm)
            with contextlib.closing(card):
                Session(card, self).run(first)
        finally:
            with contextlib.suppress(OSError):
                audio.terminate()

    def _wait_for(self, moment: float) -> None:
        while time.monotonic() < moment and not self._orders:
            time.sleep(0.02)


class Session:
    """The time from opening a card to closing it."""

    def __init__(self, card: Card, player: Player) -> None:
        import numpy as np

        self._card = card
        self._player = player
        self._frames = min(round(BLOCK_S * card.rate), card.room // 2)
        self._silence = np.zeros((self._frames, card.channels), dtype=np.int16)
        self._block = np.zeros((self._frames, card.channels), dtype=np.int16)
        self._random = random.Random()  # noqa: S311 - nothing secret: only irregular

    def run(self, first: Job) -> None:
        """Play until nothing came for `hold_s`. Raises DriverFault."""
        card, player = self._card, self._player
        idle_since = moved = time.monotonic()
        hold_s = first.hold_s
        while True:
            room = card.look()
            if player._play is None and player._jobs:
                hold_s = self._begin()
            play = player._play
            self._obey(play)
            while room >= self._frames:
                if play is None or not play.render(self._block):
                    card.write(self._silence)
                else:
                    card.write(self._block)
                room -= self._frames
                moved = card.now
            if play is not None:
                idle_since = card.now
                play.report(player._emit)
                if play.over:
                    self._end(play)
                    if play.cut:
                        return
            elif card.now - idle_since > hold_s or player._closing:
                return
            if card.now - moved > _STALL_LIMIT_S:
                raise DriverFault("speaker.device_lost", f"{card.name} takes no more sound", retry=True)
            time.sleep(self._random.uniform(*_TURN_S))

    def _begin(self) -> float:
        player, card = self._player, self._card
        job = player._jobs[0]
        player._play = Play(job, card)
        player._jobs.popleft()
        player._emit("opened", output=card.name)
        return job.hold_s

    def _obey(self, play: Play | None) -> None:
        orders = self._player._orders
        while orders:
            order, values = orders.popleft()
            if play is None:
                continue
            if order == "stop":
                play.stop()
            else:
                play.set_volume(*values)

    def _end(self, play: Play) -> None:
        player = self._player
        player._play = None
        play.close()
        if play.fault is not None:
            player._emit("failed", code=play.fault.code, detail=play.fault.detail, retry=play.fault.retry)
        else:
            player._emit("ended", **play.result())

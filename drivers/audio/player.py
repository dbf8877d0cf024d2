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
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drivers.audio import card as cards
from drivers.audio.card import Card
from drivers.audio.pieces import Item
from drivers.audio.play import Play
from drivers.audio.priority import PLAYER, calm, hurry
from drivers.contract import DriverFault

BLOCK_S = 0.01
_TURN_S = (0.004, 0.011)  # irregular: readings must not keep step with the card's own
_HASTE_S = (0.001, 0.003)  # while little is known of the card's clock
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


class Player:
    """One thread, one card. `emit(event, **fields)` is called for opened, started, progress, ended and failed."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._orders = Orders()
        self._thread = threading.Thread(target=self._run, name="playout-player", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something plays or is about to."""
        return self._orders.busy

    def play(self, job: Job) -> None:
        """Play this when nothing else plays any more. From any thread, as all of these."""
        self._orders.add(job)

    def stop(self) -> None:
        """Fade out what plays; what has not begun never will."""
        self._orders.give("stop")

    def set_volume(self, volume: float, ramp_s: float) -> None:
        """Change the volume of what plays."""
        self._orders.give("volume", volume, ramp_s)

    def close(self, limit_s: float) -> None:
        """Stop, and end the thread within `limit_s`, if it can be ended."""
        self._orders.close()
        self._thread.join(limit_s)

    def _run(self) -> None:
        calm()
        while (job := self._orders.wait()) is not None:
            try:
                self._open(job)
            except DriverFault as fault:
                self._fail(fault)
            except Exception as error:  # noqa: BLE001 - edge of the thread: the parent has to hear of it
                traceback.print_exc()
                self._fail(DriverFault("speaker.playout_failed", repr(error), retry=True))

    def _fail(self, fault: DriverFault) -> None:
        if self._orders.drop():  # else nobody listens: the card went away after the play
            self._emit("failed", code=fault.code, detail=fault.detail, retry=fault.retry)

    def _open(self, first: Job) -> None:
        """Open the card, play what comes, close it when nothing came for a while."""
        while first.target is not None and time.monotonic() < first.target - _LEAD_S and not self._orders.given:
            time.sleep(0.02)
        audio = cards.portaudio()
        try:
            card = Card(audio, cards.find(audio, first.device), first.buffer_s, first.drift_ppm)
            with contextlib.closing(card):
                session = Session(card, self._orders, self._emit)
                hurry(PLAYER)  # not before: the imports and the opening may take long
                session.run()
        finally:
            calm()
            with contextlib.suppress(OSError):
                audio.terminate()


class Orders:
    """What is to be done, between the thread that hears of it and the one that does it."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._jobs: deque[Job] = deque()
        self.given: deque[tuple[str, tuple[float, ...]]] = deque()
        self.closing = False

    @property
    def busy(self) -> bool:
        """Whether a job is there that is not done."""
        return bool(self._jobs)

    @property
    def job(self) -> Job | None:
        """The job whose turn it is."""
        return self._jobs[0] if self._jobs else None

    def add(self, job: Job) -> None:
        """Do this after what is there already."""
        with self._wake:
            if not self._jobs:
                self.given.clear()  # meant for a play before
            self._jobs.append(job)
            self._wake.notify()

    def give(self, order: str, *values: float) -> None:
        """Say something to the job whose turn it is."""
        self.given.append((order, values))

    def drop(self) -> bool:
        """The job is done, or given up; False if there was none."""
        with self._wake:
            if not self._jobs:
                return False
            self._jobs.popleft()
            return True

    def wait(self) -> Job | None:
        """Return the next job as soon as there is one; None when it is time to go."""
        with self._wake:
            while not self._jobs and not self.closing:
                self._wake.wait()
            return None if self.closing else self._jobs[0]

    def close(self) -> None:
        """Stop what there is; take nothing more."""
        with self._wake:
            self.closing = True
            self.give("stop")
            self._wake.notify()


class Session:
    """The time from opening a card to closing it."""

    def __init__(self, card: Card, orders: Orders, emit: Emit) -> None:
        import numpy as np

        self._card, self._orders, self._emit = card, orders, emit
        self._play: Play | None = None
        self._frames = min(round(BLOCK_S * card.rate), card.room // 2)
        self._silence = np.zeros((self._frames, card.channels), dtype=np.int16)
        self._block = np.zeros((self._frames, card.channels), dtype=np.int16)
        self._random = random.Random()  # noqa: S311 - nothing secret: only irregular
        self._moved = self._idle_since = time.monotonic()

    def run(self) -> None:
        """Play until nothing came for a while. Raises DriverFault."""
        try:
            while self._turn():
                time.sleep(self._random.uniform(*(_TURN_S if self._card.ready else _HASTE_S)))
        finally:
            if self._play is not None:
                self._play.close()

    def _turn(self) -> bool:
        """Fill the card once; whether to go on."""
        card, orders = self._card, self._orders
        room = card.look()
        if self._play is None and orders.job is not None:
            self._play = Play(orders.job, card)
            self._emit("opened", output=card.name)
        play = self._play
        self._obey(play)
        while room >= self._frames:
            rendered = play is not None and play.render(self._block)
            card.write(self._block if rendered else self._silence)
            room -= self._frames
            self._moved = card.now
        if card.now - self._moved > _STALL_LIMIT_S:
            raise DriverFault("speaker.device_lost", f"{card.name} takes no more sound", retry=True)
        if play is None:
            return card.now - self._idle_since < _HOLD_S and not orders.closing
        self._idle_since = card.now
        play.report(self._emit)
        return self._end(play) if play.over else True

    def _obey(self, play: Play | None) -> None:
        given = self._orders.given
        while given and play is not None:
            order, values = given.popleft()
            if order == "stop":
                play.stop()
            else:
                play.set_volume(*values)

    def _end(self, play: Play) -> bool:
        """Tell how it ended; whether the card stays open."""
        play.close()
        self._play = None
        self._orders.drop()  # before it is told: what comes then is for the next one
        if play.fault is not None:
            self._emit("failed", code=play.fault.code, detail=play.fault.detail, retry=play.fault.retry)
        else:
            self._emit("ended", **play.result())
        return not play.cut

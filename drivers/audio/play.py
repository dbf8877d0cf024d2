"""One play on an open card: which samples go into the next block, and what is told of it.

In step: card frame m is heard at `card.time_of(m)`, so the sample due there is known. The play follows it by changing
its pace by at most `_SLEW` (unheard: 0.9 cent); only when it is off by more than `_JUMP_S` it jumps there, once, with
a short fade. Samples are never dropped or doubled to correct a drift.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drivers.audio.beginning import Beginning
from drivers.audio.card import Card
from drivers.audio.feed import Feed
from drivers.audio.level import Level
from drivers.audio.resample import BEFORE, Placer
from drivers.audio.wall import WallClock
from drivers.contract import DriverFault

if TYPE_CHECKING:
    from drivers.audio.player import Job

_PREFILL_S = 0.1
_FADE_S = 0.03
_STOP_WITHIN_S = 0.095
_STOP_LIMIT_S = 0.4
_SLEW = 500e-6
_SETTLE_S = 0.3
_JUMP_S = 3e-3
_PROGRESS_S = 0.5
_REFINE_S = 2.0
_DRAIN_LIMIT_S = 3.0
_SEEK_S = 0.5


class Play:
    """Made when its turn has come; `render` for every block until `over`."""

    def __init__(self, job: "Job", card: Card) -> None:
        import numpy as np

        self._card, self._job = card, job
        self._frames = frames = min(round(0.01 * card.rate), card.room // 2)
        self._skip = round(job.skip_s * card.rate)
        self._feed = Feed(job.items, card.rate, self._skip)
        self._placer = Placer(frames)
        self._samples = np.zeros(self._placer.room, dtype=np.float32)
        self._out = np.zeros(frames, dtype=np.float32)
        self._level = Level(job.volume, frames, card.rate)
        self._target = None if job.target is None else job.target - job.latency_s
        self._pos: float | None = None  # the sample that goes into the next frame
        self._mark = (float(card.written), float(self._skip))  # this frame of the card is that sample
        self._landing = False  # a jump: this block fades out, the next one is elsewhere
        self._lost = False
        self._stopping = False
        self._end_frame: float | None = None
        self._beginning: Beginning | None = None
        self._started = False
        self._frames_played = 0.0
        self._epoch, self._dry = card.epoch, card.dry
        self._starving, self._starved = False, 0
        self._resyncs = 0
        self._told = self._drains_since = self._sought = 0.0
        self._wall = WallClock()
        self._stopped_at: float | None = None
        self.over = False
        self.cut = False
        self.fault: DriverFault | None = None

    def stop(self) -> None:
        """Fade out and end; with a long buffer, for which that would take too long, end at once."""
        if self._stopped_at is not None or self._end_frame is not None:
            return
        self._stopped_at = self._card.now
        self._level.fade_out()
        if self._pos is None:
            self.over = True
        else:
            self.cut = self._card.waiting / self._card.rate + _FADE_S > _STOP_WITHIN_S
            self.over = self.cut

    def set_volume(self, volume: float, ramp_s: float) -> None:
        """Go to another volume within `ramp_s`."""
        self._level.set(volume, ramp_s)
        if self._pos is None:
            self._level.settle()

    def close(self) -> None:
        """Let go of the files."""
        self._feed.close()

    def render(self, block: Any) -> bool:
        """Fill the block that is handed over next; False: silence."""
        card = self._card
        if self._epoch != card.epoch:
            self._epoch, self._lost = card.epoch, True
            if not card.written:
                self._ran_dry()
        if self._end_frame is not None or self.over:
            return False
        pace = self._begin() if self._pos is None else self._follow(self._pos)
        if pace is None or self._pos is None:
            return False
        there = self._read(self._pos, pace)
        self._level.apply(self._out, self._landing)
        self._fill(block)
        if not there and self._holds():
            return True  # the position waits for the samples
        self._advance(self._pos, pace)
        return True

    def report(self, emit: Callable[..., None]) -> None:
        """Tell what is to be told, look at the clocks, notice the end. After every turn."""
        card = self._card
        began = self._beginning
        if began is not None and not self._started:
            self._started = True
            emit("started", heard=began.heard, error_s=began.error_s, output=card.name)
        if card.now - self._told >= _PROGRESS_S:
            self._told = card.now
            if self._started:
                emit("progress", position=self.position_s, mono=card.now)
            if self._target is not None and self._job.target is not None:
                self._target -= self._wall.step()
            if began is not None:
                began.look_again()
        feed = self._feed
        if feed.fault is not None and (self._pos is None or feed.buffered(int(self._pos)) <= self._frames):
            self.fault, self.over = feed.fault, True
        if self._end_frame is not None:
            self._drains_since = self._drains_since or card.now
            heard = card.written - card.waiting
            late = card.now - self._drains_since > _DRAIN_LIMIT_S
            self.over = self.over or heard >= self._end_frame or late
        elif self._stopped_at is not None and card.now - self._stopped_at > _STOP_LIMIT_S:
            self.cut = self.over = True  # the card takes nothing any more

    def result(self) -> dict[str, Any]:
        """What `ended` says."""
        card = self._card
        began = self._beginning
        if began is not None:
            began.look_again(last=True)
        unheard = max(0.0, self._mark[0] - (card.written - card.waiting)) if self.cut else 0.0
        clocked = not card.unclocked and card.clock.ready
        return {
            "seconds": max(0.0, self._frames_played - unheard) / card.rate,
            "stopped": self._stopped_at is not None,
            "position": self.position_s,
            "heard": None if began is None else began.heard,
            "error_s": None if began is None else began.error_s,
            "volume": self._level.volume,
            "underruns": 0 if card.unclocked else card.dry - self._dry + self._starved,
            "resyncs": self._resyncs,
            "uncertainty_s": card.clock.uncertainty_s if clocked else None,
            "drift_ppm": card.clock.drift_ppm if clocked else None,
        }

    @property
    def position_s(self) -> float:
        """Seconds within the pieces that are heard now."""
        card = self._card
        frame, sample = self._mark
        heard = sample - max(0.0, frame - (card.written - card.waiting))
        return max(float(self._skip), heard) / card.rate

    def _ran_dry(self) -> None:
        """All that the card was given has been heard; its frames are numbered anew."""
        self._mark = (0.0, self._mark[1])
        if self._end_frame is not None:
            self._end_frame = 0.0

    def _due(self) -> float:
        """Which sample is due in the next frame."""
        card = self._card
        assert self._target is not None  # noqa: S101 - only asked in step
        return self._skip + (card.time_of(card.written) - self._target) * card.rate

    def _begin(self) -> float | None:
        """Return the pace if the play begins within the next block."""
        card, feed = self._card, self._feed
        if feed.end == self._skip:  # nothing is left of it
            self._pos, self._end_frame = float(self._skip), card.written
            return None
        if self._job.target is None and not self._may_begin_now():
            return None
        if self._target is None:
            self._pos = float(self._skip)
            self._beginning = Beginning(card, card.written, None, self._job.latency_s)
            return 1.0
        return self._begin_in_step(self._target) if card.ready else None

    def _may_begin_now(self) -> bool:
        """Whether a play without an instant has enough to begin with; a live one gets its instant then."""
        card, feed = self._card, self._feed
        if not feed.live and feed.end is None and feed.buffered(self._skip) < _PREFILL_S * card.rate:
            return False
        if self._target is None and any(item.kind == "live" for item in self._job.items):
            if not card.ready:
                return False
            self._target = card.time_of(card.written)
        return True

    def _begin_in_step(self, target: float) -> float | None:
        card = self._card
        pace = card.rate / card.pace
        due = self._due()
        if card.unclocked:
            due = float(round(due))  # the time is ours, so the samples may stay what they are
        if due + self._frames * pace <= self._skip:
            return None
        self._pos = due
        first = card.written + max(0.0, self._skip - due) / pace
        wanted = None if self._job.target is None else target
        self._beginning = Beginning(card, first, wanted, self._job.latency_s)
        return pace

    def _follow(self, pos: float) -> float | None:
        """Return the pace of the next block; may move the position; None while it is not known where to be."""
        card = self._card
        if self._target is None or card.unclocked:
            self._lost = False
            return 1.0
        if not card.ready:
            return None if self._lost else card.rate / card.pace
        off = self._due() - pos
        if self._landing or self._lost:
            self._resyncs += abs(off) > _JUMP_S * card.rate
            self._pos = pos + off
            self._landing = self._lost = False
            self._level.fade_in()
            off = 0.0
        elif abs(off) > _JUMP_S * card.rate:
            self._landing = True
            off = 0.0
        slew = max(-_SLEW, min(_SLEW, off / (_SETTLE_S * card.rate)))
        return card.rate / card.pace + slew

    def _holds(self) -> bool:
        return self._target is None

    def _read(self, pos: float, pace: float) -> bool:
        """Put the block's samples into `_out`; whether all were there."""
        card, feed, whole = self._card, self._feed, int(pos // 1)
        count = feed.take(whole - BEFORE - 1, self._samples)
        last = whole + self._frames
        there = feed.end is not None or feed.buffered(last) > 0 or last <= self._skip
        if not there and not feed.live:
            if not self._starving:
                self._starved += 1
            if count == 0 and card.now - self._sought > _SEEK_S:
                self._sought = card.now
                feed.seek(whole)
        self._starving = not there and not feed.live
        if self._starving and self._holds():
            self._out[:] = 0
            return False
        self._placer.place(self._samples, pos - whole, pace, self._out)
        return there

    def _fill(self, block: Any) -> None:
        import numpy as np

        out = self._out
        np.rint(out, out=out)
        np.clip(out, -32768.0, 32767.0, out=out)
        for channel in range(block.shape[1]):
            np.copyto(block[:, channel], out, casting="unsafe")

    def _advance(self, pos: float, pace: float) -> None:
        card, feed = self._card, self._feed
        after = pos + self._frames * pace
        self._pos = after
        end_frame = card.written + float(self._frames)
        began = max(0.0, self._skip - pos) / pace
        if feed.end is not None and after >= feed.end:
            end_frame = card.written + max(0.0, feed.end - pos) / pace
            after = max(feed.end, self._skip)
            self._end_frame = end_frame
        elif self._stopped_at is not None and self._level.silent:
            self._end_frame = end_frame
        self._mark = (end_frame, float(after))
        self._frames_played += max(0.0, end_frame - card.written - began)

"""When an item wants the air, when it is too late for it, and when its first sample is due."""

from datetime import datetime, timedelta

from edge_agent.broadcast.amplifier import Amplifier
from edge_agent.broadcast.job import Job
from edge_agent.clock import Clock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Fault

_AHEAD_S = 1.5
"""An item with an instant takes the air so long before it: the output opens, and what plays makes way."""
_OPEN_S = 5.0
_NEAR = timedelta(seconds=1)
_LOOK_AGAIN_S = 5.0
_RETRY_S = (0.5, 1.0, 2.0, 5.0)


class Timing:
    """The instants of one speaker. `free_at`: monotonic, when the item before was over."""

    def __init__(self, speaker: Speaker, policy: Broadcast, clock: Clock, amplifier: Amplifier | None) -> None:
        self._delay = timedelta(milliseconds=speaker.delay_ms)
        self._policy = policy
        self._clock = clock
        self._amplifier = amplifier
        self._warm_up_s = amplifier.warm_up_s if amplifier is not None else 0.0
        self.free_at: float | None = None

    @property
    def lead_s(self) -> float:
        """How long before its instant everything about an item has begun."""
        return max(_OPEN_S, self._warm_up_s + _AHEAD_S)

    def ripe(self, job: Job) -> bool:
        """Whether it wants the air now."""
        if job.sources.pieces is None or job.not_before > self._clock.monotonic():
            return False
        return job.begun or job.item.at is None or self._until(job.item.at) <= _AHEAD_S

    def prepare(self, job: Job) -> tuple[bool, bool]:
        """Whether its streams are to be opened by now, and whether its amplifier is to be on."""
        if job.begun or job.item.at is None:
            return True, False
        until = self._until(job.item.at)
        return until <= _OPEN_S, until <= self._warm_up_s + 0.25

    def next_look(self, job: Job) -> float:
        """Seconds after which something may have changed for it; the wall clock may step, so never for long."""
        waits = [_LOOK_AGAIN_S]
        if (pause := job.not_before - self._clock.monotonic()) > 0:
            waits.append(pause)
        if not job.begun and job.item.at is not None:
            until = self._until(job.item.at)
            waits += [until - ahead for ahead in (_AHEAD_S, _OPEN_S, self._warm_up_s + 0.25) if until > ahead]
        if not job.begun and job.item.not_after is not None:
            waits.append(self._until(job.item.not_after) + 0.001)
        return max(0.001, min(waits))

    def try_again(self, job: Job) -> None:
        """Its speaker failed: not at once."""
        job.not_before = self._clock.monotonic() + _RETRY_S[min(job.tries, len(_RETRY_S) - 1)]
        job.tries += 1

    def too_late(self, job: Job) -> Fault | None:
        """Why it is not heard (any more)."""
        item = job.item
        if job.away and job.left_at is not None:
            if self._clock.monotonic() - job.left_at <= self._policy.resume_within_s:
                return None
            by = job.interruptions[-1].by if job.interruptions else "-"
            return job.failure or Fault.of("bulletin.dropped", by=by)
        if item.not_after is None or job.begun or self._clock.now() <= item.not_after:
            return None
        return job.failure or Fault.of("bulletin.missed_busy")

    def instant(self, job: Job, live_since_s: float | None) -> datetime | None:
        """When the first sample of its next play is due; None: now."""
        now = self._clock.now()
        if live_since_s is not None:
            return self._live_began(job, now - timedelta(seconds=live_since_s))
        at = job.item.at + self._delay if job.item.at is not None and not job.begun else None
        if at is not None and job.is_live:
            return at
        urgent = job.item.class_ == "emergency"  # the siren does not wait until the amplifier is warm
        gap = 0.0 if self.free_at is None else self._policy.gap_s - (self._clock.monotonic() - self.free_at)
        cold = self._amplifier.cold_s if self._amplifier is not None else 0.0
        soonest = now if urgent else now + timedelta(seconds=max(0.0, cold, gap if at is None or at <= now else 0.0))
        if at is not None and at >= soonest:
            return at
        return soonest if soonest - now > timedelta(milliseconds=1) else None

    def _live_began(self, job: Job, about: datetime) -> datetime:
        """When a live piece began that is joined again: by its own instant, so that neighbours stay in step."""
        if job.is_live and job.item.at is not None and abs((at := job.item.at + self._delay) - about) < _NEAR:
            return at
        return about

    def _until(self, instant: datetime) -> float:
        return (instant - self._clock.now()).total_seconds()

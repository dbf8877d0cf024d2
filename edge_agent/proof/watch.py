"""Decides what an idle loudspeaker's sounds mean, against what is usual at its place. No numpy, no disk, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from edge_agent.contract.errors import Fault
from edge_agent.proof.model import Sounds

LEARN = 8
"""Recordings that are only listened to, at the first installation."""
RAISE = 3
"""So many of the last `_LAST` recordings have to show the same before it is told."""
_LAST = 4
_CLEAR = 6
_UP_DB, _DOWN_DB = 0.05, 0.1  # of the floor, for each recording: a day's traffic is followed, a new hum is not
_LINE_OVER_DB, _LINE_EXCESS_DB, _LINES = 12.0, 8.0, 3
_CLICKS = 4.0
_HORN_EXCESS_DB, _HORN_NOT_LOW_DB = 10.0, 8.0
_VOICE = 0.4
_SILENT_DBFS = -90.0


@dataclass
class Floor:
    """What is usual: running medians, each moved by a small step towards every recording."""

    seen: int = 0
    horn_dbfs: float = 0.0
    low_dbfs: float = 0.0
    clicks: float = 0.0
    lines: dict[int, float] = field(default_factory=dict)

    def learn(self, sounds: Sounds) -> None:
        """Take a recording in: quickly while there are few."""
        self.seen += 1
        self.horn_dbfs = self._moved(self.horn_dbfs, sounds.horn_dbfs)
        self.low_dbfs = self._moved(self.low_dbfs, sounds.low_dbfs)
        self.clicks += (sounds.clicks - self.clicks) / min(self.seen, 60)
        for hz, level in sounds.lines.items():
            self.lines[hz] = self._moved(self.lines.get(hz, level), level)

    def as_json(self) -> dict[str, Any]:
        """For the disk."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Floor:
        """From the disk. Raises KeyError, TypeError or ValueError for what it never wrote."""
        lines = {int(hz): float(level) for hz, level in dict(plain["lines"]).items()}
        figures = {name: float(plain[name]) for name in ("horn_dbfs", "low_dbfs", "clicks")}
        return cls(seen=int(plain["seen"]), lines=lines, **figures)

    def _moved(self, usual: float, now: float) -> float:
        if self.seen <= LEARN:
            return usual + (now - usual) / self.seen
        return min(now, usual + _UP_DB) if now > usual else max(now, usual - _DOWN_DB)


class Watch:
    """One idle loudspeaker: gets its recordings, and says when what is wrong changes."""

    def __init__(self, floor: Floor | None = None) -> None:
        self.floor = floor or Floor()
        self.fault: Fault | None = None
        self._last: deque[Fault | None] = deque(maxlen=_CLEAR)

    def hear(self, sounds: Sounds, *, least_dbfs: float | None = None) -> bool:
        """Take in a recording; returns whether `fault` has changed.

        `least_dbfs`: what is softer than that does not come from this loudspeaker, if that is known.
        """
        found = self._judge(sounds, least_dbfs)
        self._last.append(found)
        if found is None:
            self.floor.learn(sounds)
        before = self.fault
        if self.fault is None:
            recent = list(self._last)[-_LAST:]
            if found is not None and sum(each is not None and each.code == found.code for each in recent) >= RAISE:
                self.fault = found
        elif len(self._last) == _CLEAR and not any(each and each.code == self.fault.code for each in self._last):
            self.fault = None
        return self.fault is not before

    def _judge(self, sounds: Sounds, least_dbfs: float | None) -> Fault | None:
        if sounds.level_dbfs < _SILENT_DBFS:
            return Fault.of("microphone.silent")
        if self.floor.seen < LEARN:
            return None
        if (found := self._hum(sounds) or self._crackle(sounds)) is not None:
            return found
        return None if least_dbfs is not None and sounds.horn_dbfs < least_dbfs else self._foreign(sounds)

    def _hum(self, sounds: Sounds) -> Fault | None:
        excess = {
            hz: level - self.floor.lines.get(hz, level)
            for hz, level in sounds.lines.items()
            if sounds.line_over[hz] >= _LINE_OVER_DB
        }
        raised = {hz: more for hz, more in excess.items() if more >= _LINE_EXCESS_DB}
        if len(raised) < _LINES:
            return None
        loudest = max(raised, key=lambda hz: sounds.lines[hz])
        return Fault.of("speaker.hum", hz=loudest, db=round(raised[loudest]))

    def _crackle(self, sounds: Sounds) -> Fault | None:
        unusual = sounds.clicks >= _CLICKS + 3 * self.floor.clicks
        return Fault.of("speaker.crackle", rate=round(sounds.clicks)) if unusual and sounds.voice < _VOICE else None

    def _foreign(self, sounds: Sounds) -> Fault | None:
        horn, low = sounds.horn_dbfs - self.floor.horn_dbfs, sounds.low_dbfs - self.floor.low_dbfs
        if sounds.voice < _VOICE or horn < _HORN_EXCESS_DB or low > horn - _HORN_NOT_LOW_DB:
            return None
        return Fault.of("speaker.foreign_audio", db=round(horn))

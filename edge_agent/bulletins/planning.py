"""What is looked at before a bulletin comes onto the calendar: its words, its instants, the law."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.broadcast.station import Station
from edge_agent.bulletins.lawful import Lawful
from edge_agent.bulletins.ready import Readying
from edge_agent.bulletins.sounds import least_seconds, manner
from edge_agent.calendar import Occurrence, next_after
from edge_agent.config.model import Speaker
from edge_agent.contract.base import iso
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.segments import Segment, Text
from tts.manner import Manner

CheckReading = Callable[[str, Manner], Awaitable[None]]
"""Refuses a text with open questions."""


class Planning:
    """The questions that are asked while the person who plans is still there to answer them."""

    def __init__(
        self, station: Station, speakers: Sequence[Speaker], lawful: Lawful, check: CheckReading, zone: ZoneInfo
    ) -> None:
        self._station = station
        self._languages = {speaker.id: speaker.languages for speaker in speakers}
        self._lawful = lawful
        self._check = check
        self._zone = zone

    def speaker(self, bulletin: Bulletin) -> str:
        """Where it is heard; what the bulletin says if the configuration has changed since it was planned."""
        try:
            return self._station.speaker(bulletin.speaker)
        except Refusal:
            return bulletin.speaker or "-"

    def languages(self, bulletin: Bulletin) -> tuple[str, ...]:
        """What is spoken around its speaker."""
        return self._languages.get(self.speaker(bulletin), ("vi",))

    def parts(self, bulletin: Bulletin) -> tuple[Segment, ...]:
        """What is heard of it."""
        return bulletin.parts(self.languages(bulletin))

    def lead(self, bulletin: Bulletin) -> timedelta:
        """How long before its instant it is handed to the air."""
        try:
            return timedelta(seconds=max(3.0, self._station.air(bulletin.speaker).lead_s + 1.0))
        except Refusal:
            return timedelta(seconds=3)

    async def texts(self, bulletin: Bulletin) -> None:
        """Raise Refusal for open questions. What was heard and approved needs no reading."""
        self._station.speaker(bulletin.speaker)
        if bulletin.class_ != "emergency":
            self._station.check_authority(bulletin.authority)
        how = manner(bulletin)
        for part in self.parts(bulletin):
            if isinstance(part, Text) and part.rendered is None:
                voice = part.voice if bulletin.class_ != "emergency" else None  # that is said by whatever voice works
                await self._check(part.text, Manner({**how.readings, **part.readings}, how.strict, voice=voice))
        for change in bulletin.recurrence.changes if bulletin.recurrence else ():
            if change.text is not None:
                await self._check(change.text, how)

    async def next(self, bulletin: Bulletin, after: datetime) -> Occurrence:
        """Its first instance. Raises Refusal `bulletin.past` or `bulletin.never`."""
        coming = await asyncio.to_thread(next_after, bulletin, after, self._zone)
        if coming is None:
            never = bulletin.recurrence is not None
            raise Refusal("bulletin.never") if never else Refusal("bulletin.past", at=iso(bulletin.at))
        return coming

    async def lawful(self, bulletin: Bulletin, others: Iterable[Bulletin], ready: Readying) -> None:
        """Raise Refusal with the rule that it would break, and the next lawful instant."""
        fault = await self.unlawful(bulletin, least_seconds(self.parts(bulletin)), others, ready)
        if fault is not None:
            raise Refusal(fault.code, **fault.params)

    async def unlawful(
        self, bulletin: Bulletin, seconds: float | None, others: Iterable[Bulletin], ready: Readying
    ) -> Fault | None:
        """Why the law forbids one of its coming instances, beside the others of the same speaker."""
        speaker = self.speaker(bulletin)
        beside = [(each, ready.seconds(each.id)) for each in others if self.speaker(each) == speaker]
        return await self._lawful.violation(
            bulletin, seconds, [(each, known) for each, known in beside if each.id != bulletin.id]
        )


def handled(bulletin: Bulletin, now: datetime) -> datetime:
    """From when on it counts: from now; an emergency that somebody has just sent may be due since a moment."""
    if bulletin.class_ == "emergency" and now - timedelta(seconds=bulletin.catch_up_s) < bulletin.at <= now:
        return bulletin.at - timedelta(milliseconds=1)
    return now

"""Bulletins of class emergency: handed to the emergencies, which repeat them through any reboot."""

import logging
import sqlite3
from datetime import datetime, timedelta

from edge_agent.broadcast.alarm import Alarm
from edge_agent.broadcast.station import Station
from edge_agent.bulletins import airing as story
from edge_agent.bulletins.board import BulletinBoard
from edge_agent.bulletins.ledger import Ledger
from edge_agent.bulletins.table import Begun, Key, Planned
from edge_agent.calendar import Occurrence
from edge_agent.contract.airings import Airing
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Segment, Text

log = logging.getLogger(__name__)
_LASTS = timedelta(hours=1)


class BulletinAlarms:
    """The calendar's side of emergencies. Hours and trust in the clock bind none of them."""

    def __init__(self, station: Station, ledger: Ledger, board: BulletinBoard) -> None:
        self._station = station
        self._ledger = ledger
        self._board = board
        station.emergencies.settle = self._settle_in

    def sounding(self, bulletin: str) -> bool:
        """Whether a bulletin repeats now, or will as soon as the node has started."""
        return bulletin in self._station.emergencies.active()

    def goes_on(self, before: Planned | None, asked: Bulletin) -> bool:
        """Whether what is asked sounds already: who had no answer asks once more, which must not fall silent for it."""
        return before is not None and self.sounding(asked.id) and _is_same(before.bulletin, asked)

    async def sound(
        self, planned: Planned, occurrence: Occurrence, parts: tuple[Segment, ...], owner: str | None
    ) -> None:
        """Sound an instance until it is over."""
        bulletin = planned.bulletin
        begun = Begun(
            Key.of(occurrence),
            occurrence.at,
            story.intended(bulletin, occurrence, bulletin.speaker or "-", planned.by),
        )
        try:
            speaker = self._station.speaker(bulletin.speaker)
            if not await self._ledger.claim(begun):
                log.warning("emergency %s at %s was aired before", bulletin.id, occurrence.at)
                return
            self._board.show(bulletin, "on_air", last=occurrence.at)
            await self._station.emergencies.sound(_alarm(planned, occurrence, speaker, parts, owner))
            await self.follow(planned)
        except Refusal as refusal:
            airing = story.because(begun.airing, refusal.fault)
            await self._ledger.settle_open(begun.key, begun.due, airing)
            if not planned.gone:
                self._board.show(bulletin, airing.state, last=occurrence.at, fault=refusal.fault)

    async def follow(self, planned: Planned) -> None:
        """Show one that sounds until it is over."""
        self._board.show(planned.bulletin, "on_air")
        airing = await self._station.emergencies.over(planned.bulletin.id)
        if airing is not None and not planned.gone:
            self._board.show(planned.bulletin, airing.state, error_ms=airing.start_error_ms, voice=airing.voice)

    def end(self, bulletin: str, by: str) -> None:
        """It was taken off the calendar."""
        self._station.emergencies.end(bulletin, by)

    def _settle_in(self, db: sqlite3.Connection, alarm: Alarm, airing: Airing) -> None:
        if alarm.origin == "bulletin" and alarm.planned is not None:
            self._ledger.settle_in(db, Key(alarm.id, alarm.planned), alarm.at or alarm.planned, airing)


def _alarm(
    planned: Planned, occurrence: Occurrence, speaker: str, parts: tuple[Segment, ...], owner: str | None
) -> Alarm:
    bulletin = planned.bulletin
    words = (Text(text=occurrence.text, readings=bulletin.readings),) if occurrence.text is not None else parts
    return Alarm(
        id=bulletin.id,
        speaker=speaker,
        title=bulletin.title,
        segments=words,
        readings=bulletin.readings,
        owner=owner,
        origin="bulletin",
        authority=bulletin.authority,
        by=planned.by,
        approved_by=bulletin.approval.by if bulletin.approval else None,
        volume=bulletin.volume if occurrence.volume is None else occurrence.volume,
        at=occurrence.at,
        planned=occurrence.planned_as,
        until=_until(bulletin.repeat_until, occurrence.at),
        repeat_every_s=bulletin.repeat_every_s,
    )


def _is_same(one: Bulletin, other: Bulletin) -> bool:
    """But for the instants at which it was asked for; one that is moved has an end that moves with it."""
    if one.at != other.at and (one.repeat_until is None or one.recurrence is not None):
        return False
    asked = {"at": other.at, "catch_up_s": other.catch_up_s, "approval": other.approval}
    return one.model_copy(update=asked) == other


def _until(wanted: datetime | None, at: datetime) -> datetime:
    """When it ends by itself; of one that recurs, `repeat_until` says so for its first instance only."""
    return wanted if wanted is not None and wanted > at else at + _LASTS

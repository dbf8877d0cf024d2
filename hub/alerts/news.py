"""What happens once and is over: written down in the transaction that keeps the record, so that none gets lost."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.records import Event, Sample
from hub.alerts.model import Rule, within
from hub.alerts.settings import Night
from hub.alerts.tables import news
from hub.clock import Clock
from hub.times import local

FRESH = {Rule.MOTION: timedelta(minutes=30), Rule.MISSED: timedelta(hours=24)}
"""What a node tells later than this is no news: it was away."""
MOST = 20_000


class News:
    """Told of each new record by the ledger, in the store's thread."""

    def __init__(self, night: Night, zone: ZoneInfo, clock: Clock) -> None:
        self._night = night
        self._zone = zone
        self._clock = clock

    def note(self, connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        """Keep what is worth a message; all else is passed over."""
        del epoch
        rule = self._rule(record) if isinstance(record, Event) else None
        if rule is None or not isinstance(record, Event) or self._clock.now() - record.at > FRESH[rule]:
            return
        if connection.execute(sa.select(sa.func.count()).select_from(news)).scalar_one() >= MOST:
            return
        title = record.data.get("title")
        row = {"rule": rule.value, "address": address, "thing": (record.about or "")[:100], "at": iso(record.at)}
        connection.execute(news.insert().values(title=str(title or "")[:200], **row))

    def _rule(self, record: Event) -> Rule | None:
        if record.type == "motion" and record.data.get("end") is None:
            there = local(record.at, self._zone).time()
            return Rule.MOTION if within(there, self._night.from_, self._night.until) else None
        return Rule.MISSED if record.type in ("aired", "bulletin") and record.data.get("state") == "missed" else None

"""Alerts that never came to a cluster: they stand in the log of airings too. Runs in the store's thread."""

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from hub.aired import rows as aired
from hub.aired.unaired import BACK, GRACE, OF_EMERGENCIES, Unaired, keep
from hub.cap.said import CLEAR, TAKEN
from hub.cap.tables import airings, alerts, words

_REFUSED = ("failed", "rejected")
"""Of these the node itself said why."""


def log_missed(connection: Connection, now: datetime) -> int:
    """Write what no node will tell of, of those that ended a while ago; how many rows that were."""
    ended, since = iso(now - GRACE), iso(now - BACK)
    over = sa.or_(words.c.until < ended, sa.and_(airings.c.ending != "", airings.c.at < ended))
    log = aired.airings
    known = log.select().where(log.c.address == airings.c.address, log.c.item == airings.c.alert)
    query = (
        sa.select(airings, alerts.c.title, words.c["class"], words.c.approved_by)
        .join(words, sa.and_(words.c.alert == airings.c.alert, words.c.number == airings.c.words))
        .join(alerts, alerts.c.id == airings.c.alert)
        .where(airings.c.at >= since, over, airings.c.state.not_in(TAKEN), words.c["class"] != CLEAR, ~known.exists())
    )
    return keep(connection, [_unaired(row) for row in connection.execute(query)], OF_EMERGENCIES)


def _unaired(row: sa.Row[tuple[object, ...]]) -> Unaired:
    of = row._mapping
    fault = Fault.model_validate(json.loads(of["fault"])) if of["fault"] and of["state"] in _REFUSED else None
    at, title = datetime.fromisoformat(of["at"]), of["title"] or of["alert"]
    who = of["approved_by"]
    return Unaired(of["address"], of["alert"], title, of["class"], "", at, who, fault, aired.UNREACHED)

"""Emergencies that never came to a cluster: they stand in the log of airings too. Runs in the store's thread."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from hub.air.tables import sounded, told
from hub.aired.rows import UNREACHED, airings
from hub.aired.unaired import BACK, GRACE, OF_EMERGENCIES, Unaired, keep

_TAKEN = ("done", "accepted")
_REFUSED = ("failed", "rejected")
"""Of these the node itself said why."""


def log_missed(connection: Connection, now: datetime) -> int:
    """Write what no node will tell of, of those that ended a while ago; how many rows that were."""
    ended, since = iso(now - GRACE), iso(now - BACK)
    over = sa.or_(sounded.c.until < ended, sa.and_(sounded.c.cleared != "", sounded.c.cleared < ended))
    known = airings.select().where(airings.c.address == told.c.address, airings.c.item == sounded.c.id)
    query = (
        sa.select(sounded, told.c.address, told.c.state, told.c.fault)
        .join(told, told.c.emergency == sounded.c.id)
        .where(sounded.c.at >= since, over, told.c.state.not_in(_TAKEN), ~known.exists())
    )
    return keep(connection, [_unaired(row) for row in connection.execute(query)], OF_EMERGENCIES)


def _unaired(row: sa.Row[tuple[object, ...]]) -> Unaired:
    of = row._mapping
    fault = Fault.model_validate_json(of["fault"]) if of["fault"] and of["state"] in _REFUSED else None
    at = datetime.fromisoformat(of["at"])
    return Unaired(of["address"], of["id"], of["title"], "emergency", "", at, of["by"], fault, UNREACHED)

"""What was let go for a node that never took it: the log of airings shall show it as missed, for no node will tell."""

import hashlib
from collections.abc import Iterable

from sqlalchemy.engine import Connection

from edge_agent.contract.airings import Airing
from hub.aired.rows import UNDELIVERED, airings, micros
from hub.bulletins.deliveries import Delivery, Sent
from hub.bulletins.model import HubBulletin
from hub.tables import insert_new

OF_THE_HUB = -1
"""The epoch of such rows: nodes begin at 0."""


def keep_missed(connection: Connection, bulletin: HubBulletin, rows: Iterable[Delivery]) -> None:
    """Write a row for each node that should have aired a bulletin with one instant and has not even taken it.

    Written twice it is there once. A node that took it tells by itself what came of it, if only after a power cut.
    """
    let_go = bulletin.released
    if let_go is None or let_go.schedule.recurrence is not None:
        return
    for row in rows:
        if row.wanted and row.state is not Sent.TAKEN:
            insert_new(connection, airings, _row(bulletin.id, row, _airing(bulletin, row)))


def _airing(bulletin: HubBulletin, row: Delivery) -> Airing:
    let_go = bulletin.released
    assert let_go is not None  # noqa: S101 - the caller looked
    content = let_go.content
    return Airing.model_validate(
        {
            "id": bulletin.id,
            "speaker": "",
            "title": content.title,
            "class": content.class_,
            "authority": content.authority or "",
            "state": "missed",
            "planned": let_go.schedule.at,
            "repetitions": 0,
            "code": row.fault.code if row.fault else UNDELIVERED,
            "params": row.fault.params if row.fault else {},
            "reason": row.fault.en if row.fault else None,
            "approved_by": let_go.name,
        }
    )


def _row(id_: str, row: Delivery, airing: Airing) -> dict[str, object]:
    assert airing.planned is not None  # noqa: S101 - just given
    at = micros(airing.planned)
    return {
        "address": row.address,
        "epoch": OF_THE_HUB,
        "seq": int.from_bytes(hashlib.sha256(f"{id_} {at}".encode()).digest()[:6]),
        "at": at,
        "item": id_,
        "started": None,
        "class": airing.class_,
        "state": airing.state,
        "heard": None,
        "seconds": 0.0,
        "body": airing.model_dump_json(by_alias=True, exclude_none=True),
    }

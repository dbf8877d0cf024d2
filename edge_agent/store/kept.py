"""Small things that parts of the agent keep through a power cut: one JSON object for each kind and id."""

import json
import logging
import sqlite3
from typing import Any

from edge_agent.contract.base import JsonObject

log = logging.getLogger(__name__)


def read(db: sqlite3.Connection, kind: str) -> dict[str, JsonObject]:
    """All of a kind, by id; an entry that is no JSON object is left out and logged."""
    found: dict[str, JsonObject] = {}
    for id_, body in db.execute("SELECT id, body FROM kept WHERE kind = ?", (kind,)):
        try:
            value: Any = json.loads(body)
        except ValueError:
            value = None
        if isinstance(value, dict):
            found[id_] = value
        else:
            log.error("what was kept as %s/%s cannot be read", kind, id_)
    return found


def put(db: sqlite3.Connection, kind: str, id_: str, body: JsonObject) -> None:
    """Keep, instead of what was kept before."""
    db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (kind, id_, json.dumps(body, ensure_ascii=False)))


def drop(db: sqlite3.Connection, kind: str, id_: str) -> None:
    """Keep no longer; nothing happens when there is none."""
    db.execute("DELETE FROM kept WHERE kind = ? AND id = ?", (kind, id_))

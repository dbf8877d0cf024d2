"""A feed that loses nothing: `python follow.py DATABASE HOST PORT [USER PASSWORD_FILE]`. Needs only paho-mqtt 2.

Each record is in SQLite before the broker gets its PUBACK, so whatever happens in between comes again and is known by
its number. Missing numbers are printed on standard error as they become known: `missing 26734/thon-dong 17..19`.
"""

import json
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

TABLES = """
CREATE TABLE IF NOT EXISTS record (node TEXT, seq INTEGER, at TEXT, body TEXT, PRIMARY KEY (node, seq, at));
CREATE TABLE IF NOT EXISTS gone (node TEXT, first INTEGER, last INTEGER, PRIMARY KEY (node, first, last));
"""
HOLES = """
WITH known (first, last) AS (
    SELECT seq, seq FROM record WHERE node = :node AND seq >= :since
    UNION SELECT first, last FROM gone WHERE node = :node AND last >= :since),
pair (last, first) AS (
    SELECT max(last) OVER (ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), first FROM known)
SELECT last + 1, first - 1 FROM pair WHERE first > last + 1
"""


@dataclass
class Node:
    """Everything up to `through` has come or is known to be gone; `holes` are missing beyond that."""

    through: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)


class Feed:
    """The records of all nodes in one SQLite file."""

    def __init__(self, path: str) -> None:
        self.database = sqlite3.connect(path)
        self.database.executescript(TABLES)
        self.nodes: dict[str, Node] = {}

    def keep(self, node: str, records: list[dict[str, Any]]) -> None:
        """Write a batch in one transaction; what had come before changes nothing."""
        with self.database as database:
            for record in records:
                row = (node, record["seq"], record["at"], json.dumps(record, ensure_ascii=False))
                database.execute("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?)", row)
                if record.get("type") == "gap":  # these numbers will never come, and the node says why
                    ranges = [(node, first, last) for first, last in record["data"]["ranges"]]
                    database.executemany("INSERT OR IGNORE INTO gone VALUES (?, ?, ?)", ranges)

    def look(self, node: str) -> bool:
        """Find the holes again, from where there were none; whether they changed."""
        known = self.nodes.setdefault(node, Node())
        before = known.holes
        known.holes = self.database.execute(HOLES, {"node": node, "since": known.through}).fetchall()
        last = self.database.execute("SELECT max(seq) FROM record WHERE node = ?", (node,)).fetchone()[0]
        known.through = known.holes[0][0] - 1 if known.holes else last
        return known.holes != before

    def hear(self, client: Client, _data: object, message: MQTTMessage) -> None:
        """On disk first, then PUBACK."""
        node = "/".join(message.topic.split("/")[1:3])
        self.keep(node, json.loads(message.payload)["records"])
        client.ack(message.mid, message.qos)
        if self.look(node):
            holes = " ".join(f"{first}..{last}" for first, last in self.nodes[node].holes)
            print("missing", node, holes or "nothing", file=sys.stderr, flush=True)


def connected(client: Client, *_: object) -> None:
    """Ask anew after each connection: a broker may have forgotten."""
    client.subscribe([("edge/+/+/event", 1), ("edge/+/+/telemetry", 1)])


def main(path: str, host: str, port: str, user: str | None = None, password_file: str | None = None) -> None:
    """Run until interrupted."""
    client = Client(CallbackAPIVersion.VERSION2, "ioc-follow", clean_session=False, manual_ack=True)
    if user and password_file:
        client.username_pw_set(user, Path(password_file).read_text(encoding="utf-8").strip())
    client.on_connect = connected
    client.on_message = Feed(path).hear
    client.connect(host, int(port))
    client.loop_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

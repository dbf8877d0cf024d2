"""The journal of commands: what came, what became of it, so that nothing is done twice through any crash."""

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from edge_agent.contract.base import iso
from edge_agent.contract.commands import Ack, Command, command
from edge_agent.store.database import Database

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Entry:
    """A command that is remembered: its newest answer."""

    answer: Ack
    expires: datetime


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A command that was accepted before the agent stopped; `begun` when its act had begun."""

    command: Command
    begun: bool


class Journal:
    """Ids of all commands that have not expired, in memory and on disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: dict[str, Entry] = {}

    async def load(self) -> list[Unfinished]:
        """Read what is on disk; returns what was left unfinished, oldest first."""
        rows = await self._database.read(
            lambda db: db.execute(
                "SELECT id, payload, state, begun, expires, answer FROM command ORDER BY rowid"
            ).fetchall()
        )
        unfinished = []
        for id_, payload, state, begun, expires, answer in rows:
            try:
                self._entries[id_] = Entry(Ack.model_validate_json(answer), datetime.fromisoformat(expires))
                if state == "accepted":
                    unfinished.append(Unfinished(command.validate_json(payload), bool(begun)))
            except (
                ValueError
            ) as error:  # written by another version, or spoilt: it must not keep the node from starting
                log.error("command %s in the journal cannot be read: %s", id_, error)
        return unfinished

    def known(self, id_: str) -> Ack | None:
        """The newest answer to a command that has come before."""
        entry = self._entries.get(id_)
        return entry.answer if entry else None

    def remember(self, asked: Command, answer: Ack) -> None:
        """Know the id from now on, in memory."""
        self._entries[asked.id] = Entry(answer, asked.expires)

    @staticmethod
    def write_in(db: sqlite3.Connection, asked: Command, payload: str, answer: Ack) -> None:
        """Write a command with its answer, inside the transaction of its effect."""
        db.execute(
            "INSERT OR REPLACE INTO command (id, payload, state, expires, answer) VALUES (?, ?, ?, ?, ?)",
            (asked.id, payload, answer.state, iso(asked.expires), answer.model_dump_json(exclude_none=True)),
        )

    async def begin(self, id_: str) -> None:
        """The act that must not happen twice begins now: on disk before it does."""
        await self._database.write(lambda db: db.execute("UPDATE command SET begun = 1 WHERE id = ?", (id_,)))

    @staticmethod
    def finish_in(db: sqlite3.Connection, answer: Ack) -> None:
        """Write the last answer."""
        db.execute(
            "UPDATE command SET state = ?, answer = ? WHERE id = ?",
            (answer.state, answer.model_dump_json(exclude_none=True), answer.id),
        )

    async def purge(self, now: datetime) -> None:
        """Forget commands that have expired: should one come again, it is refused as expired."""
        for id_ in [id_ for id_, entry in self._entries.items() if entry.expires < now]:
            if self._entries[id_].answer.state != "accepted":
                del self._entries[id_]
        await self._database.write(
            lambda db: db.execute("DELETE FROM command WHERE expires < ? AND state != 'accepted'", (iso(now),))
        )

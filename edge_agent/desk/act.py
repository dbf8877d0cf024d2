"""What a handler makes of a command."""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command
from edge_agent.store.outbox import Entry

Begin = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Act:
    """The handling of one command.

    `record` is written in the same transaction as the command itself, with the events in `entries`. Without `run` the
    command is then done. With `run` it is accepted, and done when `run` returns; `run` awaits `begin` right before an
    act that must not happen twice, and raises Refusal when it fails. `settled` hears whether the command is on disk;
    with it, a command that cannot be written is rejected, and what was done in memory is undone (or done only then).
    Without `run` and `settled` it is done all the same: an absolute setting, which is worth more than its record; and
    so is what is `anyhow` to be done, an emergency: it is not called accepted then, only done.
    """

    record: Callable[[sqlite3.Connection], object] | None = None
    entries: tuple[Entry, ...] = ()
    run: Callable[[Begin], Awaitable[JsonObject | None]] | None = None
    result: JsonObject | None = field(default=None)
    settled: Callable[[bool], None] | None = None
    anyhow: bool = False


class Handler(Protocol):
    """Handles one kind of command. What it refuses (Refusal) is rejected: nothing has happened."""

    async def __call__(self, asked: Command, args: Any, /) -> Act: ...

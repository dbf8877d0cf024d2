"""The small things that are done again and again while an agent runs."""

import logging
import sqlite3

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.core import Core
from edge_agent.link.link import Link
from edge_agent.store.database import StoreError

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 60
_SAVE_TIME_EVERY_S = 300
"""Below that time no clock is believed after a power cut; each saving costs the card some pages."""


async def keep_house(core: Core, link: Link) -> None:
    """Save the time, tell a change of the clock's trust, forget expired commands."""
    trusted: bool | None = None
    due = core.clock.monotonic()
    while True:
        now = core.clock.now()
        if core.clock.trusted != trusted:
            trusted = core.clock.trusted
            core.faults.set("clock", None if trusted else Fault.of("clock.untrusted"))
            core.recorder.event("clock", trusted=trusted, source=core.clock.report().source)
            link.say_status()
        try:
            # a wrong time must neither be remembered nor make command ids forgotten
            if trusted and core.clock.monotonic() >= due:
                await _save_instant(core, iso(now))
                await core.journal.purge(now)
                due = core.clock.monotonic() + _SAVE_TIME_EVERY_S
        except StoreError as error:
            log.warning("housekeeping could not write: %s", error)
        await core.clock.sleep(_LOOK_EVERY_S)


async def _save_instant(core: Core, instant: str) -> None:
    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('instant', ?)", (instant,))

    await core.database.write(work)

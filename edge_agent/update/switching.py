"""The acts that change what runs: forward, on trial, kept, back. Each may be cut off at any point and is finished by
whoever comes first, installer or guard.
"""

import contextlib
from datetime import UTC, datetime

from edge_agent.contract.errors import Fault
from edge_agent.update.form import Form
from edge_agent.update.journal import Books, Journal, Last
from edge_agent.update.points import point
from edge_agent.update.room import disk_refusal
from edge_agent.update.slots import Slots

MOST_STARTS = 3
"""So often a version on trial may be started before it has been healthy."""


class Switching:
    """Link, configuration and journal, changed in the one order in which a power cut harms nothing."""

    def __init__(self, books: Books, slots: Slots, form: Form) -> None:
        self._books = books
        self._slots = slots
        self._form = form

    def forward(self, journal: Journal) -> Journal:
        """Switch to the new version, and note that it is on trial; on a disk that takes nothing the old one stays.

        Raises OSError when not even the first word of it could be written: nothing has changed then.
        """
        with self._books.turn():
            journal = journal.model_copy(update={"step": "switching"})
            self._books.write(journal)
            point("switching")
            return self._finish_forward(journal)

    def settle(self) -> Journal | None:
        """Finish what was cut off; the journal of a version on trial, or None when there is none (any more)."""
        with self._books.turn():
            journal = self._books.journal()
            if journal is not None and journal.step == "switching":
                journal = self._finish_forward(journal)
                return journal if journal.step == "switched" else None
            if journal is not None and journal.step == "going_back":
                self._finish_back(journal)
                return None
            return journal if journal is not None and journal.step == "switched" else None

    def started(self) -> bool:
        """A start of the agent: count it, and go back when there were too many. Whether it went back."""
        journal = self.settle()
        if journal is None:
            return False
        try:
            starts = self._books.count_start()
        except OSError:  # what cannot be counted cannot be tried
            starts = MOST_STARTS + 1
        if starts <= MOST_STARTS and self._slots.whole(journal.slot):
            return False
        return self.back(Fault.of("update.starts", version=journal.version, count=starts - 1))

    def keep(self) -> None:
        """The version on trial is healthy: it is the one to come back to from now on. Raises OSError."""
        with self._books.turn():
            journal = self._books.journal()
            if journal is None or journal.step != "switched":
                return
            point("healthy")
            self._slots.trust(journal.slot)
            point("trusted")
            self._books.close(_last(journal, None))

    def back(self, fault: Fault) -> bool:
        """Leave the version on trial; False when somebody else decided meanwhile."""
        with self._books.turn():
            journal = self._books.journal()
            if journal is None or journal.step != "switched":
                return False
            journal = journal.model_copy(update={"step": "going_back", "fault": fault})
            with contextlib.suppress(OSError):  # a full disk must not keep us on a version that does not run
                self._books.write(journal)
            point("going_back")
            self._finish_back(journal)
            return True

    def _finish_forward(self, journal: Journal) -> Journal:
        try:
            if journal.migrated:
                self._form.forward()
            point("configured")
            self._slots.switch(journal.slot)
            point("linked")
            journal = journal.model_copy(update={"step": "switched"})
            self._books.write(journal)
        except OSError as error:
            journal = journal.model_copy(update={"step": "going_back", "fault": disk_refusal(error).fault})
            self._finish_back(journal)
        point("switched")
        return journal

    def _finish_back(self, journal: Journal) -> None:
        if journal.migrated:
            with contextlib.suppress(OSError):  # the agent has its last good configuration besides
                self._form.back()
        point("configured-back")
        self._slots.switch(journal.before)
        point("linked-back")
        self._slots.trust(journal.before)
        self._books.close(_last(journal, journal.fault or Fault.of("update.by_hand", by="-")))


def _last(journal: Journal, fault: Fault | None) -> Last:
    return Last(
        result="healthy" if fault is None else "back",
        version=journal.version,
        version_before=journal.version_before,
        slot_before=journal.before,
        at=datetime.now(UTC),
        fault=fault,
        by=journal.by,
    )

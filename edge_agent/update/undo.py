"""Back to the version before, because a person says so."""

from edge_agent.contract.errors import Fault, Refusal
from edge_agent.update.form import Form, Trial
from edge_agent.update.journal import Books, Journal, Last
from edge_agent.update.means import Means, restart
from edge_agent.update.places import Places
from edge_agent.update.slots import Slots
from edge_agent.update.switching import Switching


def go_back(places: Places, means: Means, by: str) -> Last | None:
    """Return to the version before, because a person says so. Raises Refusal `update.nothing_before`, `update.busy`."""
    books, slots = Books(places.keep), Slots(places)
    last, current = books.last(), slots.current()
    if books.journal() is not None:
        raise Refusal("update.busy")
    before = last.slot_before if last is not None and last.result == "healthy" else None
    if last is None or before is None or before == current or not slots.whole(before):
        raise Refusal("update.nothing_before")
    form = Form(places.config, places.keep, Trial(means.user))
    journal = Journal(
        step="switched",
        version=last.version,
        slot=current,
        before=before,
        version_before=last.version_before,
        migrated=form.kept(),
        by=by,
    )
    try:
        with books.alone():  # or systemd's installer would take the journal for a trial of its own
            books.write(journal)
            Switching(books, slots, form).back(Fault.of("update.by_hand", by=by or "-"))
    except BlockingIOError:
        raise Refusal("update.busy") from None
    restart(means)
    return books.last()

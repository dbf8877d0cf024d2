"""Before each start of the agent while something is under way, and where `current` leads nowhere: makes sure of a
version that can run. Run by the version that proved itself last, never by the one on trial.
"""

from edge_agent.update.form import Form, Trial
from edge_agent.update.journal import Books
from edge_agent.update.places import BASE, Places
from edge_agent.update.slots import Slots
from edge_agent.update.switching import Switching


def guard(places: Places) -> str:
    """Count a start, finish or undo what was cut off; returns the slot that will run. Raises OSError."""
    books, slots = Books(places.keep), Slots(places)
    if books.journal() is not None:
        Switching(books, slots, Form(places.config, places.keep, Trial())).started()
    if not slots.whole(slots.current()):
        slots.switch(slots.good() if slots.whole(slots.good()) else BASE)
    return slots.current()

"""Who acts in this request. Set once by the door, read by whatever writes down who did something."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hub.people.rights import NOBODY, Person

BY_CONSOLE = "console"
"""What stands in a node's log where the hub itself asks, and nobody."""
_ACTING: ContextVar[Person] = ContextVar("acting", default=NOBODY)


def person() -> Person:
    """Who asks; nobody outside of requests."""
    return _ACTING.get()


def by() -> str:
    """How a node's log names who asks."""
    return (_ACTING.get().name or BY_CONSOLE)[:100]


@contextmanager
def acting(who: Person) -> Iterator[None]:
    """Within, `who` acts."""
    token = _ACTING.set(who)
    try:
        yield
    finally:
        _ACTING.reset(token)

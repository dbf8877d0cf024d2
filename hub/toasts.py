"""Notes for the next page of a browser without JavaScript: what became of the form it sent."""

import secrets
from dataclasses import dataclass

from hub.people.outcomes import not_done

MOST = 200


@dataclass(frozen=True)
class Toast:
    """A sentence, and whether it is good news. `undo`: name of what takes it back; empty: nothing does.

    `key`: of the sentence, for the audit log, where it says why something was not done.
    """

    text: str
    good: bool
    undo: str = ""
    key: str = ""


class Toasts:
    """Each note is shown once; at most `MOST` wait."""

    def __init__(self) -> None:
        self._waiting: dict[str, Toast] = {}

    def keep(self, toast: Toast) -> str:
        """Remember a note; returns the name under which it can be fetched."""
        if not toast.good:
            not_done(toast.key, toast.text)
        if len(self._waiting) >= MOST:
            self._waiting.pop(next(iter(self._waiting)))
        name = secrets.token_urlsafe(9)
        self._waiting[name] = toast
        return name

    def take(self, name: str | None) -> Toast | None:
        """The note of this name, if it has not been fetched."""
        return self._waiting.pop(name, None) if name else None

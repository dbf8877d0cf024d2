"""What the first boot has done already, on the node's own disk: it goes on after a power cut where it stood."""

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge_agent.store.files import write_atomically

log = logging.getLogger(__name__)
_FILE = "journal.json"


@dataclass(frozen=True, slots=True)
class Done:
    """SHA-256 of the card's files that were dealt with."""

    config: str = ""
    """The node.yaml that was installed."""
    enrolled: str = ""
    """The enrol.json whose token was used up."""
    ready: str = ""
    """Of both, when the box was ready: nothing is left to do at the next boot."""
    said: str = ""
    """What was said aloud last."""


class Journal:
    """One file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self.done = self._read()

    @property
    def marks(self) -> str:
        """Which card this is, as far as it was dealt with."""
        return f"{self.done.config}:{self.done.enrolled}"

    def remember(self, **changes: str) -> None:
        """Put down what was done.

        A disk that takes no more is no reason to stop: what was done is known again when it is done once more.
        """
        self.done = replace(self.done, **changes)
        try:
            write_atomically(self._path, json.dumps(asdict(self.done)).encode(), 0o600)
        except OSError as error:
            log.warning("the journal could not be written: %s", error)

    def _read(self) -> Done:
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return Done(**{name: str(told.get(name, "")) for name in Done.__dataclass_fields__})
        except (OSError, ValueError, AttributeError):  # nothing is lost by doing it all once more
            return Done()

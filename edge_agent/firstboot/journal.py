"""What the first boot has done already, on the node's own disk: it goes on after a power cut where it stood."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge_agent.store.files import write_atomically

_FILE = "journal.json"


@dataclass(frozen=True, slots=True)
class Done:
    """SHA-256 of the card's files that were dealt with."""

    config: str = ""
    """The node.yaml that was installed."""
    enrolled: str = ""
    """The enrol.json whose token was used up."""


class Journal:
    """One file. `mark` raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self.done = self._read()

    def mark(self, **changes: str) -> None:
        """Put down what was done."""
        self.done = replace(self.done, **changes)
        write_atomically(self._path, json.dumps(asdict(self.done)).encode(), 0o600)

    def _read(self) -> Done:
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return Done(**{name: str(told.get(name, "")) for name in Done.__dataclass_fields__})
        except (OSError, ValueError, AttributeError):  # nothing is lost by doing it all once more
            return Done()

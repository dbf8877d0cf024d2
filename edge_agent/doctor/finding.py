"""What one examination found."""

from dataclasses import dataclass

from edge_agent.contract.errors import Fault
from edge_agent.contract.health import FindingState as State
from edge_agent.words import Both, both, language, say


@dataclass(frozen=True, slots=True)
class Finding:
    """What one examination found."""

    part: str
    state: State
    words: Both
    code: str | None = None

    @property
    def detail(self) -> str:
        """The words in the language spoken now."""
        return self.words.text(language())


def said(key: str, **params: object) -> Both:
    """A sentence of the catalogue in both languages."""
    return both(lambda: say(key, **params))


def of_fault(part: str, fault: Fault) -> Finding:
    """What is wrong."""
    return Finding(part, "faulty", Both(fault.vi, fault.en), fault.code)

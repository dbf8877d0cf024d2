"""What can go wrong with a sheet and with a card, told by a sentence of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agent.words import say

Params = Mapping[str, str | int | float]


class CardFault(Exception):
    """A card or a sheet cannot be read or written. `code` is a sentence, `params` fill it."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    def text(self) -> str:
        """The sentence, in the language of the terminal."""
        return say(self.code, **self.params)


@dataclass(frozen=True, slots=True)
class SheetProblem:
    """A mistake in a sheet: in which row (as a spreadsheet counts, the head is 1) and column, and how to mend it."""

    row: int
    column: str
    code: str
    params: Params = field(default_factory=dict)

    def text(self) -> str:
        """What is wrong and what to do, in the language of the terminal."""
        return say(self.code, **self.params)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"row": self.row, "column": self.column, "code": self.code, "text": self.text()}


class SheetFault(Exception):
    """The sheet has mistakes; all of them."""

    def __init__(self, problems: list[SheetProblem]) -> None:
        super().__init__(f"{len(problems)} mistakes")
        self.problems = problems

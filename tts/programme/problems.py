"""What is wrong with a script: all of it at once, each with its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` and `column` from 1; `path` such as `segments[3].voice`.

    `code` is one of pydantic's error types, or of ours: `programme.unreadable`, `.yaml`, `.twice`, `.voice`, `.file`,
    `.empty`, `.not_mapping`, `.placeholder`, `.voice_file`, `.music`, `.date`, `.unclear`, or those of the voice and of
    sound files. `detail` is an English sentence; `context` has the parts of it.
    """

    line: int
    column: int
    path: str
    code: str
    detail: str
    context: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"line {self.line}, {self.path or 'script'}: {self.detail}"


class ScriptError(Exception):
    """A script cannot become a programme; `problems` says why, in the order of the file."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))

    def __str__(self) -> str:
        return f"{self.file}: " + "; ".join(str(problem) for problem in self.problems)

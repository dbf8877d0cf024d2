"""What comes out: `Speech`, and `Attempt` for what did not. Importing this costs nothing."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Attempt:
    """An engine that was tried and failed: which one, the error's code, and a sentence why."""

    engine: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Speech:
    """A finished announcement.

    `path` is a 48 kHz mono 16-bit WAV that belongs to the cache: copy or open it before asking for more speech.
    `sha256` (hex) and `seconds` are of that file, `spoken` is the text as it was read out, `cached` says that
    `engine` did not have to run, `tried` lists the engines that failed before `engine` did it, `guessed` the written
    forms for which nobody said how to read them, `id` the voice as texts name it.
    """

    path: Path
    sha256: str
    seconds: float
    engine: str
    voice: str
    spoken: str
    cached: bool
    tried: tuple[Attempt, ...] = ()
    guessed: tuple[str, ...] = ()
    id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        return asdict(self) | {"path": str(self.path)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return the speech that `as_json` gave.

        Raises:
            KeyError, TypeError: it did not.
        """
        tried = tuple(Attempt(**attempt) for attempt in fields["tried"])
        return cls(**fields | {"path": Path(fields["path"]), "tried": tried, "guessed": tuple(fields["guessed"])})

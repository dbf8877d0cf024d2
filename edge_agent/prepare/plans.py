"""What was prepared for whom, on disk: one small JSON file per owner, so that a restart forgets nothing."""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from edge_agent.store.files import write_atomically

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A ready segment: name of its file in the store (None: it has none) and its seconds (None: not known)."""

    name: str | None = None
    seconds: float | None = None
    voice: str | None = None
    spoken: str = ""
    guessed: tuple[str, ...] = ()
    own: bool = False
    """Said by the node, although the hub's sound was approved."""
    again: bool = False
    """A better one may be had later: the hub's own, or by a better voice."""
    instead: str = ""
    """Id of the voice that was asked for, where another one says it."""

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """What `asdict` gave. Raises TypeError."""
        return cls(**fields | {"guessed": tuple(fields.get("guessed", ()))})


@dataclass(frozen=True, slots=True)
class Plan:
    """All segments of one owner. `asked`: key of segments and manner; `maker`: key of what has shaped the sounds."""

    owner: str
    asked: str
    maker: str
    segments: tuple[Kept, ...]

    @property
    def names(self) -> set[str]:
        """The files that it needs."""
        return {segment.name for segment in self.segments if segment.name is not None}


class Plans:
    """The plans in a folder. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plans: dict[str, Plan] = {}

    def load(self) -> None:
        """Read all; what cannot be read is left out and told: its sounds are prepared anew. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob("*.json"):
            try:
                fields = json.loads(path.read_text(encoding="utf-8"))
                segments = tuple(Kept.from_json(each) for each in fields["segments"])
                plan = Plan(**fields | {"segments": segments})
            except (OSError, ValueError, TypeError, KeyError) as error:
                log.warning("what was prepared cannot be read from %s: %s", path.name, error)
                continue
            self._plans[plan.owner] = plan

    def get(self, owner: str) -> Plan | None:
        """The plan of an owner."""
        return self._plans.get(owner)

    @property
    def all(self) -> tuple[Plan, ...]:
        """All plans."""
        return tuple(self._plans.values())

    def save(self, plan: Plan) -> None:
        """Remember it; on disk when this returns. Raises OSError, and then it is still known to this process."""
        self._plans[plan.owner] = plan
        write_atomically(self._path(plan.owner), json.dumps(asdict(plan), ensure_ascii=False).encode())

    def drop(self, owner: str) -> None:
        """Forget it. Raises OSError."""
        self._plans.pop(owner, None)
        self._path(owner).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{hashlib.sha256(owner.encode()).hexdigest()[:32]}.json"

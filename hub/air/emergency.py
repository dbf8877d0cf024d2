"""Emergencies of the commune: sounded on many clusters, followed, repeated, ended by the all-clear."""

from collections.abc import Iterable
from dataclasses import dataclass, field

MINUTES = (5, 15, 30, 60)
"""How long the siren and the words may repeat, unless somebody ends it."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said. `clear`: when it is over (empty: nothing is said then); `sound`: its SHA-256 and size, if made."""

    title: str
    text: str
    readings: dict[str, str] = field(default_factory=dict)
    clear: str = ""
    drill: bool = False
    sound: tuple[str, int] | None = None


class Emergencies:
    """All emergencies that were sounded from this hub."""

    async def sound(self, words: Words, addresses: Iterable[str], minutes: float, id_: str | None = None) -> str:
        """Sound it on these nodes, all at one instant, repeating for so many minutes; returns its id.

        Written before it is sent, so that it survives a restart of the hub. Asked again with the same `id_` it changes
        nothing. Raises SQLAlchemyError, StoreFull.
        """
        raise NotImplementedError

    async def again(self, id_: str) -> int:
        """Ask those once more that did not answer; returns how many."""
        raise NotImplementedError

    async def all_clear(self, id_: str) -> None:
        """End it everywhere, and say that it is over."""
        raise NotImplementedError
